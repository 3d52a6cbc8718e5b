from otter.test_files import test_case

OK_FORMAT = False

name = "q4_2"
points = None

@test_case(points=1, hidden=False)
def test_q4_2_public(env):
    from attnkit.checking import check
    check('q4_2', env)

@test_case(points=1, hidden=True)
def test_q4_2_1(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q4_2', 'one head', env)

@test_case(points=1, hidden=True)
def test_q4_2_2(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q4_2', 'several heads', env)

@test_case(points=1, hidden=True)
def test_q4_2_3(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q4_2', 'number types', env)

@test_case(points=1, hidden=True)
def test_q4_2_4(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q4_2', 'gradients', env)
