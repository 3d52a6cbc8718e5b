"""One notebook in, one result out."""
