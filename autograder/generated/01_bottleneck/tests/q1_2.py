from otter.test_files import test_case

OK_FORMAT = False

name = "q1_2"
points = None

@test_case(points=1, hidden=False)
def test_q1_2_public(env):
    from attnkit.checking import check
    check('q1_2', env)

@test_case(points=1, hidden=True)
def test_q1_2_1(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q1_2', 'no padding', env)

@test_case(points=1, hidden=True)
def test_q1_2_2(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q1_2', 'padding', env)

@test_case(points=1, hidden=True)
def test_q1_2_3(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q1_2', 'number types', env)

@test_case(points=1, hidden=True)
def test_q1_2_4(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q1_2', 'gradients', env)
