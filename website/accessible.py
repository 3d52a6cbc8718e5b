"""A hook of MkDocs: names and tab stops that the theme leaves out."""

from __future__ import annotations

from typing import Any


def on_post_page(output: str, **_: Any) -> str:
    """Called by MkDocs with every finished page."""
    return _with_names(output)


def on_post_template(output_content: str, **_: Any) -> str:
    """Called by MkDocs with what is no page of ours, such as the page for an address that is not there."""
    return _with_names(output_content)


def _with_names(output: str) -> str:
    output = output.replace('role="dialog"', 'role="dialog" aria-label="Search"').replace("<pre>", '<pre tabindex="0">')
    return output.replace(' display="block">', ' display="block" tabindex="0">')
