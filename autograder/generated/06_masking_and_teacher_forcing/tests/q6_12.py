from otter.test_files import test_case

OK_FORMAT = False

name = "q6_12"
points = None

@test_case(points=1, hidden=False)
def test_q6_12_public(env):
    from attnkit.checking import check
    check('q6_12', env)

@test_case(points=1, hidden=True)
def test_q6_12_1(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_12', 'one head', env)

@test_case(points=1, hidden=True)
def test_q6_12_2(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_12', 'grouped heads', env)

@test_case(points=1, hidden=True)
def test_q6_12_3(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_12', 'the last positions', env)

@test_case(points=1, hidden=True)
def test_q6_12_4(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_12', 'gradients', env)
