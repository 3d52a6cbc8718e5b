from otter.test_files import test_case

OK_FORMAT = False

name = "q1_4"
points = None

@test_case(points=1, hidden=False)
def test_q1_4_public(env):
    from attnkit.checking import check
    check('q1_4', env)

@test_case(points=1, hidden=True)
def test_q1_4_1(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q1_4', 'unequal sizes', env)

@test_case(points=1, hidden=True)
def test_q1_4_2(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q1_4', 'batch as long as the sequences', env)

@test_case(points=1, hidden=True)
def test_q1_4_3(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q1_4', 'number types', env)

@test_case(points=1, hidden=True)
def test_q1_4_4(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q1_4', 'gradients', env)
