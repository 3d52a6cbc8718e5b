from otter.test_files import test_case

OK_FORMAT = False

name = "q2_3"
points = None

@test_case(points=1, hidden=False)
def test_q2_3_public(env):
    from attnkit.checking import check
    check('q2_3', env)

@test_case(points=1, hidden=True)
def test_q2_3_1(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q2_3', 'unequal sizes', env)

@test_case(points=1, hidden=True)
def test_q2_3_2(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q2_3', 'leading dimensions', env)

@test_case(points=1, hidden=True)
def test_q2_3_3(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q2_3', 'large scores and number types', env)

@test_case(points=1, hidden=True)
def test_q2_3_4(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q2_3', 'gradients', env)

@test_case(points=1, hidden=True)
def test_q2_3_5(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q2_3', 'no loop', env)
