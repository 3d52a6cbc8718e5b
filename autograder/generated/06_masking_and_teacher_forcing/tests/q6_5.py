from otter.test_files import test_case

OK_FORMAT = False

name = "q6_5"
points = None

@test_case(points=1, hidden=False)
def test_q6_5_public(env):
    from attnkit.checking import check
    check('q6_5', env)

@test_case(points=1, hidden=True)
def test_q6_5_1(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_5', 'what the model reads', env)

@test_case(points=1, hidden=True)
def test_q6_5_2(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_5', 'the loss', env)

@test_case(points=1, hidden=True)
def test_q6_5_3(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_5', 'no padding in the loss', env)

@test_case(points=1, hidden=True)
def test_q6_5_4(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_5', 'gradients', env)
