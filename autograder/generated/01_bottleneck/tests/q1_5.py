from otter.test_files import test_case

OK_FORMAT = False

name = "q1_5"
points = None

@test_case(points=1, hidden=False)
def test_q1_5_public(env):
    from attnkit.checking import check
    check('q1_5', env)

@test_case(points=1, hidden=True)
def test_q1_5_1(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q1_5', 'nothing masked', env)

@test_case(points=1, hidden=True)
def test_q1_5_2(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q1_5', 'padding', env)

@test_case(points=1, hidden=True)
def test_q1_5_3(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q1_5', 'broadcast masks', env)

@test_case(points=1, hidden=True)
def test_q1_5_4(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q1_5', 'large scores', env)

@test_case(points=1, hidden=True)
def test_q1_5_5(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q1_5', 'nothing allowed', env)

@test_case(points=1, hidden=True)
def test_q1_5_6(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q1_5', 'gradients and number types', env)
