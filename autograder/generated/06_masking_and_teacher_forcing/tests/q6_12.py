from otter.test_files import test_case

OK_FORMAT = False

name = "q6_12"
points = None

@test_case(points=1, hidden=False)
def test_q6_12_public(env):
    from attnkit.checking import check
    check('q6_12', env)

@test_case(points=1, hidden=True)
def test_q6_12_1(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_12', 'encode', env)

@test_case(points=1, hidden=True)
def test_q6_12_2(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_12', 'decode', env)

@test_case(points=1, hidden=True)
def test_q6_12_3(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_12', 'source padding', env)

@test_case(points=1, hidden=True)
def test_q6_12_4(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_12', 'target padding', env)

@test_case(points=1, hidden=True)
def test_q6_12_5(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_12', 'end to end', env)

@test_case(points=1, hidden=True)
def test_q6_12_6(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_12', 'call after call', env)

@test_case(points=1, hidden=True)
def test_q6_12_7(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_12', 'gradients', env)
