from otter.test_files import test_case

OK_FORMAT = False

name = "q2_1"
points = None

@test_case(points=1, hidden=False)
def test_q2_1_public(env):
    from attnkit.checking import check
    check('q2_1', env)
