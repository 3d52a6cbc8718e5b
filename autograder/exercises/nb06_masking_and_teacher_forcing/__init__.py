"""Notebook 6, masks and teacher forcing: what each exercise asks, and the wrong answers it knows by name."""
