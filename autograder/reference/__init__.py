"""Slow references in float64 NumPy loops, written from the definitions; one module per notebook."""
