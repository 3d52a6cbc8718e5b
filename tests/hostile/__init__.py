"""Submissions that attack the grader or are broken, what each may earn, and the tests that hold them to it."""
