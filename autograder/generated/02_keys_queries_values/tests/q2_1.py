from otter.test_files import test_case

OK_FORMAT = False

name = "q2_1"
points = None

@test_case(points=1, hidden=False)
def test_q2_1_public(env):
    from attnkit.checking import check
    check('q2_1', env)

@test_case(points=1, hidden=True)
def test_q2_1_1(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q2_1', 'one row', env)

@test_case(points=1, hidden=True)
def test_q2_1_2(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q2_1', 'any axis', env)

@test_case(points=1, hidden=True)
def test_q2_1_3(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q2_1', 'large numbers', env)

@test_case(points=1, hidden=True)
def test_q2_1_4(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q2_1', 'number types', env)
