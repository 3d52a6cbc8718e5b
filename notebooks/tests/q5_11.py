from otter.test_files import test_case

OK_FORMAT = False

name = "q5_11"
points = None

@test_case(points=1, hidden=False)
def test_q5_11_public(env):
    from attnkit.checking import check
    check('q5_11', env)
