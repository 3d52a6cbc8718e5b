"""The proof that the tests are right: every known mistake is caught and named, every right answer passes."""
