"""What may be in no file that a student gets: used on `notebooks/` and on the learner's wheel."""

import ast
from pathlib import Path


def check_clean(folder: Path) -> int:
    """Assert that no file knows of the grader or holds a hidden test or the worksheets' numbers; returns how many were read."""
    read = 0
    for path in [*folder.rglob("*.py"), *folder.rglob("*.json")]:
        read += 1
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".py":
            tree = ast.parse(text)
            names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
            names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
            assert not any(name.split(".")[0] == "autograder" for name in names), path
        assert "check_hidden" not in text, path
        assert "hidden=True" not in text, path
        if path.name == "q2_8.json":
            assert "0.665" not in text
            assert "4.226" not in text
    return read
