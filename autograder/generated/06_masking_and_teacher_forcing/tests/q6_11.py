from otter.test_files import test_case

OK_FORMAT = False

name = "q6_11"
points = None

@test_case(points=1, hidden=False)
def test_q6_11_public(env):
    from attnkit.checking import check
    check('q6_11', env)

@test_case(points=1, hidden=True)
def test_q6_11_1(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_11', 'encode', env)

@test_case(points=1, hidden=True)
def test_q6_11_2(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_11', 'decode', env)

@test_case(points=1, hidden=True)
def test_q6_11_3(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_11', 'source padding', env)

@test_case(points=1, hidden=True)
def test_q6_11_4(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_11', 'target padding', env)

@test_case(points=1, hidden=True)
def test_q6_11_5(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_11', 'end to end', env)

@test_case(points=1, hidden=True)
def test_q6_11_6(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_11', 'gradients', env)
