from otter.test_files import test_case

OK_FORMAT = False

name = "q4_7"
points = None

@test_case(points=1, hidden=False)
def test_q4_7_public(env):
    from attnkit.checking import check
    check('q4_7', env)

@test_case(points=1, hidden=True)
def test_q4_7_1(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q4_7', 'every position has gold', env)

@test_case(points=1, hidden=True)
def test_q4_7_2(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q4_7', 'some positions have none', env)

@test_case(points=1, hidden=True)
def test_q4_7_3(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q4_7', 'no position has gold', env)
