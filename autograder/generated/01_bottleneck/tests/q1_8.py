from otter.test_files import test_case

OK_FORMAT = False

name = "q1_8"
points = None

@test_case(points=1, hidden=False)
def test_q1_8_public(env):
    from attnkit.checking import check
    check('q1_8', env)

@test_case(points=1, hidden=True)
def test_q1_8_1(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q1_8', 'small sizes', env)

@test_case(points=1, hidden=True)
def test_q1_8_2(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q1_8', 'it fits exactly', env)

@test_case(points=1, hidden=True)
def test_q1_8_3(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q1_8', 'nothing fits', env)

@test_case(points=1, hidden=True)
def test_q1_8_4(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q1_8', 'real sizes', env)
