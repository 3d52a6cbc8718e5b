from otter.test_files import test_case

OK_FORMAT = False

name = "q1_6"
points = None

@test_case(points=1, hidden=False)
def test_q1_6_public(env):
    from attnkit.checking import check
    check('q1_6', env)

@test_case(points=1, hidden=True)
def test_q1_6_1(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q1_6', 'unequal sizes', env)

@test_case(points=1, hidden=True)
def test_q1_6_2(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q1_6', 'equal sizes', env)

@test_case(points=1, hidden=True)
def test_q1_6_3(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q1_6', 'batch of one', env)

@test_case(points=1, hidden=True)
def test_q1_6_4(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q1_6', 'gradients and number types', env)
