from otter.test_files import test_case

OK_FORMAT = False

name = "q2_5"
points = None

@test_case(points=1, hidden=False)
def test_q2_5_public(env):
    from attnkit.checking import check
    check('q2_5', env)

@test_case(points=1, hidden=True)
def test_q2_5_1(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q2_5', 'same sizes', env)

@test_case(points=1, hidden=True)
def test_q2_5_2(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q2_5', 'two lengths and two widths', env)

@test_case(points=1, hidden=True)
def test_q2_5_3(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q2_5', 'gradients', env)
