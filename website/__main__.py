"""Make the site: `python -m website FOLDER`."""

from __future__ import annotations

import logging
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from mkdocs.commands.build import build
from mkdocs.config import load_config

from website.pages import write_pages

HERE = Path(__file__).parent


def make_site(folder: Path) -> None:
    """Build every page into `folder`, replacing what a former build left there; anything MkDocs warns of is an error."""
    with tempfile.TemporaryDirectory() as made:
        source = Path(made) / "pages"
        source.mkdir()
        for name in ("site.css", "site.js"):
            shutil.copy(HERE / name, source / name)
        settings: dict[str, Any] = {
            "nav": write_pages(source),
            "docs_dir": str(source),
            "site_dir": str(folder.resolve()),
        }
        build(load_config(str(HERE / "mkdocs.yml"), strict=True, **settings))


def main() -> None:
    """The command."""
    if len(sys.argv) != 2:
        sys.exit("usage: python -m website FOLDER")
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    folder = Path(sys.argv[1])
    make_site(folder)
    print(f"the site is in {folder}; to read it: python -m http.server -d {folder}, then http://localhost:8000")


if __name__ == "__main__":
    main()
