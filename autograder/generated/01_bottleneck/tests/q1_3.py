from otter.test_files import test_case

OK_FORMAT = False

name = "q1_3"
points = None

@test_case(points=1, hidden=False)
def test_q1_3_public(env):
    from attnkit.checking import check
    check('q1_3', env)

@test_case(points=1, hidden=True)
def test_q1_3_1(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q1_3', 'first token', env)

@test_case(points=1, hidden=True)
def test_q1_3_2(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q1_3', 'fed back', env)

@test_case(points=1, hidden=True)
def test_q1_3_3(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q1_3', 'one example and number types', env)
