from otter.test_files import test_case

OK_FORMAT = False

name = "q6_16"
points = None

@test_case(points=1, hidden=False)
def test_q6_16_public(env):
    from attnkit.checking import check
    check('q6_16', env)
