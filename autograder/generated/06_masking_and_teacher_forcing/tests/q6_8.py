from otter.test_files import test_case

OK_FORMAT = False

name = "q6_8"
points = None

@test_case(points=1, hidden=False)
def test_q6_8_public(env):
    from attnkit.checking import check
    check('q6_8', env)

@test_case(points=1, hidden=True)
def test_q6_8_1(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_8', 'the first token', env)

@test_case(points=1, hidden=True)
def test_q6_8_2(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_8', 'a longer cache', env)

@test_case(points=1, hidden=True)
def test_q6_8_3(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_8', 'step after step', env)

@test_case(points=1, hidden=True)
def test_q6_8_4(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_8', 'large scores and number types', env)

@test_case(points=1, hidden=True)
def test_q6_8_5(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q6_8', 'gradients', env)
