from otter.test_files import test_case

OK_FORMAT = False

name = "q6_6"
points = None

@test_case(points=1, hidden=False)
def test_q6_6_public(env):
    from attnkit.checking import check
    check('q6_6', env)

@test_case(points=1, hidden=True)
def test_q6_6_1(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_6', 'one sentence', env)

@test_case(points=1, hidden=True)
def test_q6_6_2(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_6', 'rows of unequal length', env)

@test_case(points=1, hidden=True)
def test_q6_6_3(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_6', 'max_len', env)

@test_case(points=1, hidden=True)
def test_q6_6_4(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_6', 'other special tokens', env)
