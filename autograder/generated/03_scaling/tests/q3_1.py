from otter.test_files import test_case

OK_FORMAT = False

name = "q3_1"
points = None

@test_case(points=1, hidden=False)
def test_q3_1_public(env):
    from attnkit.checking import check
    check('q3_1', env)

@test_case(points=1, hidden=True)
def test_q3_1_1(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q3_1', 'grows with d_k', env)

@test_case(points=1, hidden=True)
def test_q3_1_2(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q3_1', 'all randomness from the generator', env)

@test_case(points=1, hidden=True)
def test_q3_1_3(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q3_1', 'n − 1', env)
