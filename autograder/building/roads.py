"""What the map of the course says of a notebook's exercises, taken from their declarations when a notebook is built."""

from __future__ import annotations

import re

from autograder.exercises import exercises_of

_PLACE = re.compile(r"\{\{(?P<kind>road|further):(?P<number>\d\d)\}\}")


def lay(text: str) -> str:
    """Put the required exercises in place of every `{{road:NN}}`, and those beyond in place of `{{further:NN}}`."""
    return _PLACE.sub(lambda match: _KINDS[match["kind"]](match["number"]), text)


def _road(number: str) -> str:
    required = [exercise for exercise in exercises_of(number) if not exercise.further]
    return f"{len(required)}, {sum(exercise.minutes for exercise in required)} min"


def _further(number: str) -> str:
    beyond = [exercise for exercise in exercises_of(number) if exercise.further]
    return ", ".join(f"{exercise.number} {exercise.title} ({exercise.minutes} min)" for exercise in beyond) or "–"


_KINDS = {"road": _road, "further": _further}
