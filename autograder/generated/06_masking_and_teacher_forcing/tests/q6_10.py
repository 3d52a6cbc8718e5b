from otter.test_files import test_case

OK_FORMAT = False

name = "q6_10"
points = None

@test_case(points=1, hidden=False)
def test_q6_10_public(env):
    from attnkit.checking import check
    check('q6_10', env)

@test_case(points=1, hidden=True)
def test_q6_10_1(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_10', 'the definition', env)

@test_case(points=1, hidden=True)
def test_q6_10_2(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_10', 'eps', env)

@test_case(points=1, hidden=True)
def test_q6_10_3(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_10', 'far from 0', env)

@test_case(points=1, hidden=True)
def test_q6_10_4(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_10', 'gradients', env)
