from otter.test_files import test_case

OK_FORMAT = False

name = "q5_6"
points = None

@test_case(points=1, hidden=False)
def test_q5_6_public(env):
    from attnkit.checking import check
    check('q5_6', env)

@test_case(points=1, hidden=True)
def test_q5_6_1(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q5_6', 'one pair', env)

@test_case(points=1, hidden=True)
def test_q5_6_2(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q5_6', 'every pair', env)

@test_case(points=1, hidden=True)
def test_q5_6_3(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q5_6', 'the positions that are given', env)

@test_case(points=1, hidden=True)
def test_q5_6_4(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q5_6', 'leading dimensions and number types', env)

@test_case(points=1, hidden=True)
def test_q5_6_5(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q5_6', 'gradients', env)

@test_case(points=1, hidden=True)
def test_q5_6_6(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q5_6', 'impossible sizes', env)
