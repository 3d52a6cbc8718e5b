"""The field guide: what attention does in the libraries that learners meet next, computed by running them."""
