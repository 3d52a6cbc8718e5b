from otter.test_files import test_case

OK_FORMAT = False

name = "q2_7"
points = None

@test_case(points=1, hidden=False)
def test_q2_7_public(env):
    from attnkit.checking import check
    check('q2_7', env)

@test_case(points=1, hidden=True)
def test_q2_7_1(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q2_7', 'as many keys as features', env)

@test_case(points=1, hidden=True)
def test_q2_7_2(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q2_7', 'keys of unequal length', env)

@test_case(points=1, hidden=True)
def test_q2_7_3(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q2_7', 'fewer keys than features', env)
