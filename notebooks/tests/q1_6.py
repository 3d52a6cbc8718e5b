from otter.test_files import test_case

OK_FORMAT = False

name = "q1_6"
points = None

@test_case(points=1, hidden=False)
def test_q1_6_public(env):
    from attnkit.checking import check
    check('q1_6', env)
