"""Where a notebook opens in a browser with nothing installed, once the course's repository is public."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote, urlencode, urlsplit


def on_colab(repository: str, notebook: str) -> str:
    """Opens the notebook's file on Colab."""
    return f"https://colab.research.google.com/github/{_owner_and_name(repository)}/blob/main/notebooks/{quote(notebook)}"


def on_binder(repository: str, notebook: str) -> str:
    """Opens the notebook on Binder, which reads environment.yml."""
    where = urlencode({"urlpath": f"lab/tree/notebooks/{notebook}"}, safe="/")
    return f"https://mybinder.org/v2/gh/{_owner_and_name(repository)}/main?{where}"


def page(repository: str, notebooks: Iterable[str]) -> str:
    """The part of START.md with both links for each notebook; nothing where the course has named no repository."""
    if not repository:
        return ""
    rows = [f"| {name} | [Colab]({on_colab(repository, name)}) | [Binder]({on_binder(repository, name)}) |" for name in notebooks]
    return "\n".join(["", "With nothing installed:", "", "| notebook | | |", "|---|---|---|", *rows, ""])


def _owner_and_name(repository: str) -> str:
    """Raises ValueError where it is no repository on GitHub, from which Colab reads."""
    parts = urlsplit(repository)
    owner_and_name = parts.path.strip("/").removesuffix(".git")
    if parts.scheme != "https" or parts.hostname != "github.com" or owner_and_name.count("/") != 1:
        raise ValueError(f"`repository` in pyproject.toml is {repository!r}, and should be as https://github.com/OWNER/NAME is")
    return owner_and_name
