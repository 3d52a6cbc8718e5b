"""Lists that lie on disk, so that memory does not grow with a class."""

from __future__ import annotations

import pickle
import tempfile
from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Generic, TypeVar, overload

Item = TypeVar("Item")


class Shelf:
    """A file without a name that holds the items of any number of lists; it is gone with the last of them."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 (closed when nothing refers to it)
        self._end = 0

    def put(self, item: object) -> int:
        """Write an item; its place. Raises OSError, which names the folder, when the disk is full."""
        raw, place = pickle.dumps(item, pickle.HIGHEST_PROTOCOL), self._end
        with _naming_the_folder():
            self._file.seek(place)
            self._file.write(raw)
        self._end += len(raw)
        return place

    def get(self, place: int) -> object:
        """A copy of the item at a place."""
        with _naming_the_folder():  # what was put last may be written only now
            self._file.seek(place)
            item: object = pickle.load(self._file)  # nobody else can write to this file
        return item


@contextmanager
def _naming_the_folder() -> Iterator[None]:
    """Let an error of the file that has no name say in which folder it is."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, tempfile.gettempdir()) from None


class LongList(Sequence[Item], Generic[Item]):
    """A list to which items are added at the end; each reading of an item gives a new copy of it.

    Eight bytes of an item stay in memory. The items have to be plain data, and `pickle` has to know their classes.
    """

    def __init__(self, items: Iterable[Item] = (), shelf: Shelf | None = None) -> None:
        self._shelf = shelf or Shelf()
        self._places = array("Q")
        self.extend(items)

    def append(self, item: Item) -> None:
        """Add one item; raises OSError when the disk is full."""
        self._places.append(self._shelf.put(item))

    def extend(self, items: Iterable[Item]) -> None:
        """Add one item after another."""
        for item in items:
            self.append(item)

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[Item]:
        for place in self._places:
            yield self._shelf.get(place)  # type: ignore[misc]

    @overload
    def __getitem__(self, at: int) -> Item: ...
    @overload
    def __getitem__(self, at: slice) -> list[Item]: ...
    def __getitem__(self, at: int | slice) -> Item | list[Item]:
        if isinstance(at, slice):
            return [self._shelf.get(place) for place in self._places[at]]  # type: ignore[misc]
        return self._shelf.get(self._places[at])  # type: ignore[return-value]
