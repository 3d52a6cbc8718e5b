from otter.test_files import test_case

OK_FORMAT = False

name = "q2_4"
points = None

@test_case(points=1, hidden=False)
def test_q2_4_public(env):
    from attnkit.checking import check
    check('q2_4', env)

@test_case(points=1, hidden=True)
def test_q2_4_1(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q2_4', 'square', env)

@test_case(points=1, hidden=True)
def test_q2_4_2(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q2_4', 'unequal sizes', env)

@test_case(points=1, hidden=True)
def test_q2_4_3(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q2_4', 'gradients', env)
