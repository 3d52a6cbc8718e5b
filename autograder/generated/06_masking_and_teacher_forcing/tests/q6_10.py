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
    check_hidden('q6_10', 'self-attention and feed-forward', env)

@test_case(points=1, hidden=True)
def test_q6_10_2(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_10', 'self mask', env)

@test_case(points=1, hidden=True)
def test_q6_10_3(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_10', 'cross-attention', env)

@test_case(points=1, hidden=True)
def test_q6_10_4(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_10', 'both masks', env)

@test_case(points=1, hidden=True)
def test_q6_10_5(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_10', 'cross without a memory', env)

@test_case(points=1, hidden=True)
def test_q6_10_6(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_10', 'gradients', env)
