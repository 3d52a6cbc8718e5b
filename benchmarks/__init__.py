"""How fast the grader is: against `otter run`, nbgrader and a bare process, and as a class grows."""
