"""How long each exercise took, where a notebook says when its cells were last run: a rough measure, and never of a mark."""

from __future__ import annotations

from datetime import datetime, timedelta

from autograder.grading.course import CourseNotebook
from autograder.grading.find.notebook import Notebook, source_digest

PAUSE = timedelta(minutes=60)  # whoever needed longer did something else, too
IN_ONE_GO = timedelta(seconds=20)  # cells that were run again one after the other


def minutes_by_exercise(notebook: Notebook, master: CourseNotebook) -> dict[str, float]:
    """Minutes from the last run of one exercise to the last run of the next, by question; those that tell nothing are left out.

    What is told is when a cell ran *last*: a pause is no work, and cells that were all run again at once say nothing.
    """
    last: dict[str, datetime] = {}
    for cell in notebook.cells:
        known = master.digests.get(source_digest(cell.source)) or master.cell_by_id.get(cell.id)
        place = "" if known is None else known.question or ("set-up" if known.kind == "setup" else "")
        if place and cell.ran:
            moment = datetime.fromisoformat(cell.ran)
            last[place] = max(last.get(place, moment), moment)
    minutes: dict[str, float] = {}
    before = last.get("set-up")
    for question in master.questions:
        here = last.get(question.name)
        if here is not None and before is not None and IN_ONE_GO <= here - before <= PAUSE:
            minutes[question.name] = round((here - before) / timedelta(minutes=1), 1)
        before = here
    return minutes
