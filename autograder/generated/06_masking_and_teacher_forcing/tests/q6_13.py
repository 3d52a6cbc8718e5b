from otter.test_files import test_case

OK_FORMAT = False

name = "q6_13"
points = None

@test_case(points=1, hidden=False)
def test_q6_13_public(env):
    from attnkit.checking import check
    check('q6_13', env)

@test_case(points=1, hidden=True)
def test_q6_13_1(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_13', 'one head', env)

@test_case(points=1, hidden=True)
def test_q6_13_2(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_13', 'grouped heads', env)

@test_case(points=1, hidden=True)
def test_q6_13_3(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_13', 'the last positions', env)

@test_case(points=1, hidden=True)
def test_q6_13_4(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_13', 'gradients', env)
