from otter.test_files import test_case

OK_FORMAT = False

name = "q6_16"
points = None

@test_case(points=1, hidden=False)
def test_q6_16_public(env):
    from attnkit.checking import check
    check('q6_16', env)

@test_case(points=1, hidden=True)
def test_q6_16_1(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_16', 'width 1', env)

@test_case(points=1, hidden=True)
def test_q6_16_2(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_16', 'wider beams', env)

@test_case(points=1, hidden=True)
def test_q6_16_3(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_16', 'ended sentences', env)

@test_case(points=1, hidden=True)
def test_q6_16_4(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_16', 'length penalty', env)

@test_case(points=1, hidden=True)
def test_q6_16_5(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_16', 'max_len', env)

@test_case(points=1, hidden=True)
def test_q6_16_6(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_16', 'other special tokens', env)
