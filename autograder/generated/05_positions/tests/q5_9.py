from otter.test_files import test_case

OK_FORMAT = False

name = "q5_9"
points = None

@test_case(points=1, hidden=False)
def test_q5_9_public(env):
    from attnkit.checking import check
    check('q5_9', env)

@test_case(points=1, hidden=True)
def test_q5_9_1(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q5_9', 'an empty cache', env)

@test_case(points=1, hidden=True)
def test_q5_9_2(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q5_9', 'a filled cache', env)

@test_case(points=1, hidden=True)
def test_q5_9_3(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q5_9', 'bases and number types', env)

@test_case(points=1, hidden=True)
def test_q5_9_4(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q5_9', 'gradients', env)
