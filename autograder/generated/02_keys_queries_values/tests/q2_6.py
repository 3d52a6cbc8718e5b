from otter.test_files import test_case

OK_FORMAT = False

name = "q2_6"
points = None

@test_case(points=1, hidden=False)
def test_q2_6_public(env):
    from attnkit.checking import check
    check('q2_6', env)

@test_case(points=1, hidden=True)
def test_q2_6_1(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q2_6', 'one sequence in three roles', env)

@test_case(points=1, hidden=True)
def test_q2_6_2(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q2_6', 'sizes and batches', env)

@test_case(points=1, hidden=True)
def test_q2_6_3(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q2_6', 'gradients', env)
