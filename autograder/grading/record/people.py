"""Who takes the course, as the gradebook keeps it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass


def told_apart(names: Mapping[str, str]) -> dict[str, str]:
    """By student the name to show: with the key behind it where another student has the same."""
    often = Counter(names.values())
    shared = {name for name, count in often.items() if count > 1}
    return {key: apart(name, key, shared) for key, name in names.items()}


def apart(name: str, key: str, shared: Collection[str]) -> str:
    """The name to show of one student: with the key behind it where it is one of those that several have."""
    return f"{name} ({key})" if name in shared else name


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
