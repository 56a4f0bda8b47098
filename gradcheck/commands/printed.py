"""What ``gradcheck run`` prints around its reports, and says at its end; ``gradcheck show`` prints it again."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape

from gradcheck.views.document import Source
from gradcheck.views.plain import count
from gradcheck.views.summary import summary_table

__all__ = ["ALL_RIGHT", "MISUSE", "WRONG", "exit_status", "print_heading", "print_summary"]

ALL_RIGHT, WRONG, MISUSE = 0, 1, 2


def print_heading(console: Console, name: str) -> None:
    """The line above the reports of a script."""
    console.rule(f"[bold]{escape(name)}", align="left")


def print_summary(console: Console, sources: Sequence[Source]) -> None:
    """The last lines: a table of all checks, and the scripts that could not be judged by it."""
    pairs = [(report, source.name) for source in sources for report in source.reports]
    titles = [name for _, name in pairs] if len(sources) > 1 else []
    troubled = [source for source in sources if source.trouble]
    trouble = f"{count(len(troubled), 'script')} went wrong" if troubled else ""
    console.print()
    console.rule("[bold]summary", align="left")
    console.print(summary_table([report for report, _ in pairs], titles, trouble))
    for source in troubled:
        console.print(f"[bold red]![/] {escape(source.name)} {escape(source.trouble)}")


def exit_status(sources: Sequence[Source], exit_zero: bool = False) -> int:
    """0 where all is right, 1 where a check failed, 2 where a script went wrong or nothing was checked."""
    if any(source.trouble for source in sources) or not any(source.reports for source in sources):
        return MISUSE
    failed = any(not report.ok for source in sources for report in source.reports)
    return WRONG if failed and not exit_zero else ALL_RIGHT
