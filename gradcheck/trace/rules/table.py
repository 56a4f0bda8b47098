"""The table itself: which rule serves which NumPy or SciPy function."""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

__all__ = ["RULES", "Rule", "lookup", "register", "serves"]

Rule = Callable[..., Any]
"""Called with the NumPy call's arguments, traced arrays being tensors; returns a tensor, or a tuple or list of them."""

_F = TypeVar("_F", bound=Rule)

RULES: dict[object, Rule] = {}
"""NumPy function (or bound ufunc method, such as ``np.maximum.accumulate``) to its rule."""

# SciPy is optional and slow to import: its functions wait here, by module and name, until somebody has imported it.
_WAITING: dict[str, dict[str, Rule]] = {}


def register(names: str, rule: Rule) -> None:
    """Let ``rule`` serve the functions named in ``names`` (dotted, separated by blanks).

    A name that the installed NumPy does not have (too new, or removed) is passed over.
    """
    for name in names.split():
        if name.startswith("numpy."):
            function = _numpy_function(name)
            if function is not None:
                RULES[function] = rule
        else:
            # "scipy.stats:norm.pdf" is a method of an object in the module
            module, _, attribute = name.partition(":") if ":" in name else name.rpartition(".")
            _WAITING.setdefault(module, {})[attribute] = rule


def serves(names: str) -> Callable[[_F], _F]:
    """Decorator form of :func:`register`."""

    def decorate(rule: _F) -> _F:
        register(names, rule)
        return rule

    return decorate


def lookup(function: object) -> Rule | None:
    """The rule that serves ``function``, or None."""
    try:
        rule = RULES.get(function)
    except TypeError:  # an unhashable callable object
        return None
    if rule is None and _WAITING and _admit_imported():
        rule = RULES.get(function)
    return rule


def _admit_imported() -> bool:
    """Move the rules of modules that are imported by now into RULES; True when there were any."""
    ready = [name for name in _WAITING if _whole(name)]
    for name in ready:
        module = sys.modules[name]
        for attribute, rule in _WAITING.pop(name).items():
            function: object = module
            for part in attribute.split("."):
                function = getattr(function, part, None)
            if function is not None:
                # setdefault: scipy.special.logaddexp and the like may be NumPy's own objects
                RULES.setdefault(function, rule)
    return bool(ready)


def _whole(name: str) -> bool:
    """Whether the module is imported, and not just being imported."""
    module = sys.modules.get(name)
    return module is not None and not getattr(module.__spec__, "_initializing", False)


def _numpy_function(name: str) -> object | None:
    """The object called ``name`` (``numpy.linalg.norm``, ``numpy.maximum.accumulate``), or None."""
    parts = name.split(".")
    found: object = importlib.import_module("numpy")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # looking up a deprecated alias warns in some NumPy versions
        for depth, part in enumerate(parts[1:], start=2):
            found = getattr(found, part, None) or _submodule(".".join(parts[:depth]))
            if found is None:
                return None
    return found


def _submodule(name: str) -> object | None:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None
