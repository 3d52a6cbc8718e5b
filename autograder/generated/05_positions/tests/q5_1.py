from otter.test_files import test_case

OK_FORMAT = False

name = "q5_1"
points = None

@test_case(points=1, hidden=False)
def test_q5_1_public(env):
    from attnkit.checking import check
    check('q5_1', env)

@test_case(points=1, hidden=True)
def test_q5_1_1(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q5_1', 'one pair of features', env)

@test_case(points=1, hidden=True)
def test_q5_1_2(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q5_1', 'every pair', env)

@test_case(points=1, hidden=True)
def test_q5_1_3(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q5_1', 'other bases', env)

@test_case(points=1, hidden=True)
def test_q5_1_4(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q5_1', 'impossible sizes', env)
