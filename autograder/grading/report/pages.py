"""HTML pages that need nothing but themselves: templates that escape everything, one style sheet, no scripts."""

from __future__ import annotations

import base64
import hashlib
import re
import shlex
from functools import cache
from typing import Any, TextIO

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from autograder.grading.report.numbers import number

_CODE = re.compile(r"`([^`\n]+)`")


def write_page(stream: TextIO, template: str, **values: Any) -> None:
    """Fill a template of `templates/` bit by bit; the page allows its own style sheet and nothing else."""
    style = _style()
    page = _environment().get_template(template).stream(style=Markup(style), style_digest=_digest(style), **values)
    page.enable_buffering(64)
    stream.writelines(page)


def prose(text: str) -> Markup:
    """`text` escaped, with what stands between back quotes set as code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("autograder.grading.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["points"] = number
    environment.filters["prose"] = prose
    environment.filters["shell"] = shlex.quote
    return environment


@cache
def _style() -> str:
    source, _, _ = _environment().loader.get_source(_environment(), "style.css")  # type: ignore[union-attr]
    return source


def _digest(style: str) -> str:
    return base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
