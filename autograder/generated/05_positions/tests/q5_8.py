from otter.test_files import test_case

OK_FORMAT = False

name = "q5_8"
points = None

@test_case(points=1, hidden=False)
def test_q5_8_public(env):
    from attnkit.checking import check
    check('q5_8', env)

@test_case(points=1, hidden=True)
def test_q5_8_1(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q5_8', 'same place', env)

@test_case(points=1, hidden=True)
def test_q5_8_2(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q5_8', 'different places', env)

@test_case(points=1, hidden=True)
def test_q5_8_3(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q5_8', 'bases and number types', env)
