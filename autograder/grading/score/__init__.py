"""One notebook in, one result out: which cells run, the test files over what they defined, a mistake followed through."""
