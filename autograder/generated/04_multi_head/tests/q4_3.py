from otter.test_files import test_case

OK_FORMAT = False

name = "q4_3"
points = None

@test_case(points=1, hidden=False)
def test_q4_3_public(env):
    from attnkit.checking import check
    check('q4_3', env)

@test_case(points=1, hidden=True)
def test_q4_3_1(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q4_3', 'one head', env)

@test_case(points=1, hidden=True)
def test_q4_3_2(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q4_3', 'several heads', env)

@test_case(points=1, hidden=True)
def test_q4_3_3(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q4_3', 'another sequence', env)

@test_case(points=1, hidden=True)
def test_q4_3_4(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q4_3', 'masks', env)

@test_case(points=1, hidden=True)
def test_q4_3_5(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q4_3', 'large scores and number types', env)

@test_case(points=1, hidden=True)
def test_q4_3_6(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q4_3', 'gradients', env)

@test_case(points=1, hidden=True)
def test_q4_3_7(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q4_3', 'call after call', env)

@test_case(points=1, hidden=True)
def test_q4_3_8(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q4_3', 'impossible sizes', env)
