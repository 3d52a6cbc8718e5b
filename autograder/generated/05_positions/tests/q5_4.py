from otter.test_files import test_case

OK_FORMAT = False

name = "q5_4"
points = None

@test_case(points=1, hidden=False)
def test_q5_4_public(env):
    from attnkit.checking import check
    check('q5_4', env)

@test_case(points=1, hidden=True)
def test_q5_4_1(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q5_4', 'within the table', env)

@test_case(points=1, hidden=True)
def test_q5_4_2(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q5_4', 'unequal sizes', env)

@test_case(points=1, hidden=True)
def test_q5_4_3(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q5_4', 'far away', env)

@test_case(points=1, hidden=True)
def test_q5_4_4(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q5_4', 'gradients and number types', env)
