from otter.test_files import test_case

OK_FORMAT = False

name = "q6_15"
points = None

@test_case(points=1, hidden=False)
def test_q6_15_public(env):
    from attnkit.checking import check
    check('q6_15', env)

@test_case(points=1, hidden=True)
def test_q6_15_1(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_15', 'the crossing token', env)

@test_case(points=1, hidden=True)
def test_q6_15_2(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_15', 'never empty', env)

@test_case(points=1, hidden=True)
def test_q6_15_3(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_15', 'temperature', env)

@test_case(points=1, hidden=True)
def test_q6_15_4(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_15', 'each row by itself', env)

@test_case(points=1, hidden=True)
def test_q6_15_5(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_15', 'large logits and number types', env)
