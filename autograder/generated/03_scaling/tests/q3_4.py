from otter.test_files import test_case

OK_FORMAT = False

name = "q3_4"
points = None

@test_case(points=1, hidden=False)
def test_q3_4_public(env):
    from attnkit.checking import check
    check('q3_4', env)

@test_case(points=1, hidden=True)
def test_q3_4_1(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q3_4', 'unequal sizes', env)

@test_case(points=1, hidden=True)
def test_q3_4_2(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q3_4', 'leading dimensions', env)

@test_case(points=1, hidden=True)
def test_q3_4_3(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q3_4', 'masks', env)

@test_case(points=1, hidden=True)
def test_q3_4_4(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q3_4', 'nothing to attend to', env)

@test_case(points=1, hidden=True)
def test_q3_4_5(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q3_4', 'large scores', env)

@test_case(points=1, hidden=True)
def test_q3_4_6(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q3_4', 'gradients', env)
