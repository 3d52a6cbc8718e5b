from otter.test_files import test_case

OK_FORMAT = False

name = "q5_3"
points = None

@test_case(points=1, hidden=False)
def test_q5_3_public(env):
    from attnkit.checking import check
    check('q5_3', env)

@test_case(points=1, hidden=True)
def test_q5_3_1(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q5_3', 'one sequence', env)

@test_case(points=1, hidden=True)
def test_q5_3_2(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q5_3', 'leading dimensions and number types', env)

@test_case(points=1, hidden=True)
def test_q5_3_3(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q5_3', 'positions', env)

@test_case(points=1, hidden=True)
def test_q5_3_4(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q5_3', 'positions in both widths', env)
