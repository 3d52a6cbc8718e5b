"""Judging an answer: how an exercise is declared, what is right, and which mistake an answer looks like."""
