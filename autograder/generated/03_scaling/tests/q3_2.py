from otter.test_files import test_case

OK_FORMAT = False

name = "q3_2"
points = None

@test_case(points=1, hidden=False)
def test_q3_2_public(env):
    from attnkit.checking import check
    check('q3_2', env)

@test_case(points=1, hidden=True)
def test_q3_2_1(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q3_2', 'one row', env)

@test_case(points=1, hidden=True)
def test_q3_2_2(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q3_2', 'leading dimensions', env)

@test_case(points=1, hidden=True)
def test_q3_2_3(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q3_2', 'zeros in p', env)

@test_case(points=1, hidden=True)
def test_q3_2_4(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q3_2', 'number types', env)

@test_case(points=1, hidden=True)
def test_q3_2_5(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q3_2', 'gradients', env)
