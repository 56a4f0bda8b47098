"""User text made literal: control characters visible, paths short, long lines and names folded, never cut."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.cells import cell_len

if TYPE_CHECKING:
    from gradcheck.report import Where

__all__ = ["count", "fold", "names", "path", "place", "shorten", "source_line", "to_ascii", "visible", "wrap"]

# A name is folded after one of these where that leaves the line at least half full.
JOINTS = frozenset("._-/\\×: ")
ASCII = str.maketrans(
    {"✓": "+", "✗": "x", "‖": "|", "×": "x", "±": "~", "·": "*", "–": "-", "…": "~", "│": "|", "─": "-", "→": ">"}
    | {"−": "-", "●": "o", "◆": "*", "┃": "|", "≈": "~"}
    | dict(zip("▁▂▃▄▅▆▇█", "_.-~=+*#", strict=True))
    | dict(zip("▏▎▍▌▋▊▉", ".::---=", strict=True))
    | {"λ": "lambda", "η": "eta", "ρ": "rho", "β": "beta", "Δ": "delta", "σ": "sigma", "ε": "epsilon"}
    | {"²": "^2", "√": "sqrt", "≤": "<=", "≥": ">=", "∞": "inf"}
)


def visible(text: str) -> str:
    """The text with every character that would not print as itself written as its escape.

    These are control characters, invisible format characters (among them those that reverse the writing
    direction), spaces other than the plain one, lone surrogates and characters unknown to this Python.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)


def to_ascii(text: str) -> str:
    """The text for a terminal that shows ASCII only: our signs as such, Greek in words, the rest as escapes."""
    text = text.replace(" ± ", " +-").replace(" · ", " - ").replace("λm", "lambda_m")
    return text.translate(ASCII).encode("ascii", "backslashreplace").decode("ascii")


def source_line(text: str) -> str:
    """A line of the user's source without its indentation."""
    return visible(text.strip().expandtabs(4))


def path(file: str) -> str:
    """The file as seen from the working directory, where it lies below it."""
    try:
        return visible(str(Path(file).relative_to(Path.cwd())))
    except (ValueError, OSError):  # elsewhere; or the working directory is gone
        return visible(file)


def place(where: Where, width: int) -> str:
    """``net.py:6 in Act.relu`` in at most ``width`` cells if folders can be left out at the left."""
    function = where.function.removeprefix("<module>")  # Python's word for code outside of any function
    tail = f":{where.line}" + (f" in {visible(function)}" if function else "")
    file = path(where.file)
    while cell_len(file + tail) > width and (parts := re.split(r"[/\\]", file.removeprefix("…/"), maxsplit=1))[1:]:
        file = f"…/{parts[1]}"
    return file + tail


def count(number: int, noun: str, plural: str = "") -> str:
    """``1 entry``, ``2 entries``, ``10,000 entries``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def names(items: Sequence[str], most: int) -> str:
    """``a, b, c`` or, where there are more than ``most``, ``a, b and 7 more``."""
    if len(items) <= most:
        return ", ".join(items)
    return f"{', '.join(items[: most - 1])} and {len(items) - most + 1} more"


def shorten(text: str, width: int) -> str:
    """The text with its middle left out where it is longer than ``width`` characters."""
    if len(text) <= width:
        return text
    return f"{text[: width // 2].rstrip()} … {text[-(width - width // 2 - 3) :].lstrip()}"


def fold(text: str, width: int) -> list[str]:
    """The text in pieces of at most ``width`` cells, broken after a joint (``.``, ``_``, ``/``) if there is one."""
    pieces = []
    while cell_len(text) > width and len(text) > 1:
        piece, text = _split(text, width)
        pieces.append(piece)
    return [*pieces, text]


def wrap(text: str, width: int, hang: int = 0) -> list[str]:
    """The text in lines of at most ``width`` cells, broken at spaces, and inside a word only where it is too long.

    Every line but the first is indented by ``hang``.
    """
    lines: list[str] = []
    line = ""
    for word in re.findall(r"\s*\S+", text):
        if line.strip() and cell_len(line + word) > width and cell_len(word.strip()) <= width - hang:
            lines.append(line)
            line = " " * hang
        line += word if line.strip() or not lines else word.lstrip()
        while cell_len(line) > width and len(line.strip()) > 1:
            first, line = _split(line, width)
            lines.append(first)
            line = " " * hang + line
    return [*lines, line]


def _split(text: str, width: int) -> tuple[str, str]:
    end, cells = 0, 0
    while end < len(text) and (cells := cells + cell_len(text[end])) <= width:
        end += 1
    end = max(end, 1)
    joints = [at for at in range(end // 2 + 1, end + 1) if text[at - 1] in JOINTS or _new_word(text, at)]
    end = joints[-1] if joints else end
    return text[:end].rstrip(), text[end:].lstrip()


def _new_word(text: str, at: int) -> bool:
    return text[at - 1].islower() and text[at : at + 1].isupper()
