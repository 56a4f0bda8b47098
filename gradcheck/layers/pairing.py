"""Short names for what lies at a path, and which path holds the gradient of which."""

from __future__ import annotations

import re
from collections.abc import Sequence

from gradcheck.layers.reach import Path
from gradcheck.layers.spelling import normal_forms
from gradcheck.layers.values import is_float_array

__all__ = ["match_paths", "name_of", "role_in_pair"]

_PLAINLY = re.compile(r"_*(d(?!elta)|.*grad)", re.IGNORECASE)


def name_of(path: Path, others: Sequence[Path]) -> str:
    """A short name for what lies at ``path``: its last word where that is unique among ``others``, else the path."""
    words = path.words()
    if words and not words[-1].isdigit():
        same = [other for other in others if other.words()[-1:] == words[-1:]]
        if len(same) == 1:
            return words[-1]
    text = path.text
    role = role_in_pair(path)
    if role is not None:
        text = f"{text.rpartition('[')[0]}.{role}"
    if text.startswith("["):  # the network is a list itself
        text = ("layers" if len(path.steps) > 1 else "params") + text
    for tail in (".value", ".data", ".val", ".array"):
        text = text.removesuffix(tail)
    return text


def role_in_pair(path: Path) -> str | None:
    """ "W" or "b" for the two arrays of a layer written as ``(W, b)`` or ``(W, b, activation)``; else None."""
    index = path.keys[-1] if path.steps else None
    layer = Path(path.root, path.steps[:-1]).get()
    if not isinstance(index, int) or not isinstance(layer, list | tuple):
        return None
    arrays = [i for i, value in enumerate(layer) if is_float_array(value)]
    if len(arrays) != 2 or index not in arrays:
        return None
    for w, b in (arrays, arrays[::-1]):
        matrix, row = layer[w], layer[b]
        flat = row.ndim == 1 or 1 in row.shape
        if matrix.ndim >= 2 and row.ndim <= matrix.ndim and flat and row.size in matrix.shape:
            return "W" if index == w else "b"
    return None


def match_paths(of: Sequence[Path], gradients: Sequence[Path]) -> dict[Path, Path]:
    """Which path holds the gradient of which: W and dW, params['W'] and grads['W'], p.value and p.grad."""
    found: dict[Path, Path] = {}
    if not of or not gradients:
        return found
    forms = {path: path.gradient_of() for path in gradients}
    for tail in ("whole", "below the list", "last"):
        for level in range(4):
            offers: dict[tuple[str, ...], list[Path]] = {}
            for path, candidates in forms.items():
                for form in dict.fromkeys(_normal(c, level, tail) for c in candidates):
                    offers.setdefault(form, []).append(path)
            wanted: dict[tuple[str, ...], list[Path]] = {}
            for path in of:
                if path not in found and path.words():
                    wanted.setdefault(_normal(path.words(), level, tail), []).append(path)
            for form, names in wanted.items():
                taken = found.values()
                offered = [p for p in offers.get(form, []) if p not in taken and p not in names]
                if len(offered) > 1:
                    nearest = [p for p in offered if p.steps[:-1] == names[0].steps[:-1]]
                    offered = nearest or offered
                if len(offered) > 1:
                    # delta_W beside dW is a momentum term, not a second gradient
                    offered = [p for p in offered if _PLAINLY.match(str(p.keys[-1]))] or offered
                if len(names) == 1 and len(offered) == 1:
                    found[names[0]] = offered[0]
    return found


def _normal(words: tuple[str, ...], level: int, part: str) -> tuple[str, ...]:
    if part == "last":
        words = words[-1:]
    elif part == "below the list" and len(words) > 2 and words[1].isdigit():
        words = words[1:]  # layers[0]['W'] and grads[0]['W']
    return tuple(normal_forms(word)[level] for word in words)
