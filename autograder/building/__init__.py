"""From the masters in `solutions/` to everything generated: student notebooks, solved notebooks, tests, zips, numbers."""
