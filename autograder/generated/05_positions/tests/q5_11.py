from otter.test_files import test_case

OK_FORMAT = False

name = "q5_11"
points = None

@test_case(points=1, hidden=False)
def test_q5_11_public(env):
    from attnkit.checking import check
    check('q5_11', env)

@test_case(points=1, hidden=True)
def test_q5_11_1(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q5_11', 'within the window', env)

@test_case(points=1, hidden=True)
def test_q5_11_2(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q5_11', 'the smallest and the largest', env)

@test_case(points=1, hidden=True)
def test_q5_11_3(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q5_11', 'beside a cache', env)

@test_case(points=1, hidden=True)
def test_q5_11_4(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q5_11', 'impossible sizes', env)
