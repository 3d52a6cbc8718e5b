from otter.test_files import test_case

OK_FORMAT = False

name = "q4_8"
points = None

@test_case(points=1, hidden=False)
def test_q4_8_public(env):
    from attnkit.checking import check
    check('q4_8', env)

@test_case(points=1, hidden=True)
def test_q4_8_1(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q4_8', 'multi-head', env)

@test_case(points=1, hidden=True)
def test_q4_8_2(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q4_8', 'grouped', env)

@test_case(points=1, hidden=True)
def test_q4_8_3(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q4_8', 'impossible sizes', env)
