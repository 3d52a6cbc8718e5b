from otter.test_files import test_case

OK_FORMAT = False

name = "q6_1"
points = None

@test_case(points=1, hidden=False)
def test_q6_1_public(env):
    from attnkit.checking import check
    check('q6_1', env)

@test_case(points=1, hidden=True)
def test_q6_1_1(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_1', 'square', env)

@test_case(points=1, hidden=True)
def test_q6_1_2(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_1', 'more keys than queries', env)

@test_case(points=1, hidden=True)
def test_q6_1_3(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_1', 'impossible sizes', env)
