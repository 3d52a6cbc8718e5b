"""Notebook 2, keys, queries and values: what each exercise asks, and the wrong answers it knows by name."""
