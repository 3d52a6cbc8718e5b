from otter.test_files import test_case

OK_FORMAT = False

name = "q3_7"
points = None

@test_case(points=1, hidden=False)
def test_q3_7_public(env):
    from attnkit.checking import check
    check('q3_7', env)

@test_case(points=1, hidden=True)
def test_q3_7_1(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q3_7', 'no correlation', env)

@test_case(points=1, hidden=True)
def test_q3_7_2(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q3_7', 'some correlation', env)

@test_case(points=1, hidden=True)
def test_q3_7_3(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q3_7', 'negative correlation', env)

@test_case(points=1, hidden=True)
def test_q3_7_4(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q3_7', 'q is k, or −k', env)
