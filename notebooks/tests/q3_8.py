from otter.test_files import test_case

OK_FORMAT = False

name = "q3_8"
points = None

@test_case(points=1, hidden=False)
def test_q3_8_public(env):
    from attnkit.checking import check
    check('q3_8', env)
