"""Gradients of many parameters in one structure: a dict, nested dicts, [(dW, db), ...], a list in their order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import permutations
from typing import Any

import numpy as np

from gradcheck.layers import faults
from gradcheck.layers.matching import as_mapping, flattened
from gradcheck.layers.reach import Path
from gradcheck.layers.spelling import match_names, normal_forms
from gradcheck.layers.values import describe, is_array, is_number, shape_of
from gradcheck.report import Finding

__all__ = ["Tree", "match_tree"]


@dataclass
class Tree:
    """What was found: a gradient per parameter name, its label in the user's words, and what was wrong."""

    found: dict[str, Any] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    faults: list[Finding] = field(default_factory=list)
    by_position: bool = False


def match_tree(raw: Any, places: Mapping[str, Path], shapes: Mapping[str, tuple[int, ...]]) -> Tree:
    """Match the leaves of ``raw`` with parameters: by keys where there are keys, else by their order.

    Args:
        raw: what the backward returned.
        places: the parameters' names and paths, in their order.
        shapes: the parameters' shapes.
    """
    named = _leaves(raw, ())
    if any(isinstance(key, str) for keys, _ in named for key in keys):
        return _by_keys(named, places)
    return _by_order(flattened(raw), places, shapes)


def _leaves(value: Any, keys: tuple[Any, ...]) -> list[tuple[tuple[Any, ...], Any]]:
    mapping = as_mapping(value)
    if mapping is not None:
        keep = value if isinstance(value, Mapping) else mapping
        return [leaf for key, item in keep.items() for leaf in _leaves(item, (*keys, key))]
    if isinstance(value, list | tuple):
        return [leaf for i, item in enumerate(value) for leaf in _leaves(item, (*keys, i))]
    return [(keys, value)] if is_array(value) or is_number(value) or value is None else []


def _by_keys(leaves: list[tuple[tuple[Any, ...], Any]], places: Mapping[str, Path]) -> Tree:
    tree = Tree()
    if all(len(keys) == 1 for keys, _ in leaves):
        flat = {str(keys[0]): item for keys, item in leaves}
        match = match_names(list(places), list(flat))
        if not match:
            words = {path.words()[-1]: name for name, path in places.items() if path.words()}
            match = {words[word]: key for word, key in match_names(list(words), list(flat)).items()}
        tree.found = {name: flat[key] for name, key in match.items()}
        tree.labels = {name: key for name, key in match.items() if key != name}
    # nested: the whole way counts, [{"W": ..., "b": ...}, ...] beside layers[0].W
    left = {name: path for name, path in places.items() if name not in tree.found}
    taken = set(tree.labels.values()) | {name for name in tree.found if name not in tree.labels}
    rest = [(keys, item) for keys, item in leaves if not (len(keys) == 1 and str(keys[0]) in taken)]
    for whole in (True, False):
        for level in range(4):
            for name, path in list(left.items()):
                fits = [
                    (keys, item)
                    for keys, item in rest
                    if any(_same(path.words(), form, level, whole) for form in _forms(keys))
                ]
                if len(fits) == 1:
                    tree.found[name] = fits[0][1]
                    tree.labels[name] = _text(fits[0][0])
                    rest.remove(fits[0])
                    del left[name]
    strays = [_text(keys) for keys, item in rest if is_array(item)]
    if strays and left:
        tree.faults.append(faults.wrong_names(strays, list(left)))
    return tree


def _forms(keys: tuple[Any, ...]) -> list[tuple[str, ...]]:
    path = Path(None, tuple(("item", key) for key in keys))
    return [path.words(), *path.gradient_of()]


def _same(words: tuple[str, ...], form: tuple[str, ...], level: int, whole: bool) -> bool:
    if not form or not words or (not whole and words[-len(form) :] == ()):
        return False
    left = words if whole else words[-len(form) :]
    return tuple(normal_forms(w)[level] for w in left) == tuple(normal_forms(w)[level] for w in form)


def _text(keys: tuple[Any, ...]) -> str:
    first, *rest = keys
    return str(first) + "".join(f"[{key!r}]" for key in rest)


def _by_order(items: list[Any], places: Mapping[str, Path], shapes: Mapping[str, tuple[int, ...]]) -> Tree:
    tree = Tree(by_position=True)
    names = _parameters_meant(items, list(places), shapes)
    if len(names) != len(items):
        evidence = [f"gradients() returned {describe(item)}" for item in items[:3]]
        tree.faults.append(faults.wrong_number(len(items), names, evidence))
    tree.found = dict(zip(names, items, strict=False))
    if len(names) == len(items) and len(items) <= 6:
        _check_order(tree, items, names, shapes)
    return tree


def _parameters_meant(items: list[Any], names: list[str], shapes: Mapping[str, tuple[int, ...]]) -> list[str]:
    """All parameters when the number fits; else those, in order, whose shapes fit (a list of the weights alone)."""
    if len(items) == len(names):
        return names
    meant: list[str] = []
    left = iter(names)
    for item in items:
        found = next((name for name in left if shape_of(item) == tuple(shapes[name])), None)
        if found is None:
            return names
        meant.append(found)
    return meant


def _check_order(tree: Tree, items: list[Any], names: list[str], shapes: Mapping[str, tuple[int, ...]]) -> None:
    given = [shape_of(item) if item is not None else None for item in items]
    if None in given or all(given[i] == tuple(shapes[name]) for i, name in enumerate(names)):
        return
    for arrangement in permutations(names):
        if all(given[i] == tuple(shapes[name]) for i, name in enumerate(arrangement)):
            evidence = [
                f"gradient {i + 1} has shape {given[i]}; {name} has {tuple(np.atleast_1d(shapes[name]))}"
                for i, name in enumerate(names)
                if given[i] != tuple(shapes[name])
            ]
            tree.faults.append(faults.wrong_order(list(arrangement), names, evidence))
            return
