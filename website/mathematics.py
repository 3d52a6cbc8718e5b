"""A hook of MkDocs: formulas become MathML while the site is built, so that reading them needs no script and no network."""

from __future__ import annotations

import re
from typing import Any

from latex2mathml.converter import convert

_KEPT = (
    r"(?P<kept>^(?P<fence>`{3,}|~{3,}).*?^(?P=fence)[ \t]*$|(?P<tick>`+)(?!`).+?(?<!`)(?P=tick)(?!`)|^(?: {4}|\t).*?$)"
)
_BLOCK = r"\$\$(?P<block>.+?)\$\$"
_INLINE = r"(?<![\\$\w])\$(?P<inline>(?![\s$])[^$\n]+?(?<![\s\\]))\$(?![\d$])"
_FORMULA = re.compile(f"{_KEPT}|{_BLOCK}|{_INLINE}", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"\\[a-zA-Z]+")  # what latex2mathml does not know it shows as it is written
_PLACE = "formula-{}-of-this-page"


class FormulaError(Exception):
    """A formula that cannot be typeset."""


def typeset(latex: str, *, block: bool) -> str:
    """One formula as MathML; raises FormulaError with the formula in it."""
    known = latex.strip().replace(r"\arg\max", r"\operatorname{argmax}")
    try:
        formula = convert(known, display="block" if block else "inline")
    except Exception as error:
        raise FormulaError(f"the formula {latex.strip()!r} cannot be typeset ({error!r})") from error
    if command := _COMMAND.search(formula):
        raise FormulaError(f"the formula {latex.strip()!r} cannot be typeset: {command[0]} is left as it is")
    return formula


def set_aside(markdown: str) -> tuple[str, list[str]]:
    """Markdown with a placeholder for every formula outside code, and the formulas as MathML."""
    formulas: list[str] = []

    def replaced(match: re.Match[str]) -> str:
        if match["kept"] is not None:
            return match[0]
        formulas.append(typeset(match["block"] or match["inline"], block=match["block"] is not None))
        return _PLACE.format(len(formulas) - 1)

    return _FORMULA.sub(replaced, markdown), formulas


def put_back(html: str, formulas: list[str]) -> str:
    """HTML with every placeholder replaced by its formula."""
    for index, formula in enumerate(formulas):
        html = html.replace(_PLACE.format(index), formula)
    return html


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Called by MkDocs before a page is rendered."""
    text, page.formulas = set_aside(markdown)
    return text


def on_page_content(html: str, page: Any, **_: Any) -> str:
    """Called by MkDocs after a page is rendered."""
    return put_back(html, page.formulas)
