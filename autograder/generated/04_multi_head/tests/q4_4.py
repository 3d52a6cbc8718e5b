from otter.test_files import test_case

OK_FORMAT = False

name = "q4_4"
points = None

@test_case(points=1, hidden=False)
def test_q4_4_public(env):
    from attnkit.checking import check
    check('q4_4', env)

@test_case(points=1, hidden=True)
def test_q4_4_1(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q4_4', 'as many groups as heads', env)

@test_case(points=1, hidden=True)
def test_q4_4_2(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q4_4', 'multi-query', env)

@test_case(points=1, hidden=True)
def test_q4_4_3(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q4_4', 'groups', env)

@test_case(points=1, hidden=True)
def test_q4_4_4(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q4_4', 'masks', env)

@test_case(points=1, hidden=True)
def test_q4_4_5(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q4_4', 'call after call and large scores', env)

@test_case(points=1, hidden=True)
def test_q4_4_6(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q4_4', 'number types and gradients', env)

@test_case(points=1, hidden=True)
def test_q4_4_7(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q4_4', 'impossible sizes', env)
