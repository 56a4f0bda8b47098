"""Reading recorded arrays: .npz, a folder of .npy, .safetensors, or a dict of arrays."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gradcheck.errors import GradcheckError

__all__ = ["Array", "read"]

Array = np.ndarray[Any, Any]

_BEGINNINGS = (b"PK", b"\x93NUMPY")  # of .npz and .npy files; NumPy takes all else for pickled objects
_KINDS = "a .npz file, a folder of .npy files, a .safetensors file, or a dict of arrays"


def read(source: object) -> tuple[dict[str, Array], str]:
    """The arrays by name (those of a folder by their paths in it, without ``.npy``), and where they are from.

    Raises:
        GradcheckError: there is nothing to read at ``source``, or it cannot be read.
    """
    if isinstance(source, Mapping):
        arrays, place = {str(key): np.asarray(value) for key, value in source.items()}, "a dict of arrays"
    elif isinstance(source, str | os.PathLike) and not isinstance(os.fspath(source), bytes):
        path = Path(source)
        arrays, place = _from_path(path), str(path)
    else:
        raise GradcheckError(f"source: it is {type(source).__name__}; give {_KINDS}")
    if not arrays:
        raise GradcheckError(
            f"source: {place} holds no arrays; write the inputs, the upstream gradient and the gradients"
        )
    for name, array in arrays.items():
        if array.dtype.kind not in "fiub":
            raise GradcheckError(f"source: {name!r} has dtype {array.dtype}; record arrays of real numbers")
        if array.size == 0:
            raise GradcheckError(f"source: {name!r} is empty (shape {array.shape}); nothing would be compared")
    return arrays, place


def _from_path(path: Path) -> dict[str, Array]:
    if not path.exists():
        raise GradcheckError(f"source: there is no {str(path)!r}; give {_KINDS}")
    try:
        if path.is_dir():
            found = sorted(path.rglob("*.npy"))
            return {".".join(f.relative_to(path).with_suffix("").parts): _loaded(f) for f in found}
        if path.suffix == ".safetensors":
            return _safetensors(path)
        with path.open("rb") as file:
            if not file.read(6).startswith(_BEGINNINGS):
                raise GradcheckError(f"source: {str(path)!r} cannot be read: it is no file of arrays; give {_KINDS}")
        stored = np.load(path, allow_pickle=False)
        if isinstance(stored, np.ndarray):
            raise GradcheckError(
                f"source: {str(path)!r} is one array; give the folder that it is in, with one .npy file for each"
            )
        with stored:
            return {name: stored[name] for name in stored.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, AttributeError) as error:
        if isinstance(error, GradcheckError):
            raise
        raise GradcheckError(f"source: {str(path)!r} cannot be read: {error}; give {_KINDS}") from error


def _loaded(path: Path) -> Array:
    return np.asarray(np.load(path, allow_pickle=False))


def _safetensors(path: Path) -> dict[str, Array]:
    try:
        from safetensors import SafetensorError
        from safetensors.torch import load_file
    except ImportError as error:
        raise GradcheckError(
            "source: to read .safetensors files install the extra: pip install gradcheck[safetensors]"
        ) from error
    import torch

    try:
        tensors = load_file(path)
    except SafetensorError as error:
        raise GradcheckError(f"source: {str(path)!r} cannot be read: {error}") from error
    # NumPy has no bfloat16; float32 holds each of its numbers exactly.
    return {name: (t.float() if t.dtype == torch.bfloat16 else t).numpy() for name, t in tensors.items()}
