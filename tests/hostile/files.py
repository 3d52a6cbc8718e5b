"""Hand-ins that are broken or hostile as files: what lies on the disk, and how their grading must end."""

from __future__ import annotations

import io
import json
import os
import socket
import stat
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handins import FILE, handin

from autograder.grading.record.result import Status

MEGABYTE = 2**20
Write = Callable[[Path], None]


@dataclass(frozen=True)
class HostileFile:
    """One student's folder: `write` fills it; `status` is how it must end, `points` whether it must earn them all.

    `student` is the folder's name when the name itself is the attack.
    """

    name: str
    write: Write
    status: Status = Status.UNREADABLE
    points: bool = False
    student: str = ""


def notebook(change: Callable[[dict[str, Any]], Any] | None = None) -> bytes:
    """The answered notebook with one thing changed."""
    made = json.loads(handin("einsum"))
    if change is not None:
        change(made)
    return json.dumps(made).encode()


def file(content: bytes, name: str = FILE) -> Write:
    """Write one file."""

    def write(folder: Path) -> None:
        (folder / name).write_bytes(content)

    return write


def archive(name: str, *entries: tuple[str, bytes]) -> Write:
    """Write one zip archive."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as made:
        for entry, content in entries:
            made.writestr(entry, content)
    return file(stream.getvalue(), name)


def tar(name: str, *entries: tuple[tarfile.TarInfo, bytes]) -> Write:
    """Write one tar archive."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as made:
        for info, content in entries:
            info.size = len(content)
            made.addfile(info, io.BytesIO(content))
    return file(stream.getvalue(), name)


def tar_link(kind: bytes, target: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(FILE)
    info.type, info.linkname = kind, target
    return info


def zip_link(folder: Path) -> None:
    info = zipfile.ZipInfo(FILE)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(folder / "handin.zip", "w") as made:
        made.writestr(info, "/etc/passwd")


def both(*writes: Write) -> Write:
    """Write several files."""

    def write(folder: Path) -> None:
        for one in writes:
            one(folder)

    return write


def huge_outputs(made: dict[str, Any]) -> None:
    output = {"output_type": "stream", "name": "stdout", "text": ["x" * 1000] * 12_000}
    next(cell for cell in made["cells"] if cell["cell_type"] == "code")["outputs"] = [output]


def ignore_everything(made: dict[str, Any]) -> None:
    for cell in made["cells"]:
        cell["metadata"] = {"tags": ["otter_ignore", "experiment", "skip"]}


def format_three(made: dict[str, Any]) -> None:
    cells = made.pop("cells")
    for cell in cells:
        if cell["cell_type"] == "code":
            cell["input"] = cell.pop("source")
            cell["language"], cell["prompt_number"] = "python", None
            cell.pop("execution_count", None)
        cell.pop("id", None)
    made["nbformat"], made["nbformat_minor"] = 3, 0
    made["worksheets"] = [{"cells": cells, "metadata": {}}]


def kernel_elsewhere(made: dict[str, Any]) -> None:
    made["metadata"]["kernelspec"] = {
        "name": "../../../../tmp/evil",
        "display_name": "x",
        "argv": ["/bin/sh", "-c", "id"],
    }


def without_metadata(made: dict[str, Any]) -> None:
    made["metadata"] = {}
    for cell in made["cells"]:
        cell.pop("id", None)


def points_claimed(made: dict[str, Any]) -> None:
    made["metadata"]["otter"] = {"assignment_name": "x", "tests": {"q2_1": {"points": 1000, "suites": []}}}
    made["cells"] = [cell for cell in made["cells"] if cell["cell_type"] == "markdown"]


def one_id(made: dict[str, Any]) -> None:
    for cell in made["cells"]:
        cell["id"] = made["cells"][1].get("id", "x")


def old_line_ends(made: dict[str, Any]) -> None:
    for cell in made["cells"]:
        cell["source"] = "".join(cell["source"]).replace("\n", "\r\n")


def a_socket(folder: Path) -> None:
    made = socket.socket(socket.AF_UNIX)
    here = os.open(".", os.O_RDONLY)
    try:  # its address is short, whatever the folder's name is
        os.chdir(folder)
        made.bind(FILE)
    finally:
        os.fchdir(here)
        os.close(here)
        made.close()


def odd_sources(made: dict[str, Any]) -> None:
    for name, source in (
        ("x1", "\ud800 = 1"),
        ("x2", "print('\u202e')\x00"),
        ("x3", "\ufeffx = 1"),
        ("x4", "(" * 10_000),
    ):
        made["cells"].append({"cell_type": "code", "id": name, "metadata": {}, "outputs": [], "source": source})


ANSWERED = notebook()
FILES = (
    HostileFile("empty", file(b"")),
    HostileFile("not JSON", file(b"PK\x03\x04 not a notebook")),
    HostileFile("null", file(b"null")),
    HostileFile("a list", file(b"[]")),
    HostileFile("cells of another kind", file(b'{"cells": {"a": 1}, "metadata": [], "nbformat": "4"}')),
    HostileFile("deep JSON", file(b'{"cells": ' + b"[" * 200_000 + b"]" * 200_000 + b"}")),
    HostileFile("a number of a million digits", file(b'{"nbformat": ' + b"9" * 1_000_000 + b', "cells": []}')),
    HostileFile("cut off", file(ANSWERED[:9_000])),
    HostileFile("a picture", file(b"\x89PNG\r\n\x1a\n" + bytes(range(256)))),
    HostileFile("larger than allowed", file(b" " * (33 * MEGABYTE))),
    HostileFile("UTF-16", file(ANSWERED.decode().encode("utf-16")), Status.GRADED, points=True),
    HostileFile("a byte order mark", file(b"\xef\xbb\xbf" + ANSWERED), Status.GRADED, points=True),
    HostileFile("huge outputs", file(notebook(huge_outputs)), Status.GRADED, points=True),
    HostileFile("format 3", file(notebook(format_three)), Status.GRADED, points=True),
    HostileFile("a kernel elsewhere", file(notebook(kernel_elsewhere)), Status.GRADED, points=True),
    HostileFile("otter_ignore on every cell", file(notebook(ignore_everything)), Status.GRADED, points=True),
    HostileFile("no metadata and no ids", file(notebook(without_metadata)), Status.GRADED, points=True),
    HostileFile("points of its own", file(notebook(points_claimed)), Status.GRADED),
    HostileFile("cells that no file should hold", file(notebook(odd_sources)), Status.PROBLEMS, points=True),
    HostileFile("renamed", file(ANSWERED, "my homework (final) (2).ipynb"), Status.GRADED, points=True),
    HostileFile(
        "another course's notebook",
        file(b'{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'),
        Status.WRONG_NOTEBOOK,
    ),
    HostileFile("two notebooks", both(file(handin("")), file(ANSWERED, "copy.ipynb")), Status.GRADED, points=True),
    HostileFile(
        "a link to another student", lambda folder: (folder / FILE).symlink_to(folder.parent / "canary-0" / FILE)
    ),
    HostileFile("a link to a secret", lambda folder: (folder / FILE).symlink_to("/etc/passwd")),
    HostileFile("a pipe", lambda folder: os.mkfifo(folder / FILE)),
    HostileFile("zip-slip", archive("handin.zip", ("../../evil.ipynb", ANSWERED), ("/tmp/evil.ipynb", ANSWERED))),
    HostileFile(
        "zip-slip beside an answer",
        archive("handin.zip", (f"../{FILE}", b"null"), (FILE, ANSWERED)),
        Status.GRADED,
        points=True,
    ),
    HostileFile("tar-slip", tar("handin.tar.gz", (tarfile.TarInfo("../../evil.ipynb"), ANSWERED))),
    HostileFile("a tar with a link", tar("handin.tar.gz", (tar_link(tarfile.SYMTYPE, "/etc/passwd"), b""))),
    HostileFile("a tar with a hard link", tar("handin.tar.gz", (tar_link(tarfile.LNKTYPE, "/etc/passwd"), b""))),
    HostileFile("a tar with a pipe", tar("handin.tar.gz", (tar_link(tarfile.FIFOTYPE, ""), b""))),
    HostileFile("a zip with a link", zip_link),
    HostileFile("a zip bomb", archive("handin.zip", (FILE, b" " * (80 * MEGABYTE)))),
    HostileFile("a zip that is none", file(b"PK\x03\x04" + bytes(100), "handin.zip")),
    HostileFile(
        "a folder with the notebook's name",
        lambda folder: (folder / FILE).mkdir() or ((folder / FILE / FILE).write_bytes(ANSWERED) and None),
        Status.GRADED,
        points=True,
    ),
    HostileFile("the same key twice", file(ANSWERED[:-1] + b', "cells": []}'), Status.GRADED),
    HostileFile(
        "numbers that JSON has not",
        file(ANSWERED[:-1] + b', "x": [NaN, Infinity, -1e999]}'),
        Status.GRADED,
        points=True,
    ),
    HostileFile(
        "cells that are numbers",
        file(notebook(lambda made: made["cells"].extend([1, None, "x", [], {}]))),
        Status.GRADED,
        points=True,
    ),
    HostileFile("every cell with one id", file(notebook(one_id)), Status.GRADED, points=True),
    HostileFile("line ends of old machines", file(notebook(old_line_ends)), Status.GRADED, points=True),
    HostileFile("a zip inside a notebook's name", archive(FILE, (FILE, ANSWERED))),
    HostileFile(
        "one name twice in a zip",
        archive("handin.zip", (FILE, handin("")), (FILE, ANSWERED)),
        Status.GRADED,
        points=True,
    ),
    HostileFile(
        "a file and a folder of one name in a zip",
        archive("handin.zip", ("a", b"x"), (f"a/{FILE}", ANSWERED)),
        Status.GRADED,
        points=True,
    ),
    HostileFile(
        "names of Windows in a zip", archive("handin.zip", (f"C:\\x\\{FILE}", ANSWERED), (f"a\\..\\{FILE}", ANSWERED))
    ),
    HostileFile("a socket", a_socket),
    HostileFile(
        "a tar that says it is a zip", tar("handin.zip", (tarfile.TarInfo(FILE), ANSWERED)), Status.GRADED, points=True
    ),
    HostileFile("a formula as a name", file(ANSWERED), Status.GRADED, points=True, student='=HYPERLINK("http:x")'),
    HostileFile(
        "bidi and a newline in the name", file(ANSWERED), Status.GRADED, points=True, student="ana\u202egnp\nbo"
    ),
    HostileFile("markup as a name", file(ANSWERED), Status.GRADED, points=True, student="<script>alert(1)<"),
    HostileFile(
        "bytes that are no text in the name",
        file(ANSWERED),
        Status.GRADED,
        points=True,
        student=os.fsdecode(b"ana\xff"),
    ),
)
