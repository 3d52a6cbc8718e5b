from otter.test_files import test_case

OK_FORMAT = False

name = "q6_2"
points = None

@test_case(points=1, hidden=False)
def test_q6_2_public(env):
    from attnkit.checking import check
    check('q6_2', env)

@test_case(points=1, hidden=True)
def test_q6_2_1(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_2', 'combine_masks', env)

@test_case(points=1, hidden=True)
def test_q6_2_2(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_2', 'unequal sizes', env)

@test_case(points=1, hidden=True)
def test_q6_2_3(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_2', 'from_key_padding', env)

@test_case(points=1, hidden=True)
def test_q6_2_4(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_2', 'from_additive', env)

@test_case(points=1, hidden=True)
def test_q6_2_5(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_2', 'very negative', env)
