"""What came of each submission: results, and the gradebook that keeps them."""
