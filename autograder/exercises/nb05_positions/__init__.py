"""Notebook 5, positions: what each exercise asks, and the wrong answers it knows by name."""
