"""``gradcheck show``: reports that were saved, printed as they were."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from gradcheck.commands.printed import MISUSE, exit_status, print_heading, print_summary
from gradcheck.errors import GradcheckError
from gradcheck.views.document import Source, load_sources

__all__ = ["loaded", "show"]


def show(files: Sequence[str], *, exit_zero: bool = False, width: int | None = None) -> int:
    """Print the reports in the files and return the exit status of ``gradcheck run``."""
    sources = []
    for file in files:
        found = loaded("show", file)
        if found is None:
            return MISUSE
        sources += found
    console = Console(width=width, highlight=False, soft_wrap=False)
    for i, source in enumerate(sources):
        if source.name:
            if i:
                console.print()
            print_heading(console, source.name)
        for k, report in enumerate(source.reports):
            if source.name or i or k:
                console.print()
            console.print(report)
    if any(source.name for source in sources):
        print_summary(console, sources)
    return exit_status(sources, exit_zero)


def loaded(command: str, file: str) -> list[Source] | None:
    """What the file holds; None, and a line on standard error, where it holds no reports."""
    try:
        return load_sources(Path(file))
    except GradcheckError as error:
        told = str(error).removeprefix("text: ").removeprefix("source: ")
        named = told if file in told else f"{file}: {told}"
        print(f"gradcheck {command}: {named}", file=sys.stderr)
        return None
