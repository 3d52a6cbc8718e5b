"""What a submission may see: the Python installation, a copy of `attnkit`, and the worker's own modules."""

from __future__ import annotations

import os
import shutil
import site
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

import attnkit

_SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin")
_SETTINGS = (
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/fonts",
    "/etc/localtime",
    "/etc/alternatives",
)
_INSIDE = Path(__file__).parent / "inside"
_PACKAGE = Path(__file__).resolve().parents[2]
_PROJECT = _PACKAGE.parent if (_PACKAGE.parent / "pyproject.toml").is_file() else _PACKAGE  # installed: among other packages
_COPIED = ("*.py", "*.pyc", "*.json", "*.mplstyle", "*.tsv", "*.txt")


@dataclass(frozen=True)
class Installation:
    """`python` starts the interpreter; `roots` must be readable for it; `packages` are its folders of libraries."""

    python: str
    roots: tuple[str, ...]
    packages: tuple[str, ...]

    @property
    def hidden(self) -> tuple[str, ...]:
        """Folders below the roots that hold this package, and with it the tests."""
        return (str(_PROJECT),) if any(_is_below(_PROJECT, root) for root in self.roots) else ()

    def readable(self) -> list[str]:
        """The roots; where one holds something hidden, everything in it but that."""
        return [path for root in self.roots for path in _around(Path(root), [Path(hidden) for hidden in self.hidden])]


def find_installation() -> Installation:
    """The Python that is running now."""
    python = os.path.realpath(sys.executable)
    named = {path for path in sys.path if path.endswith(("site-packages", "dist-packages"))}  # some by a .pth file
    packages = [path for path in {*site.getsitepackages(), sysconfig.get_path("purelib"), *named} if os.path.isdir(path)]
    if site.ENABLE_USER_SITE and os.path.isdir(site.getusersitepackages()):
        packages.append(site.getusersitepackages())
    standard = (sys.base_prefix, sys.base_exec_prefix, str(Path(python).parent.parent))
    roots = [path for path in _SYSTEM if os.path.exists(path)]
    for path in (*standard, *packages):
        resolved = os.path.realpath(path)
        if not any(_is_below(Path(resolved), root) for root in roots):
            roots.append(resolved)
    return Installation(python, tuple(roots), tuple(sorted(os.path.realpath(path) for path in packages)))


def settings() -> tuple[str, ...]:
    """The few files of /etc that libraries read."""
    return tuple(path for path in _SETTINGS if os.path.exists(path))


def stage(folder: Path) -> None:
    """Copy into `folder` what workers import beside the installation, and the data that notebooks read."""
    notebooks, modules = folder / "notebooks", folder / "lib" / "python"
    package = Path(attnkit.__file__).parent
    shutil.copytree(package, notebooks / "attnkit", ignore=_only(_COPIED))
    shutil.copytree(_INSIDE, modules / "inside", ignore=_only(("*.py", "*.pyc")))
    shutil.move(modules / "inside" / "start.py", modules / "start.py")
    data = package.parents[1] / "data"
    if data.is_dir():
        shutil.copytree(data, folder / "data", ignore=_only(("*.tsv", "*.txt", "*.json")))
    (folder / "cache").mkdir()
    for fonts in _font_lists():
        shutil.copy(fonts, folder / "cache" / fonts.name)
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


def needs_search(roots: tuple[str, ...]) -> bool:
    """Whether a folder above one of the roots is closed to other users."""
    parents = {parent for root in roots for parent in (Path(root), *Path(root).parents)}
    return any(not parent.stat().st_mode & 0o001 for parent in parents)


def _around(root: Path, hidden: list[Path]) -> list[str]:
    """The path itself, or its parts when something below it is hidden."""
    if root in hidden:
        return []
    if not any(root in path.parents for path in hidden):
        return [str(root)]
    return [path for entry in sorted(root.iterdir()) for path in _around(entry, hidden)]


def _font_lists() -> list[Path]:
    """matplotlib's list of fonts, which takes a second to make."""
    folder = os.environ.get("MPLCONFIGDIR") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or "~/.cache", "matplotlib"
    )
    return sorted(Path(folder).expanduser().glob("fontlist-*.json"))


def _only(patterns: tuple[str, ...]):  # type: ignore[no-untyped-def]
    """An `ignore` for `copytree` that leaves out every file that fits none of the patterns."""

    def ignored(folder: str, names: list[str]) -> list[str]:
        files = [name for name in names if not os.path.isdir(os.path.join(folder, name))]
        return [name for name in files if not any(Path(name).match(pattern) for pattern in patterns)]

    return ignored


def _is_below(path: Path, root: str) -> bool:
    return path == Path(root) or Path(root) in path.parents
