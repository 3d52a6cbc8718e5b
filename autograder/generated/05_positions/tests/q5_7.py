from otter.test_files import test_case

OK_FORMAT = False

name = "q5_7"
points = None

@test_case(points=1, hidden=False)
def test_q5_7_public(env):
    from attnkit.checking import check
    check('q5_7', env)

@test_case(points=1, hidden=True)
def test_q5_7_1(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q5_7', 'one vector', env)

@test_case(points=1, hidden=True)
def test_q5_7_2(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q5_7', 'leading dimensions', env)

@test_case(points=1, hidden=True)
def test_q5_7_3(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q5_7', 'number types', env)

@test_case(points=1, hidden=True)
def test_q5_7_4(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q5_7', 'impossible sizes', env)
