"""Who takes the course, as the gradebook keeps it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass


def told_apart(names: Mapping[str, str]) -> dict[str, str]:
    """By student the name to show: with the key behind it where another student has the same."""
    often = Counter(names.values())
    return {key: f"{name} ({key})" if often[name] > 1 else name for key, name in names.items()}


@dataclass(frozen=True, slots=True)
class Listed:
    """Somebody whom a roster lists, or listed once; `teams` are their groups, `ids` all (kind, value) they are known by."""

    student: str
    name: str
    email: str = ""
    sis: str = ""
    login: str = ""
    section: str = ""
    teams: tuple[str, ...] = ()
    ids: tuple[tuple[str, str], ...] = ()
    listed: bool = True

    @property
    def sections(self) -> tuple[str, ...]:
        """The sections one by one: somebody may be in a lecture and a lab."""
        return tuple(part for part in self.section.split(", ") if part)
