"""Notebook 1, the bottleneck: what each exercise asks, and the wrong answers it knows by name."""
