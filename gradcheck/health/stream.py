"""Samples of a long training as lines of JSON, one a line, written while it runs."""

from __future__ import annotations

import json
import os
import time
import warnings
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np

from gradcheck.errors import GradcheckError
from gradcheck.health import sample as samples
from gradcheck.health.sample import Sample, Stats
from gradcheck.views.json import number_told

__all__ = ["Stream", "read"]

# JSON has no numbers for these, and what Python writes for them other readers refuse.
NOT_FINITE = ("nan", "inf", "-inf")
# Fields in which such a word is a number: a layer may well be called "nan".
NUMBERS = {
    field.name
    for kind in vars(samples).values()
    if is_dataclass(kind) and isinstance(kind, type)
    for field in fields(kind)
    if "float" in str(field.type)
} | {"rms", "sum", "largest"}


class Stream:
    """A file that grows by one line of JSON with each sample; call it with the sample.

    A line holds what was measured: what is None, empty or as it is by default is left out. Arrays are told in a few
    numbers. NaN and infinities are "nan", "inf" and "-inf". Lines are added at the end of the file, where several
    trainings may share it: ``run``, when and in which process the stream was made, is the same in all of its lines.

    The file is opened for each line and closed again, so that every line is on its way to the disk once it is written,
    nothing is left open however the training ends, and the file may be moved away meanwhile.

    Raises:
        GradcheckError: there is no folder to put the file in, or it is a folder itself.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        if not isinstance(path, str | os.PathLike) or isinstance(os.fspath(path), bytes):
            raise GradcheckError(f"stream: it must be the name of a file, not {type(path).__name__}")
        self.path = Path(path).absolute()  # the training may change the working directory
        if not self.path.parent.is_dir():
            raise GradcheckError(f"stream: there is no folder {str(self.path.parent)!r}; make it first")
        if self.path.is_dir():
            raise GradcheckError(f"stream: {str(path)!r} is a folder; give the name of a file")
        self.run = f"{time.strftime('%Y-%m-%dT%H:%M:%S')} {os.getpid()}"
        self._failing = False

    def __call__(self, sample: Sample) -> None:
        """Add the sample. Where the file cannot be written, this is told once, and the training goes on."""
        line = json.dumps({"run": self.run, **_told(sample)}, allow_nan=False, separators=(",", ":"))
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
            self._failing = False
        except OSError as error:
            if not self._failing:
                warnings.warn(f"gradcheck: a sample was not written: {error}", RuntimeWarning, stacklevel=2)
            self._failing = True


def read(path: str | os.PathLike[str]) -> Iterator[dict[str, Any]]:
    """The lines of a stream as dictionaries, NaN and infinities as floats.

    A last line that is still being written, or was when the training was killed, is left out.

    Raises:
        GradcheckError: there is no such file, or another line in it is no JSON object.
    """
    try:
        file = Path(path).open(encoding="utf-8")  # noqa: SIM115  # closed by the "with" below
    except OSError as error:
        raise GradcheckError(f"path: {str(path)!r} cannot be read: {error}") from error
    with file:
        for number, line in enumerate(file, start=1):
            if not line.endswith("\n"):
                return
            try:
                told = json.loads(line)
            except ValueError as error:
                raise GradcheckError(f"path: line {number} of {str(path)!r} is not JSON: {error}") from error
            if not isinstance(told, dict):
                raise GradcheckError(f"path: line {number} of {str(path)!r} is not a JSON object")
            yield _with_floats(told)


def _told(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        told = {
            f.name: _told(getattr(value, f.name)) for f in fields(value) if _worth(getattr(value, f.name), f.default)
        }
        return told | {"rms": _told(value.rms)} if isinstance(value, Stats) else told
    if isinstance(value, np.ndarray):
        return _array(value)
    if isinstance(value, list | tuple):
        return [_told(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _told(item) for key, item in value.items()}
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, Real):
        return number_told(value)
    return bool(value) if isinstance(value, np.bool_) else str(value)


def _worth(value: Any, default: Any) -> bool:
    """Whether a field says anything: it is not None, not empty, and no number or flag as it is by default."""
    if value is None or (isinstance(value, list | tuple | dict | str) and not value):
        return False
    return not (isinstance(value, bool | int) and value == default)


def _array(array: np.ndarray[Any, Any]) -> dict[str, Any]:
    """A mask as how many are set; counts (of a class, say) as their sum and the place of the largest."""
    told: dict[str, Any] = {"size": int(array.size)}
    if array.dtype == bool:
        return told | {"set": int(np.count_nonzero(array))}
    if array.size:
        told |= {"sum": _told(array.sum()), "largest": _told(array.max()), "at": int(array.argmax())}
    return told


def _with_floats(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: _with_floats(item, key if key in NUMBERS else name) for name, item in value.items()}
    if isinstance(value, list):
        return [_with_floats(item, key) for item in value]
    return float(value) if key in NUMBERS and value in NOT_FINITE else value
