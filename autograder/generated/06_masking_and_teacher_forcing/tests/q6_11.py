from otter.test_files import test_case

OK_FORMAT = False

name = "q6_11"
points = None

@test_case(points=1, hidden=False)
def test_q6_11_public(env):
    from attnkit.checking import check
    check('q6_11', env)

@test_case(points=1, hidden=True)
def test_q6_11_1(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_11', 'self-attention and feed-forward', env)

@test_case(points=1, hidden=True)
def test_q6_11_2(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_11', 'call after call', env)

@test_case(points=1, hidden=True)
def test_q6_11_3(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_11', 'self mask', env)

@test_case(points=1, hidden=True)
def test_q6_11_4(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_11', 'cross-attention', env)

@test_case(points=1, hidden=True)
def test_q6_11_5(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_11', 'both masks', env)

@test_case(points=1, hidden=True)
def test_q6_11_6(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_11', 'cross without a memory', env)

@test_case(points=1, hidden=True)
def test_q6_11_7(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_11', 'gradients', env)
