from otter.test_files import test_case

OK_FORMAT = False

name = "q5_10"
points = None

@test_case(points=1, hidden=False)
def test_q5_10_public(env):
    from attnkit.checking import check
    check('q5_10', env)
