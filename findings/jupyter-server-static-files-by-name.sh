#!/usr/bin/env bash
# jupyter_server keeps where a static file lies under its name alone: two applications on one server share the entry.
# Guess, before the run: the folders that are searched belong to the key, so each application finds its own file.
# Seen (jupyter_server 2.21.1): whoever asks first decides; asked with other folders, the handler names the first one's file.
# It then finds that this is not below its own folder. In a browser: fonts that JupyterLab has loaded are refused (403) to
# Notebook 7 on the same server, until it starts anew.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/pip" install --quiet jupyter_server==2.21.1
cd "$room"
mkdir lab notebook
echo lab > lab/font.css
echo notebook > notebook/font.css
"$room/venv/bin/python" - <<'PY'
from importlib.metadata import version
from pathlib import Path

from jupyter_server.base.handlers import FileFindHandler

lab, notebook = (str(Path.cwd() / name) for name in ("lab", "notebook"))
first = FileFindHandler.get_absolute_path([lab], "font.css")
second = FileFindHandler.get_absolute_path([notebook], "font.css")
print("jupyter_server", version("jupyter_server"), "found", Path(first).parent.name, "and", Path(second).parent.name)
assert (Path(first).parent.name, Path(second).parent.name) == ("lab", "lab")
PY
