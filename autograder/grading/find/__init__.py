"""Which file is whose, and what is in it: archives, folders, names, notebooks."""
