from otter.test_files import test_case

OK_FORMAT = False

name = "q1_7"
points = None

@test_case(points=1, hidden=False)
def test_q1_7_public(env):
    from attnkit.checking import check
    check('q1_7', env)

@test_case(points=1, hidden=True)
def test_q1_7_1(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q1_7', 'unequal sizes', env)

@test_case(points=1, hidden=True)
def test_q1_7_2(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q1_7', 'unaligned targets', env)

@test_case(points=1, hidden=True)
def test_q1_7_3(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q1_7', 'ties', env)

@test_case(points=1, hidden=True)
def test_q1_7_4(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q1_7', 'none aligned', env)

@test_case(points=1, hidden=True)
def test_q1_7_5(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q1_7', 'number types', env)
