from otter.test_files import test_case

OK_FORMAT = False

name = "q3_6"
points = None

@test_case(points=1, hidden=False)
def test_q3_6_public(env):
    from attnkit.checking import check
    check('q3_6', env)

@test_case(points=1, hidden=True)
def test_q3_6_1(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q3_6', 'one row', env)

@test_case(points=1, hidden=True)
def test_q3_6_2(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q3_6', 'any axis', env)

@test_case(points=1, hidden=True)
def test_q3_6_3(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q3_6', 'large numbers', env)

@test_case(points=1, hidden=True)
def test_q3_6_4(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q3_6', 'number types', env)

@test_case(points=1, hidden=True)
def test_q3_6_5(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q3_6', 'gradients', env)
