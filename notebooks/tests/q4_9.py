from otter.test_files import test_case

OK_FORMAT = False

name = "q4_9"
points = None

@test_case(points=1, hidden=False)
def test_q4_9_public(env):
    from attnkit.checking import check
    check('q4_9', env)
