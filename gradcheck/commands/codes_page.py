"""All explanations as one page: the texts of ``gradcheck explain``, with a list of the codes that links to them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape

from gradcheck.explanations import BEFORE, Explanation, codes, explanation
from gradcheck.views.html_page import PAGE_STYLE, POLICY

__all__ = ["codes_page"]

_TITLE = "What the codes in gradcheck's reports mean"
_STYLE = """
body { max-width: 50em; }
nav h2 { font-size: 1em; font-weight: 600; }
h3 { font-size: 1em; margin: 2em 0 0; }
h4 { font-size: 0.9em; font-weight: 600; margin: 0.8em 0 0; }
pre { margin: 0.3em 0; padding: 0.5em 0.8em; overflow-x: auto; background: #f1f3f5; font-size: 0.85em; }
nav ul { list-style: none; padding: 0; }
@media (prefers-color-scheme: dark) { pre { background: #23282d; } }
"""
_CODE = re.compile(r"\bGC\d{3}\b")


def codes_page(groups: Mapping[str, str]) -> str:
    """The page; ``groups`` has a heading for the first three characters of codes."""
    told = [explanation(code) for code in codes()]
    listed = explained = ""
    for begin, heading in groups.items():
        members = [each for each in told if each.code.startswith(begin)]
        entries = "".join(f"<li>{_linked(each.code)} {escape(each.title)}</li>" for each in members)
        listed += f"<h2>{escape(heading)}</h2><ul>{entries}</ul>"
        explained += f"<section><h2>{escape(heading)}</h2>{''.join(map(_explained, members))}</section>"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{_TITLE}</title><style>{PAGE_STYLE}{_STYLE}</style></head><body><main><h1>{_TITLE}</h1>"
        f"<p>Each with an example, wrong and right. Examples run below these lines:</p>{_listing(BEFORE)}"
        f'<nav aria-label="codes">{listed}</nav>{explained}</main></body></html>\n'
    )


def _explained(told: Explanation) -> str:
    parts: list[str] = []
    for paragraph in told.body.strip("\n").split("\n\n"):
        if paragraph.startswith("    "):
            code = "\n".join(line[4:] for line in paragraph.split("\n"))
            if parts and parts[-1].startswith("<pre"):  # a block with an empty line in it
                parts[-1] = parts[-1].removesuffix("</pre>") + f"\n\n{escape(code)}</pre>"
            else:
                parts.append(_listing(code))
        elif paragraph.endswith(":"):
            parts.append(f"<h4>{escape(paragraph.removesuffix(':'))}</h4>")
        else:
            parts.append(f"<p>{_prose(paragraph, told.code)}</p>")
    return f'<article id="{told.code}"><h3>{told.code} {escape(told.title)}</h3>{"".join(parts)}</article>'


def _listing(code: str) -> str:
    # what scrolls can be reached by the keyboard
    return f'<pre tabindex="0">{escape(code.rstrip())}</pre>'


def _prose(text: str, own: str) -> str:
    """The text, with other codes in it as links."""
    known = set(codes()) - {own}
    return _CODE.sub(lambda found: _linked(found[0]) if found[0] in known else found[0], escape(text))


def _linked(code: str) -> str:
    return f'<a href="#{code}">{code}</a>'
