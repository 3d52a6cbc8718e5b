from otter.test_files import test_case

OK_FORMAT = False

name = "q2_8"
points = None

@test_case(points=1, hidden=False)
def test_q2_8_public(env):
    from attnkit.checking import check
    check('q2_8', env)

@test_case(points=1, hidden=True)
def test_q2_8_1(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q2_8', 'scores', env)

@test_case(points=1, hidden=True)
def test_q2_8_2(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q2_8', 'weights', env)

@test_case(points=1, hidden=True)
def test_q2_8_3(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q2_8', 'output', env)
