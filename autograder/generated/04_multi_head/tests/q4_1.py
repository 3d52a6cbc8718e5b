from otter.test_files import test_case

OK_FORMAT = False

name = "q4_1"
points = None

@test_case(points=1, hidden=False)
def test_q4_1_public(env):
    from attnkit.checking import check
    check('q4_1', env)

@test_case(points=1, hidden=True)
def test_q4_1_1(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q4_1', 'one head', env)

@test_case(points=1, hidden=True)
def test_q4_1_2(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q4_1', 'several heads', env)

@test_case(points=1, hidden=True)
def test_q4_1_3(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q4_1', 'number types', env)

@test_case(points=1, hidden=True)
def test_q4_1_4(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q4_1', 'gradients', env)

@test_case(points=1, hidden=True)
def test_q4_1_5(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q4_1', 'impossible sizes', env)
