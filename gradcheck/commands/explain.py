"""``gradcheck explain``: what a code in a report means, with a wrong and a right example."""

from __future__ import annotations

import difflib
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.syntax import Syntax
from rich.text import Text

from gradcheck.commands.codes_page import codes_page
from gradcheck.errors import GradcheckError
from gradcheck.explanations import BEFORE, Explanation, codes, explanation
from gradcheck.views.save import write

__all__ = ["explain"]

ALL_RIGHT, MISUSE = 0, 2

_WIDEST = 100
_NEAR = 3
_GROUPS = {
    "GC1": "the contract of a backward",
    "GC2": "causes of a wrong gradient",
    "GC3": "the health of a training",
    "GC4": "the update and the learning rate",
}


def explain(given: Sequence[str], *, html: str | None = None) -> int:
    """Print the explanations of the codes ``given``, or a line for every code; return the exit status.

    With ``html`` all of them are written to that file instead, as one page.
    """
    if html is not None:
        return _saved(given, html)
    console = Console(highlight=False, soft_wrap=True)
    if not given:
        _list(console)
        return ALL_RIGHT
    wanted = [_spelled(code) for code in given]
    unknown = [(code, as_given) for code, as_given in zip(wanted, given, strict=True) if code not in codes()]
    for code, as_given in unknown:
        begin_so = [known for known in codes() if len(code) > 2 and known.startswith(code)]
        near = begin_so[:_NEAR] or difflib.get_close_matches(code, codes(), n=_NEAR, cutoff=0.7)
        hint = f"; near it: {', '.join(near)}" if near else ""
        print(f'gradcheck explain: there is no code {as_given}{hint} ("gradcheck explain" lists all)', file=sys.stderr)
    if unknown:
        return MISUSE
    for number, code in enumerate(dict.fromkeys(wanted)):
        if number:
            console.print()
            console.rule()
        _show(explanation(code), console)
    console.print()
    console.print(Text("Examples run below these lines:", style="dim"))
    for line in BEFORE.splitlines():
        console.print(Text(f"    {line}", style="dim"))
    return ALL_RIGHT


def _saved(given: Sequence[str], html: str) -> int:
    if given:
        print("gradcheck explain: --html writes all codes; leave the codes out", file=sys.stderr)
        return MISUSE
    try:
        write(Path(html), codes_page(_GROUPS))
    except GradcheckError as error:
        print(f"gradcheck explain: {error}", file=sys.stderr)
        return MISUSE
    print(f"wrote {html}")
    return ALL_RIGHT


def _spelled(code: str) -> str:
    code = code.strip(" ,").upper()
    return f"GC{code}" if code.isdigit() else code


def _list(console: Console) -> None:
    group = ""
    for told in map(explanation, codes()):
        if told.code[:3] != group:
            if group:
                console.print()
            group = told.code[:3]
            console.print(Text(_GROUPS.get(group, ""), style="bold"))
        console.print(Text.assemble((told.code, "bold"), f"  {told.title}"))
    console.print()
    console.print(Text('"gradcheck explain GC201" shows one of them with an example.', style="dim"))


def _show(told: Explanation, console: Console) -> None:
    """The text in the width of the page, its labels bold, its code in colour where there are colours."""
    console.print(Text.assemble((told.code, "bold"), "  ", (told.title, "bold")))
    for paragraph in told.body.strip("\n").split("\n\n"):
        console.print()
        if paragraph.startswith("    "):
            for line in paragraph.split("\n"):
                console.print(Text("    ") + _python(line[4:]) if console.is_terminal else Text(line))
        elif paragraph.endswith(":"):
            console.print(Text(paragraph, style="bold"))
        else:
            console.print(Text(textwrap.fill(paragraph, min(console.width, _WIDEST), break_on_hyphens=False)))


def _python(line: str) -> Text:
    shown = Syntax("", "python", theme="ansi_dark", background_color="default").highlight(line)
    shown.rstrip()
    return shown
