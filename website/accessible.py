"""A hook of MkDocs: names and tab stops that the theme leaves out."""

from __future__ import annotations

from typing import Any


def on_post_page(output: str, **_: Any) -> str:
    """Called by MkDocs with every finished page."""
    output = output.replace('role="dialog"', 'role="dialog" aria-label="Search"').replace("<pre>", '<pre tabindex="0">')
    return output.replace(' display="block">', ' display="block" tabindex="0">')
