from otter.test_files import test_case

OK_FORMAT = False

name = "q4_9"
points = None

@test_case(points=1, hidden=False)
def test_q4_9_public(env):
    from attnkit.checking import check
    check('q4_9', env)

@test_case(points=1, hidden=True)
def test_q4_9_1(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q4_9', 'kept or dropped', env)

@test_case(points=1, hidden=True)
def test_q4_9_2(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q4_9', 'switched off', env)

@test_case(points=1, hidden=True)
def test_q4_9_3(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q4_9', 'the generator', env)

@test_case(points=1, hidden=True)
def test_q4_9_4(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q4_9', 'gradients', env)

@test_case(points=1, hidden=True)
def test_q4_9_5(env):
    from autograder.judging.examine import check_hidden
    check_hidden('q4_9', 'impossible probabilities', env)
