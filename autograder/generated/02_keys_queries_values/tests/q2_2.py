from otter.test_files import test_case

OK_FORMAT = False

name = "q2_2"
points = None

@test_case(points=1, hidden=False)
def test_q2_2_public(env):
    from attnkit.checking import check
    check('q2_2', env)

@test_case(points=1, hidden=True)
def test_q2_2_1(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q2_2', 'one key', env)

@test_case(points=1, hidden=True)
def test_q2_2_2(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q2_2', 'unequal sizes', env)

@test_case(points=1, hidden=True)
def test_q2_2_3(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q2_2', 'large scores', env)

@test_case(points=1, hidden=True)
def test_q2_2_4(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q2_2', 'number types', env)
