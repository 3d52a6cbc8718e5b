from otter.test_files import test_case

OK_FORMAT = False

name = "q3_5"
points = None

@test_case(points=1, hidden=False)
def test_q3_5_public(env):
    from attnkit.checking import check
    check('q3_5', env)

@test_case(points=1, hidden=True)
def test_q3_5_1(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q3_5', 'unit variances', env)

@test_case(points=1, hidden=True)
def test_q3_5_2(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q3_5', 'any variances', env)

@test_case(points=1, hidden=True)
def test_q3_5_3(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q3_5', 'very small and very large variances', env)
