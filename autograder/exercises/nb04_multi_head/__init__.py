"""Notebook 4, many heads: what each exercise asks, and the wrong answers it knows by name."""
