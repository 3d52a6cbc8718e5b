from otter.test_files import test_case

OK_FORMAT = False

name = "q6_7"
points = None

@test_case(points=1, hidden=False)
def test_q6_7_public(env):
    from attnkit.checking import check
    check('q6_7', env)

@test_case(points=1, hidden=True)
def test_q6_7_1(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_7', 'frequencies', env)

@test_case(points=1, hidden=True)
def test_q6_7_2(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_7', 'temperature', env)

@test_case(points=1, hidden=True)
def test_q6_7_3(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_7', 'temperature 0', env)

@test_case(points=1, hidden=True)
def test_q6_7_4(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_7', 'top_k', env)

@test_case(points=1, hidden=True)
def test_q6_7_5(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_7', 'each row by itself', env)

@test_case(points=1, hidden=True)
def test_q6_7_6(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_7', 'generator', env)
