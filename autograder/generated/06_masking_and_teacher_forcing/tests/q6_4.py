from otter.test_files import test_case

OK_FORMAT = False

name = "q6_4"
points = None

@test_case(points=1, hidden=False)
def test_q6_4_public(env):
    from attnkit.checking import check
    check('q6_4', env)

@test_case(points=1, hidden=True)
def test_q6_4_1(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_4', 'every token real', env)

@test_case(points=1, hidden=True)
def test_q6_4_2(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_4', 'padding', env)

@test_case(points=1, hidden=True)
def test_q6_4_3(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_4', 'large logits', env)

@test_case(points=1, hidden=True)
def test_q6_4_4(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_4', 'nothing real', env)

@test_case(points=1, hidden=True)
def test_q6_4_5(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_4', 'gradients', env)
