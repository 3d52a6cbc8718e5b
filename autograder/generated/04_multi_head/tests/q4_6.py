from otter.test_files import test_case

OK_FORMAT = False

name = "q4_6"
points = None

@test_case(points=1, hidden=False)
def test_q4_6_public(env):
    from attnkit.checking import check
    check('q4_6', env)

@test_case(points=1, hidden=True)
def test_q4_6_1(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q4_6', 'nothing to pool, all to pool', env)

@test_case(points=1, hidden=True)
def test_q4_6_2(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q4_6', 'groups', env)

@test_case(points=1, hidden=True)
def test_q4_6_3(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q4_6', 'number types', env)

@test_case(points=1, hidden=True)
def test_q4_6_4(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q4_6', 'impossible sizes', env)
