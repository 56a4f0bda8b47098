"""The parameters of an object that somebody wrote: arrays by their names and places, as their code holds them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from gradcheck.errors import GradcheckError
from gradcheck.layers.pairing import name_of
from gradcheck.layers.reach import Path, arrays_of, children
from gradcheck.layers.request import check_array
from gradcheck.layers.spelling import is_buffer_name, is_data_name, is_target_name, looks_like_parameter
from gradcheck.layers.stored import Keeper
from gradcheck.layers.values import is_float_array
from gradcheck.state import State

__all__ = ["arrays_below", "parameters_of"]

# where optimizers that are written by hand keep their moments, one for each parameter: self.v["W"]
_MOMENTS = re.compile(r"_?([mvs]|mv|[mvs]s|.*(moment|veloc|cache|square|accum).*)_?", re.IGNORECASE)


def arrays_below(holder: Any) -> dict[str, Path]:
    """Every float array at and below an object, under a short name, each array once."""
    return _named([path for path, value in _below(holder) if is_float_array(value)])


def parameters_of(holder: Any, run: Callable[[], object] | None, roots: tuple[object, ...]) -> dict[str, Path]:
    """The arrays that look like parameters: called W, b, gamma ..., or kept in ``params``, ``weights`` ...

    Args:
        holder: the object, or nested dicts and lists.
        run: what makes parameters that are made lazily, and the activations that are none; undone afterwards.
        roots: all that ``run`` can reach.

    Raises:
        GradcheckError: none was found.
    """
    before = _below(holder)
    keeper = Keeper(lambda: [Path(holder, (step,)) for step in children(holder)])
    snapshot = State(holder, *roots).snapshot()
    try:
        if run is not None:
            run()
        candidates = keeper.stable([], False)
    finally:
        snapshot.restore()
    keeper.adopt(candidates)
    found = {name: path for name, path in keeper.parameters.items() if is_float_array(path.get())}
    if not found:  # a list of pairs, a dict of dicts: whatever is no data and no buffer
        kept = [p for p, v in before if is_float_array(v) and _may_be_trained(p)]
        found = _named(kept)
    if not found:
        have = ", ".join(sorted(p.text for p, v in before if is_float_array(v))[:8]) or "no arrays of floats"
        raise GradcheckError(
            f"params: no parameters were found in {type(holder).__name__} (it holds {have}); name them: "
            f'params={{"W1": net.W1, "b1": net.b1}}'
        )
    found = _without_moments(found)
    for name, path in found.items():
        check_array(f"params: {name}", path.get(), integers=False)
    return found


def _below(holder: Any) -> list[tuple[Path, Any]]:
    return arrays_of(*(Path(holder, (step,)) for step in children(holder)))


def _named(paths: list[Path]) -> dict[str, Path]:
    first: dict[int, Path] = {}
    for path in paths:
        first.setdefault(id(path.get()), path)
    kept = list(first.values())
    return {name_of(path, kept): path for path in kept}


def _without_moments(found: dict[str, Path]) -> dict[str, Path]:
    """``self.v["W"]``, ``self.v["b"]`` beside ``self.W``, ``self.b`` of the same shapes is what an optimizer keeps."""
    held: dict[str, list[str]] = {"": []}
    for name, path in found.items():
        words = [str(key) for key in path.keys[:-1]]
        holder = next((".".join(words[: k + 1]) for k, word in enumerate(words) if _MOMENTS.fullmatch(word)), "")
        held.setdefault(holder, []).append(name)

    def alike(names: list[str]) -> list[tuple[str, tuple[int, ...]]]:
        return sorted((str(found[n].keys[-1]), found[n].get().shape) for n in names)

    # v["W"] beside q["W"] and k["W"] is another layer
    moments = {n for holder, names in held.items() if holder and alike(names) == alike(held[""]) for n in names}
    return {name: path for name, path in found.items() if name not in moments}


def _may_be_trained(path: Path) -> bool:
    last = str(path.keys[-1])
    if looks_like_parameter(last):
        return True
    words = [str(key) for key in path.keys]
    return not any(is_data_name(w) or is_target_name(w) or is_buffer_name(w) for w in words)
