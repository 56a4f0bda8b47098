"""A report as JSON, and back without loss."""

from __future__ import annotations

import json
import math
import os
import sys
from dataclasses import MISSING, fields, is_dataclass
from numbers import Integral, Real
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from gradcheck.errors import GradcheckError
from gradcheck.picture import Picture
from gradcheck.report import Report

__all__ = ["MANY_KEY", "decoded", "dumps", "encoded", "load_report", "loads", "number_told", "parsed", "read"]

VERSION = 1
VERSION_KEY = "gradcheck_report"
MANY_KEY = "gradcheck_reports"  # of a document with several
# JSON has no numbers for these, and what Python writes for them other readers refuse.
NOT_FINITE = ("nan", "inf", "-inf")


def dumps(report: Report) -> str:
    """The report as JSON text that any strict reader reads; NaN and infinities are "nan", "inf" and "-inf"."""
    return json.dumps(encoded(report), indent=1, allow_nan=False)


def encoded(report: Report) -> dict[str, Any]:
    """What :func:`dumps` writes, before it is text."""
    fields_of_report: dict[str, Any] = _encode(report)
    return {VERSION_KEY: VERSION, "ok": report.ok} | fields_of_report


def loads(text: str) -> Report:
    """The report that :func:`dumps` wrote.

    Raises:
        GradcheckError: the text is not a report, or is one of a newer version.
    """
    return decoded(parsed(text, VERSION_KEY), "report")


def parsed(text: str, *keys: str) -> dict[str, Any]:
    """The JSON object in the text, which holds one of the keys with a version number that can be read.

    Raises:
        GradcheckError: it is no such object.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise GradcheckError(f"text: not the JSON of a gradcheck report: {error}") from error
    key = next((key for key in keys if isinstance(document, dict) and key in document), "")
    if not key:
        if isinstance(document, dict) and MANY_KEY in document:
            raise GradcheckError("text: these are the reports of a whole run, not one: use gradcheck.load_reports")
        raise GradcheckError(f'text: not a gradcheck report: a JSON object with "{keys[0]}" was expected')
    version = document[key]
    if type(version) is not int or version < 1:
        raise GradcheckError(f'text: not a gradcheck report: "{key}" is {version!r}, not a version number')
    if version > VERSION:
        raise GradcheckError(
            f"text: the report was written by a newer gradcheck (format {version}; this one reads up to {VERSION}): "
            "upgrade gradcheck to read it"
        )
    assert isinstance(document, dict)
    return document


def decoded(document: object, at: str) -> Report:
    """The report that :func:`encoded` told of; ``at`` names it in the error."""
    report = _decode(document, Report, at)
    assert isinstance(report, Report)
    return report


def load_report(source: str | os.PathLike[str]) -> Report:
    """A report from its JSON text, or from the file that holds it.

    Args:
        source: The text that ``report.to_json()`` gave, or the name of the file that ``report.save()`` wrote.

    Raises:
        GradcheckError: there is no such file, or no report in it, or several (see :func:`gradcheck.load_reports`).

    Example:
        >>> import numpy as np
        >>> from gradcheck import compare, load_report
        >>> report = compare(np.array([2.0, 6.0]), np.array([1.0, 3.0]))
        >>> load_report(report.to_json()) == report
        True
    """
    return loads(read(source))


def read(source: str | os.PathLike[str]) -> str:
    """The JSON text itself, or what is in the file of that name.

    Raises:
        GradcheckError: it is neither.
    """
    if not isinstance(source, str | os.PathLike) or isinstance(os.fspath(source), bytes):
        raise GradcheckError(
            f"source: it must be a string or a path, not {type(source).__name__}; "
            "give the JSON text of a report, or the name of the file that holds it"
        )
    if isinstance(source, str) and source.lstrip().startswith("{"):
        return source
    if not str(source).strip():
        raise GradcheckError(
            "source: it is empty; give the JSON text of a report, or the name of the file that holds it"
        )
    try:
        return Path(source).read_text(encoding="utf-8")
    except IsADirectoryError as error:
        raise GradcheckError(
            f"source: {str(source)!r} is a folder; give the name of the file that holds the report"
        ) from error
    except (OSError, ValueError) as error:  # ValueError: not UTF-8, or a name that no file can have
        shown = str(source) if len(str(source)) <= 60 else f"{str(source)[:60]}…"
        raise GradcheckError(
            f"source: {shown!r} is neither the JSON of a report nor a file with one: {error}"
        ) from error


def _encode(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        told = {f.name: _encode(getattr(value, f.name)) for f in fields(value) if f.name not in _drawn(value)}
        return told | {name: " ".join(f"{x:.4g}" for x in getattr(value, name)) for name in _drawn(value)}
    if isinstance(value, tuple | list):
        return [_encode(item) for item in value]
    if value is None or isinstance(value, str | bool):
        return value
    return number_told(value) if isinstance(value, Real) else bool(value)


def number_told(value: Real) -> int | float | str:
    """A number as strict JSON has it: NumPy's scalars as Python's, and in words what JSON has no number for."""
    if isinstance(value, Integral):
        return int(value)
    number = float(value)
    return number if math.isfinite(number) else f"{number:f}"


def _decode(value: Any, hint: Any, at: str) -> Any:
    """The value as the type ``hint`` says; ``at`` names it in the error."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        if value is None and NoneType in arguments:
            return None
        [hint] = [argument for argument in arguments if argument is not NoneType]
        return _decode(value, hint, at)
    if is_dataclass(hint) and isinstance(hint, type):
        return _decode_fields(value, hint, at)
    if origin is tuple:
        return _decode_tuple(value, arguments, at)
    if origin is Literal:
        if value in arguments:
            return value
        raise _wrong(at, f"one of {', '.join(map(repr, arguments))}", value)
    if hint is float and (value in NOT_FINITE or (type(value) is int and abs(value) <= sys.float_info.max)):
        return float(value)
    if type(value) is hint:
        return value
    raise _wrong(at, {"int": "a whole number", "float": "a number", "str": "text"}.get(hint.__name__, str(hint)), value)


def _decode_fields(value: Any, kind: Any, at: str) -> Any:
    if not isinstance(value, dict):
        raise _wrong(at, "an object", value)
    hints = get_type_hints(kind)
    given: dict[str, Any] = {}
    value = value | {name: _numbers(value[name], f"{at}.{name}") for name in _drawn(kind) if name in value}
    for f in fields(kind):
        if f.name in value:
            given[f.name] = _decode(value[f.name], hints[f.name], f"{at}.{f.name}")
        elif f.default is MISSING:
            raise GradcheckError(f"text: not a gradcheck report: {at}.{f.name} is missing")
    return kind(**given)


def _drawn(of: Any) -> tuple[str, ...]:
    """The fields with thousands of numbers: these are one text, for a line each would make files long."""
    return ("yours", "true", "difference") if of is Picture or isinstance(of, Picture) else ()


def _numbers(text: object, at: str) -> list[float]:
    try:
        return [float(word) for word in str(text).split()]
    except ValueError as error:
        raise _wrong(at, "numbers in a text", text) from error


def _decode_tuple(value: Any, arguments: tuple[Any, ...], at: str) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise _wrong(at, "a list", value)
    if arguments[1:] == (Ellipsis,):
        return tuple(_decode(item, arguments[0], f"{at}[{i}]") for i, item in enumerate(value))
    if len(value) != len(arguments):
        raise _wrong(at, f"a list of {len(arguments)}", value)
    return tuple(_decode(item, hint, f"{at}[{i}]") for i, (item, hint) in enumerate(zip(value, arguments, strict=True)))


def _wrong(at: str, expected: str, value: object) -> GradcheckError:
    return GradcheckError(f"text: not a gradcheck report: {at} should be {expected}, not {value!r:.60}")
