"""Whose code is it: the user's, which is walked, or a library's, which is left alone."""

from __future__ import annotations

import functools
import sys
import types
from collections.abc import Iterator
from typing import Any

__all__ = ["is_user_module", "names_in", "user_classes"]

# Libraries whose functions neither hold the user's arrays nor call the user's forward. A package of the user's own
# may well be installed beside them, so this is a list of names and not "everything under site-packages".
_LIBRARIES = frozenset(
    [
        "numpy",
        "torch",
        "torchvision",
        "transformers",
        "tokenizers",
        "huggingface_hub",
        "accelerate",
        "lightning",
        "scipy",
        "gradcheck",
        "pytest",
        "_pytest",
        "pluggy",
        "rich",
        "IPython",
        "ipykernel",
        "traitlets",
        "pandas",
        "matplotlib",
        "sklearn",
        "jax",
        "jaxlib",
        "tensorflow",
        "hypothesis",
        "xdist",
        "numba",
        "cupy",
        "PIL",
        "cv2",
        "tqdm",
        "joblib",
        "sympy",
        "networkx",
        "builtins",
        "setuptools",
        "pip",
    ]
)


@functools.lru_cache(maxsize=1024)
def is_user_module(name: str | None) -> bool:
    """Whether a module of this name holds the user's own code."""
    if not name:
        return True  # exec'd namespaces have none
    root = name.partition(".")[0]
    if root.startswith("_cython_"):  # where compiled functions say that they come from
        return False
    return name == "__main__" or (root not in _LIBRARIES and root not in sys.stdlib_module_names)


@functools.lru_cache(maxsize=1024)
def names_in(code: types.CodeType) -> frozenset[str]:
    """Every global and attribute name that this code, and the functions written inside it, mention."""
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names |= names_in(constant)
    return frozenset(names)


def user_classes(cls: type) -> Iterator[type[Any]]:
    """The classes in the method resolution order that the user wrote."""
    for base in cls.__mro__:
        if is_user_module(base.__module__):
            yield base
