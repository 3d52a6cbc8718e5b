from otter.test_files import test_case

OK_FORMAT = False

name = "q6_3"
points = None

@test_case(points=1, hidden=False)
def test_q6_3_public(env):
    from attnkit.checking import check
    check('q6_3', env)

@test_case(points=1, hidden=True)
def test_q6_3_1(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_3', 'one place to the right', env)

@test_case(points=1, hidden=True)
def test_q6_3_2(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_3', 'one token', env)

@test_case(points=1, hidden=True)
def test_q6_3_3(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_3', 'the target is kept', env)
