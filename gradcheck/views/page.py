"""Lines on their way out: to a rich console, or to a string."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass, replace
from io import StringIO
from typing import TYPE_CHECKING, TypeVar, cast

from rich.console import Console
from rich.text import Text

from gradcheck.views.plain import to_ascii

if TYPE_CHECKING:
    from rich.console import ConsoleOptions

__all__ = ["WIDEST", "as_text", "in_ascii", "on_page", "printable"]

T = TypeVar("T")

WIDEST = 120  # longer lines are hard to read


def on_page(lines: Iterable[Text], options: ConsoleOptions) -> Iterator[Text]:
    """The lines as rich shall print them: folded where the page is too narrow even for the narrowest layout."""
    for line in lines:
        line.overflow = "fold"
        yield Text(to_ascii(line.plain), spans=line.spans, style=line.style) if options.ascii_only else line


def as_text(lines: Iterable[Text], width: int, color: bool) -> str:
    """The lines as one string, without a newline at its end."""
    file = StringIO()
    console = Console(
        file=file,
        width=width,
        color_system="standard" if color else None,
        no_color=not color,
        force_terminal=color,
        force_jupyter=False,
        legacy_windows=False,
    )
    options = console.options if _stdout_is_unicode() else replace(console.options, encoding="ascii")
    for line in on_page(lines, options):
        console.print(line)
    return file.getvalue().rstrip("\n")


def printable(data: T) -> T:
    """The data as ``print`` can show them: in ASCII where standard output has another encoding than Unicode's.

    There, as often on Windows when the output goes to a file, printing one of our signs would raise.
    """
    return data if _stdout_is_unicode() else in_ascii(data)


def _stdout_is_unicode() -> bool:
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return str(encoding).lower().startswith("utf")


def in_ascii(data: T) -> T:
    """A copy of plain data with every string in ASCII, so that what is measured is what will be printed."""
    copy: object = data
    if isinstance(data, str):
        copy = to_ascii(data)
    elif isinstance(data, tuple):
        copy = tuple(in_ascii(item) for item in data)
    elif is_dataclass(data) and not isinstance(data, type):
        copy = replace(data, **{f.name: in_ascii(getattr(data, f.name)) for f in fields(data)})
    return cast(T, copy)
