"""Notebook 3, scaling: what each exercise asks, and the wrong answers it knows by name."""
