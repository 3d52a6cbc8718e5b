"""What the build says about every notebook of the course: its questions, its cells and its test files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from autograder.grading.errors import GradingError

PACKAGE = Path(__file__).resolve().parents[1]
GENERATED = PACKAGE / "generated"


@dataclass(frozen=True)
class Question:
    """One question: Otter's name for it, its heading, its points, the names it asks for, what its hidden tests say."""

    name: str
    title: str
    points: float
    functions: tuple[str, ...]
    tests: tuple[str, ...] = ()


@dataclass(frozen=True)
class MasterCell:
    """One cell of the notebook as it was handed out; of a set-up cell the source is kept, too."""

    id: str
    kind: str
    question: str | None
    source_sha256: str
    source: str = ""


@dataclass(frozen=True)
class CourseNotebook:
    """One notebook of the course and where its tests are; `claims` are digests of cells of the solved notebook alone."""

    name: str
    title: str
    version: str
    questions: tuple[Question, ...]
    cells: tuple[MasterCell, ...]
    experiments: frozenset[str]
    folder: Path
    claims: frozenset[str] = frozenset()

    @property
    def points(self) -> float:
        """Points of all questions together."""
        return sum(question.points for question in self.questions)

    @property
    def number(self) -> str:
        """The two digits that the notebook's name begins with."""
        return self.name.partition("_")[0]

    @cached_property
    def cell_by_id(self) -> Mapping[str, MasterCell]:
        """The handed-out cells by their stable ids."""
        return {cell.id: cell for cell in self.cells}

    @cached_property
    def digests(self) -> Mapping[str, MasterCell]:
        """The handed-out cells by the digest of their source."""
        return {cell.source_sha256: cell for cell in self.cells}

    def test_path(self, question: Question) -> Path:
        """The Otter test file of a question."""
        return self.folder / "tests" / f"{question.name}.py"

    @cached_property
    def tests_version(self) -> str:
        """A digest of everything that decides the points: test files, exercises, references and comparisons."""
        digest = hashlib.sha256()
        for path in sorted(self._sources(), key=lambda path: path.as_posix()):
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
        return digest.hexdigest()[:16]

    def _sources(self) -> Iterator[Path]:
        yield self.folder / "course.json"
        yield from (self.folder / "tests").glob("*.py")
        exercises = PACKAGE / "exercises"
        for folder in (PACKAGE / "judging", exercises / f"nb{self.name}"):
            yield from folder.glob("*.py")
        yield from (exercises / "__init__.py", PACKAGE / "reference" / "__init__.py")
        yield PACKAGE / "reference" / f"nb{self.number}.py"
        checking = _checking_folder()
        yield from checking.glob("*.py")
        yield from (checking / "numbers").glob(f"q{int(self.number)}_*.json")


@dataclass(frozen=True)
class Course:
    """All notebooks of the course that have been built, by name."""

    notebooks: Mapping[str, CourseNotebook]

    @classmethod
    def load(cls, folder: Path = GENERATED) -> Course:
        """Read every `course.json` under `folder`; raises GradingError when there is none."""
        paths = sorted(folder.glob("*/course.json"))
        if not paths:
            raise GradingError("no notebook of the course has been built: run `autograder build` first")
        notebooks = (read_course_notebook(path) for path in paths)
        return cls({notebook.name: notebook for notebook in notebooks})

    def title(self, name: str) -> str:
        """The title of a notebook by its name; a name that is not of the course stands for itself."""
        known = self.notebooks.get(name)
        return known.title if known else name or "Unknown notebook"

    @cached_property
    def minutes(self) -> Mapping[str, int]:
        """How many minutes each exercise is said to take, by question."""
        lessons = [_checking_folder().parent / "lessons" / f"{name}.json" for name in self.notebooks]
        read = [json.loads(path.read_text(encoding="utf-8")) for path in lessons if path.is_file()]
        return {one["question"]: one["minutes"] for lesson in read for one in lesson["exercises"]}

    @cached_property
    def fingerprint(self) -> str:
        """Changes when what is known about the handed-out notebooks changes."""
        names = "\n".join(f"{notebook.name} {notebook.version}" for notebook in self.notebooks.values())
        return hashlib.sha256(names.encode()).hexdigest()[:16]


def read_course_notebook(path: Path) -> CourseNotebook:
    """Read one `course.json`; raises GradingError when it is damaged."""
    try:
        data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        questions = tuple(
            Question(
                str(item["name"]),
                str(item["exercise"]),
                float(item["points"]),
                tuple(item["functions"]),
                tuple(item.get("tests", ())),
            )
            for item in data["questions"]
        )
        cells = tuple(
            MasterCell(
                item["id"], item["kind"], item.get("question"), item["source_sha256"], str(item.get("source", ""))
            )
            for item in data["cells"]
        )
        experiments = frozenset(data["experiment_cells"])
        claims = frozenset(data.get("claim_cells", ()))
        title = data.get("title") or _title(data["notebook"])
        return CourseNotebook(data["notebook"], title, data["version"], questions, cells, experiments, path.parent, claims)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise GradingError(
            f"{path.parent.name}/course.json is damaged ({error!r}): run `autograder build` again"
        ) from error


def _title(name: str) -> str:
    """`02_keys_queries_values` as a reader sees it: `2 · Keys queries values`."""
    digits, _, words = name.partition("_")
    return f"{int(digits)} · {words.replace('_', ' ').capitalize()}" if digits.isdigit() else name


def _checking_folder() -> Path:
    """Where `attnkit.checking` lives, found without importing it (it imports torch)."""
    import importlib.util

    found = importlib.util.find_spec("attnkit")
    if found is None or not found.submodule_search_locations:
        raise GradingError("the package attnkit is not installed: run `pip install -e .` in the course's folder")
    return Path(next(iter(found.submodule_search_locations))) / "checking"
