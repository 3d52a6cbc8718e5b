from otter.test_files import test_case

OK_FORMAT = False

name = "q4_5"
points = None

@test_case(points=1, hidden=False)
def test_q4_5_public(env):
    from attnkit.checking import check
    check('q4_5', env)

@test_case(points=1, hidden=True)
def test_q4_5_1(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q4_5', 'one of everything', env)

@test_case(points=1, hidden=True)
def test_q4_5_2(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q4_5', 'every size counts', env)

@test_case(points=1, hidden=True)
def test_q4_5_3(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q4_5', 'published shapes', env)
