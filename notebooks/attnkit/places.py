"""Where the files lie that belong to this `attnkit`, in a checkout, in a bundle and as an installed package."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_QUESTION = re.compile(r"q\d+_\d+")


def in_lines(sentence: str) -> list[str]:
    """A sentence in lines as wide as a notebook's page: JupyterLab breaks a longer one in the middle of a word.

    A command between backticks stays on one line, so that it can be copied.
    """
    whole = re.sub(r"`[^`]*`", lambda command: command[0].replace(" ", "\0"), sentence)
    lines = textwrap.wrap(whole, 88, break_long_words=False, break_on_hyphens=False)
    return [line.replace("\0", " ") for line in lines]


class OneSentence:
    """An error of which Jupyter shows the sentence and no trace."""

    def _render_traceback_(self) -> list[str]:
        return in_lines(str(self))


class NotFoundError(OneSentence, FileNotFoundError):
    """A file of the course is not where it should be; its one sentence says what is missing and what to do."""


def public_test(question: str) -> Path:
    """The test file of a question: beside this package, inside it, or in the folder of the notebook."""
    if not _QUESTION.fullmatch(question):
        raise NotFoundError(f"a question is called as q2_3 is, and not {question[:80]!r}")
    folders = (_PACKAGE.parent / "tests", _PACKAGE / "tests", Path("tests"))
    for folder in folders:
        if (folder / f"{question}.py").is_file():
            return folder / f"{question}.py"
    raise NotFoundError(f"there is no check {question}: it is misspelt, or attnkit/ was copied only in part")


def numbers() -> Path:
    """The folder of the numbers with which the public checks compare."""
    return _PACKAGE / "checking" / "numbers"


def en_es() -> Path:
    """The folder of the corpus: `data/en_es` beside the notebooks' folder or beside this package, or inside it."""
    folders = (_PACKAGE.parents[1] / "data" / "en_es", _PACKAGE.parent / "data" / "en_es", _PACKAGE / "corpus" / "en_es")
    return next((folder for folder in folders if folder.is_dir()), folders[0])
