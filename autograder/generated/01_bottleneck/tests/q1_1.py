from otter.test_files import test_case

OK_FORMAT = False

name = "q1_1"
points = None

@test_case(points=1, hidden=False)
def test_q1_1_public(env):
    from attnkit.checking import check
    check('q1_1', env)

@test_case(points=1, hidden=True)
def test_q1_1_1(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q1_1', 'one example', env)

@test_case(points=1, hidden=True)
def test_q1_1_2(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q1_1', 'unequal sizes and number types', env)

@test_case(points=1, hidden=True)
def test_q1_1_3(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q1_1', 'gradients', env)
