from otter.test_files import test_case

OK_FORMAT = False

name = "q5_2"
points = None

@test_case(points=1, hidden=False)
def test_q5_2_public(env):
    from attnkit.checking import check
    check('q5_2', env)

@test_case(points=1, hidden=True)
def test_q5_2_1(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q5_2', 'one pair', env)

@test_case(points=1, hidden=True)
def test_q5_2_2(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q5_2', 'every pair', env)

@test_case(points=1, hidden=True)
def test_q5_2_3(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q5_2', 'backwards', env)

@test_case(points=1, hidden=True)
def test_q5_2_4(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q5_2', 'other bases', env)

@test_case(points=1, hidden=True)
def test_q5_2_5(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q5_2', 'impossible sizes', env)
