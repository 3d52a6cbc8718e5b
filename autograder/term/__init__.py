"""The term around the grading: who takes the course, and what goes back to them."""
