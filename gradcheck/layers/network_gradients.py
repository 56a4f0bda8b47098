"""Gradients of many parameters in one structure: a dict, nested dicts, [(dW, db), ...], a list in their order."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import permutations
from typing import Any

import numpy as np

from gradcheck.layers import faults
from gradcheck.layers.matching import as_mapping, flattened
from gradcheck.layers.pairing import role_in_pair
from gradcheck.layers.reach import Path
from gradcheck.layers.spelling import gradient_bases, match_names, normal_forms
from gradcheck.layers.values import describe, is_array, is_number, is_scalar, shape_of
from gradcheck.report import Finding

__all__ = ["Tree", "match_tree", "numbers_named"]

_NUMBERED = re.compile(r"(\D+?)_?(\d+)")


@dataclass
class Tree:
    """What was found: a gradient per parameter name, its label in the user's words, and what was wrong."""

    found: dict[str, Any] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    faults: list[Finding] = field(default_factory=list)
    by_position: bool = False
    notes: list[str] = field(default_factory=list)


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


def numbers_named(raw: Any, candidates: Sequence[tuple[Path, Any]]) -> list[tuple[Path, Any]]:
    """Numbers in a network of whose names ``raw`` gives gradients; not a loss that stands in both."""
    given = as_mapping(raw) or {}
    held = {str(path.words()[-1]): (path, value) for path, value in candidates if is_number(value) and path.words()}
    named = match_names(list(held), [str(key) for key, item in given.items() if is_scalar(item)])
    return [held[name] for name, key in named.items() if given[key] != held[name][0].get()]


def _words(path: Path) -> tuple[str, ...]:
    """The words of a path; the two arrays of a layer ``(W, b)`` are called so."""
    words, role = path.words() or ("",), role_in_pair(path)
    return (*words[:-1], role) if role else words


def _by_number(keys: list[str], places: Mapping[str, Path]) -> dict[str, str]:
    """ "dW1", "db1", "dW2" ... beside layers[0].W, layers[0].b: counted from 0 or 1, none of a kind left out."""
    kinds: dict[str, list[str]] = {}
    for name, path in places.items():
        words = _words(path)
        if any(isinstance(key, int) for key in path.keys):
            kinds.setdefault(normal_forms(words[-1])[3], []).append(name)
    numbered: dict[str, dict[int, str]] = {}
    for key in keys:
        for base in (key, *gradient_bases(key)):
            parts = _NUMBERED.fullmatch(base)
            kind = normal_forms(parts[1])[3] if parts else ""
            if parts and kind in kinds:
                numbered.setdefault(kind, {})[int(parts[2])] = key
                break
    found: dict[str, str] = {}
    for kind, names in kinds.items():
        given = numbered.get(kind, {})
        if sorted(given) in ([*range(len(names))], [*range(1, len(names) + 1)]):
            found.update({name: given[n] for name, n in zip(names, sorted(given), strict=True)})
    return found


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
            match = _by_number(list(flat), places)
        if not match:
            words = {_words(path)[-1]: name for name, path in places.items() if _words(path)}
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
                    if any(_same(_words(path), form, level, whole) for form in _forms(keys))
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
    if not all(item is None or is_array(item) or is_number(item) for item in items):
        return tree
    names = _parameters_meant(items, list(places), shapes)
    if not _fit(items, names, shapes):
        for how, order in (("layer by layer", _layer_by_layer(places)), ("kind by kind", _kind_by_kind(places))):
            if order != names and _fit(items, order, shapes):
                names = order
                tree.notes.append(f"gradients() gives them {how}: {', '.join(names)}")
                break
    if len(names) != len(items):
        evidence = [f"gradients() returned {describe(item)}" for item in items[:3]]
        tree.faults.append(faults.wrong_number(len(items), names, evidence))
    tree.found = dict(zip(names, items, strict=False))
    if len(names) == len(items) and len(items) <= 6:
        _check_order(tree, items, names, shapes)
    return tree


def _fit(items: list[Any], names: list[str], shapes: Mapping[str, tuple[int, ...]]) -> bool:
    return len(items) == len(names) and all(
        item is None or shape_of(item) == tuple(shapes[name]) for item, name in zip(items, names, strict=True)
    )


def _layer_by_layer(places: Mapping[str, Path]) -> list[str]:
    """weights[0], biases[0], weights[1] ... or W1, b1, W2 ...: by the number in the name, where every one has one."""
    index: dict[str, int] = {}
    for name, path in places.items():
        numbers = [key for key in path.keys if isinstance(key, int)]
        numbers += [int(digits) for digits in re.findall(r"\d+$", str(path.keys[-1]))]
        if not numbers:
            return list(places)
        index[name] = numbers[0]
    return sorted(places, key=lambda name: index[name])


def _kind_by_kind(places: Mapping[str, Path]) -> list[str]:
    """All weights, then all biases."""
    kinds = {name: _words(path)[-1] for name, path in places.items()}
    first = list(dict.fromkeys(kinds.values()))
    return sorted(places, key=lambda name: first.index(kinds[name]))


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
            said = ", ".join(f'"{name}": ...' for name in arrangement[:3]) + ", ..." * (len(names) > 3)
            meant = f"if the order is meant, give the parameters in it: params={{{said}}}"
            tree.faults.append(faults.wrong_order(list(arrangement), names, evidence, meant))
            return
