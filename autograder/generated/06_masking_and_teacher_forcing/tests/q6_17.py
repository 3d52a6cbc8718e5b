from otter.test_files import test_case

OK_FORMAT = False

name = "q6_17"
points = None

@test_case(points=1, hidden=False)
def test_q6_17_public(env):
    from attnkit.checking import check
    check('q6_17', env)

@test_case(points=1, hidden=True)
def test_q6_17_1(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_17', 'the rise', env)

@test_case(points=1, hidden=True)
def test_q6_17_2(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_17', 'step 0', env)

@test_case(points=1, hidden=True)
def test_q6_17_3(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_17', 'the turning point', env)

@test_case(points=1, hidden=True)
def test_q6_17_4(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_17', 'the fall', env)
