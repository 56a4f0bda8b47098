"""A report, or all those of a run, in a file: the ending of its name says how."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from gradcheck.errors import GradcheckError

if TYPE_CHECKING:
    from gradcheck.report import Report

__all__ = ["save", "write"]


def save(report: Report, path: str | os.PathLike[str]) -> Path:
    """Write the report as its file's ending says.

    Raises:
        GradcheckError: the ending is another than .html, .json and .txt, or the file cannot be written.
    """
    if not isinstance(path, str | os.PathLike) or not isinstance(os.fspath(path), str):
        raise GradcheckError(f"path: it must be a string or a path, not {type(path).__name__}; give a file's name")
    file = Path(path)
    makers: Mapping[str, Callable[[Report], str]] = {".html": _page, ".json": _json, ".txt": _text}
    make = makers.get(file.suffix.lower())
    if make is None:
        raise GradcheckError(
            f"path: {str(path)!r} should end in .html (a page), .json (gradcheck.load_report reads it back) or .txt"
        )
    return write(file, make(report))


def write(file: Path, text: str) -> Path:
    """Write the text, in UTF-8.

    Raises:
        GradcheckError: the system does not let us.
    """
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise GradcheckError(f"path: {str(file)!r} cannot be written: {error.strerror or error}") from error
    return file


def _page(report: Report) -> str:
    from gradcheck.views.html_page import to_page

    return to_page(report)


def _json(report: Report) -> str:
    from gradcheck.views.json import dumps

    return dumps(report) + "\n"


def _text(report: Report) -> str:
    from gradcheck.views.console import to_text

    return to_text(report) + "\n"
