from otter.test_files import test_case

OK_FORMAT = False

name = "q5_5"
points = None

@test_case(points=1, hidden=False)
def test_q5_5_public(env):
    from attnkit.checking import check
    check('q5_5', env)

@test_case(points=1, hidden=True)
def test_q5_5_1(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q5_5', 'one pair', env)

@test_case(points=1, hidden=True)
def test_q5_5_2(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q5_5', 'every pair', env)

@test_case(points=1, hidden=True)
def test_q5_5_3(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q5_5', 'the positions that are given', env)

@test_case(points=1, hidden=True)
def test_q5_5_4(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q5_5', 'leading dimensions and number types', env)

@test_case(points=1, hidden=True)
def test_q5_5_5(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q5_5', 'gradients', env)

@test_case(points=1, hidden=True)
def test_q5_5_6(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q5_5', 'impossible sizes', env)
