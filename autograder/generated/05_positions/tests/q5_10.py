from otter.test_files import test_case

OK_FORMAT = False

name = "q5_10"
points = None

@test_case(points=1, hidden=False)
def test_q5_10_public(env):
    from attnkit.checking import check
    check('q5_10', env)

@test_case(points=1, hidden=True)
def test_q5_10_1(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q5_10', 'a power of two', env)

@test_case(points=1, hidden=True)
def test_q5_10_2(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q5_10', 'any number of heads', env)

@test_case(points=1, hidden=True)
def test_q5_10_3(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q5_10', 'beside a cache', env)

@test_case(points=1, hidden=True)
def test_q5_10_4(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q5_10', 'impossible sizes', env)
