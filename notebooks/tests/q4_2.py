from otter.test_files import test_case

OK_FORMAT = False

name = "q4_2"
points = None

@test_case(points=1, hidden=False)
def test_q4_2_public(env):
    from attnkit.checking import check
    check('q4_2', env)
