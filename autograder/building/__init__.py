"""From the masters in `solutions/` to everything generated: student notebooks, solved notebooks, tests, zips, numbers."""


class BuildError(RuntimeError):
    """What was made is not what was declared, or could not be made at all."""
