from otter.test_files import test_case

OK_FORMAT = False

name = "q6_14"
points = None

@test_case(points=1, hidden=False)
def test_q6_14_public(env):
    from attnkit.checking import check
    check('q6_14', env)

@test_case(points=1, hidden=True)
def test_q6_14_1(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_14', 'the definition', env)

@test_case(points=1, hidden=True)
def test_q6_14_2(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_14', 'no smoothing, nothing but smoothing', env)

@test_case(points=1, hidden=True)
def test_q6_14_3(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_14', 'padding', env)

@test_case(points=1, hidden=True)
def test_q6_14_4(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_14', 'large logits', env)

@test_case(points=1, hidden=True)
def test_q6_14_5(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_14', 'nothing real', env)

@test_case(points=1, hidden=True)
def test_q6_14_6(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_14', 'gradients', env)
