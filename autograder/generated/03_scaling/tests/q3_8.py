from otter.test_files import test_case

OK_FORMAT = False

name = "q3_8"
points = None

@test_case(points=1, hidden=False)
def test_q3_8_public(env):
    from attnkit.checking import check
    check('q3_8', env)

@test_case(points=1, hidden=True)
def test_q3_8_1(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q3_8', 'one block', env)

@test_case(points=1, hidden=True)
def test_q3_8_2(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q3_8', 'any block', env)

@test_case(points=1, hidden=True)
def test_q3_8_3(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q3_8', 'the maximum moves', env)

@test_case(points=1, hidden=True)
def test_q3_8_4(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q3_8', 'number types', env)

@test_case(points=1, hidden=True)
def test_q3_8_5(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q3_8', 'never all scores', env)
