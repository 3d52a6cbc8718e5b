from otter.test_files import test_case

OK_FORMAT = False

name = "q3_3"
points = None

@test_case(points=1, hidden=False)
def test_q3_3_public(env):
    from attnkit.checking import check
    check('q3_3', env)

@test_case(points=1, hidden=True)
def test_q3_3_1(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q3_3', 'nats over the keys', env)

@test_case(points=1, hidden=True)
def test_q3_3_2(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q3_3', 'leading dimensions', env)

@test_case(points=1, hidden=True)
def test_q3_3_3(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q3_3', 'zero weights', env)

@test_case(points=1, hidden=True)
def test_q3_3_4(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q3_3', 'number types', env)

@test_case(points=1, hidden=True)
def test_q3_3_5(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q3_3', 'gradients', env)

@test_case(points=1, hidden=True)
def test_q3_3_6(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q3_3', 'gradients at zero', env)
