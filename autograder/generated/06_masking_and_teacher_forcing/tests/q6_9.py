from otter.test_files import test_case

OK_FORMAT = False

name = "q6_9"
points = None

@test_case(points=1, hidden=False)
def test_q6_9_public(env):
    from attnkit.checking import check
    check('q6_9', env)

@test_case(points=1, hidden=True)
def test_q6_9_1(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_9', 'all rows alike', env)

@test_case(points=1, hidden=True)
def test_q6_9_2(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_9', 'unequal states', env)

@test_case(points=1, hidden=True)
def test_q6_9_3(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_9', 'impossible steps', env)

@test_case(points=1, hidden=True)
def test_q6_9_4(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_9', 'periodic chains', env)
