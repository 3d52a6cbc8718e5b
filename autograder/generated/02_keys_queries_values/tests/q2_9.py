from otter.test_files import test_case

OK_FORMAT = False

name = "q2_9"
points = None

@test_case(points=1, hidden=False)
def test_q2_9_public(env):
    from attnkit.checking import check
    check('q2_9', env)

@test_case(points=1, hidden=True)
def test_q2_9_1(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q2_9', 'zero where order does not matter', env)

@test_case(points=1, hidden=True)
def test_q2_9_2(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q2_9', 'the largest difference', env)

@test_case(points=1, hidden=True)
def test_q2_9_3(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q2_9', 'number types', env)
