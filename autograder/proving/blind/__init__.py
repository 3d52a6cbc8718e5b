"""Wrong answers written from the student stubs alone, without a look at the tests or the bank."""
