"""Parameters that an object keeps, and the gradients that its backward writes beside them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from gradcheck.layers.pairing import match_paths, name_of, role_in_pair
from gradcheck.layers.problem import Variable
from gradcheck.layers.reach import GRADIENT_WORDS, Path, arrays_of, nodes_of
from gradcheck.layers.rivals import Rivals
from gradcheck.layers.spelling import gradient_bases, is_target_name, looks_like_parameter, normal_forms
from gradcheck.layers.values import is_array, is_float_array, shape_of
from gradcheck.layers.written import Rehearsal, Standing
from gradcheck.state.slot import MISSING

__all__ = ["Keeper"]

_HOLDERS = ("params", "parameters", "weights", "biases")


class Keeper:
    """The arrays kept outside the arguments: which are parameters, and where their gradients appear.

    Args:
        starts: where to look: an object, or the globals and closure variables that functions name. A callable,
            for a backward may make new ones.
    """

    def __init__(self, starts: Callable[[], list[Path]]) -> None:
        self.starts = starts
        self.before = self.arrays()
        self.standing = Standing(self.before)
        self.constants: set[Path] = set()
        self.parameters: dict[str, Path] = {}
        self.gradients: dict[str, Path] = {}
        self.accumulates: list[str] = []
        self._between: dict[Path, Any] = {}
        self._vacant: list[tuple[Path, Any]] = []
        self.rivals = Rivals()

    def arrays(self) -> list[tuple[Path, Any]]:
        """Everything there is now."""
        return arrays_of(*self.starts())

    def stable(self, arguments: Sequence[object], lazily: bool) -> list[tuple[Path, Any]]:
        """Float arrays (and floats) that a forward has left in place, each once and under its best path.

        Args:
            arguments: the forward's arguments and outputs: an attribute that holds one, or a copy, is no parameter.
            lazily: take those in that the forward has just made.
        """
        first = dict(self.before)
        best: dict[int, tuple[Path, Any]] = {}
        numbers = []
        for path, value in self.arrays():
            if any(value is argument or _is_copy(value, argument) for argument in arguments):
                continue
            if is_array(value):
                if value.dtype.kind != "f" or (not lazily and first.get(path) is not value):
                    continue
                known = best.get(id(value))
                if known is None or _plainer(path, known[0]):
                    best[id(value)] = (path, value)
            elif path in first:
                numbers.append((path, value))
        kept = [*best.values(), *numbers]
        # params["W"] and grads["W"], made with zeros: the second is no parameter
        words = {path.words() for path, _ in kept}
        return [(path, value) for path, value in kept if not words.intersection(path.gradient_of())]

    def pair_up(self, candidates: Sequence[tuple[Path, Any]], input_names: Sequence[str]) -> dict[str, Path]:
        """Match parameters with gradients, after a backward; returns the gradients of inputs found in attributes."""
        arrays = [path for path, _ in self.arrays() if path not in self.constants]
        # a gradient is no parameter, and what has a gradient is no gradient
        parameters = [path for path, value in candidates if is_array(value) and value.size > 0]
        parameters += [path for path, value in candidates if not is_array(value)]
        names = {path: name_of(path, parameters) for path in parameters}
        matched = match_paths(parameters, arrays)
        matched = {p: g for p, g in matched.items() if g not in matched and p not in matched.values()}
        matched.update(_whole(parameters, [path for path in arrays if path not in matched.values()]))
        numbers = [p for p in matched if not is_array(p.get())]
        for path in numbers:
            if is_array(matched[path].get()) and matched[path].get().size != 1:
                del matched[path]
        self.parameters = {names[p]: p for p in parameters if p in matched}
        self.gradients = {names[p]: matched[p] for p in self.parameters.values()}
        inputs = {name: Path(None, (("attribute", name),)) for name in input_names}
        left = [path for path in arrays if path not in matched.values() and path not in matched]
        of_inputs = match_paths(list(inputs.values()), [p for p in left if len(p.steps) <= 2])
        found = {name: of_inputs[path] for name, path in inputs.items() if path in of_inputs}
        self.gradients.update(found)
        return found

    def pair_up_written(
        self, candidates: Sequence[tuple[Path, Any]], inputs: Mapping[str, Any], rehearsal: Rehearsal
    ) -> None:
        """:meth:`pair_up`, with only those gradients that the backward is seen to write.

        Args:
            candidates: where parameters may be.
            inputs: the arguments by name.
            rehearsal: another forward and backward, for where the first ones leave a doubt.
        """
        while True:
            self.pair_up(candidates, list(inputs))
            held = {name: path.get() for name, path in self.parameters.items()}
            shapes = {name: shape_of(value) for name, value in {**inputs, **held}.items()}
            of_inputs = [name for name in inputs if name not in held]
            constants = self.standing.constants(self.gradients, shapes, of_inputs, rehearsal)
            if not constants:
                return
            self.constants |= constants

    def take_declared(self, pairs: Sequence[tuple[Any, Path]], candidates: Sequence[tuple[Path, Any]]) -> None:
        """Take in what an object's own methods say is a parameter, with the place of its gradient.

        Args:
            pairs: the array of a parameter, and where its gradient can be read.
            candidates: where the arrays are that a forward leaves in place.
        """
        if not pairs:
            return
        paths = [path for path, value in candidates if is_array(value)]
        where = {id(value): path for path, value in reversed(candidates)}
        held = {id(value): path for path, value in reversed(self.arrays()) if is_array(value)}
        for array, place in pairs:
            path, gradient = where.get(id(array)), place.get()
            if path is None or gradient is array or path in self.parameters.values():
                continue
            name = name_of(path, paths)
            self.parameters[name] = path
            self.gradients[name] = held.get(id(gradient), place)

    def take_input(self, inputs: Sequence[Variable]) -> None:
        """``self.dinputs`` is the gradient of the one input, whatever it is called; in a loss, of what is no target."""
        if len(inputs) > 1:
            inputs = [v for v in inputs if not is_target_name(v.name)]
        if len(inputs) != 1 or inputs[0].name in self.gradients:
            return
        old = {id(value) for _, value in self.before}
        found = [
            path
            for path, value in self.arrays()
            if len(path.steps) == 1
            and is_array(value)
            and id(value) not in old
            and not (self.standing.untouched(path, value) and np.any(value))
            and value.shape == inputs[0].array.shape
            and "x" in [normal_forms(base)[3] for base in gradient_bases(str(path.keys[-1]))]
        ]
        if len(found) == 1:
            self.gradients[inputs[0].name] = found[0]
            inputs[0].gradient = found[0].text

    def adopt(self, candidates: Sequence[tuple[Path, Any]]) -> list[str]:
        """Take in parameters by their look (W, b, gamma ...) that no gradient was stored for; returns their names."""
        taken = set(self.parameters.values()) | set(self.gradients.values())
        paths = [path for path, value in candidates if is_array(value)]
        checked = [value for path, value in candidates if is_array(value) and path in self.parameters.values()]
        new = []
        for path in paths:
            words = path.words()
            holder = str(path.keys[0]).strip("_").lower()
            looks = bool(words) and (looks_like_parameter(words[-1]) or role_in_pair(path) is not None)
            whole = len(path.steps) == 1 and holder in ("params", "parameters", "param", "parameter")
            if path in taken or not (looks or whole or (words and holder in _HOLDERS)):
                continue
            if any(np.may_share_memory(path.get(), held) for held in checked):
                continue  # a flat vector and its views: those that have gradients are looked at
            name = name_of(path, paths)
            if name not in self.parameters:
                self.parameters[name] = path
                new.append(name)
        return new

    def made(self) -> dict[str, Any]:
        """The float arrays that have come since the start, under the last word of where they are."""
        old = {id(value) for _, value in self.before}
        new = [(path, value) for path, value in self.arrays() if is_float_array(value) and id(value) not in old]
        # outermost first: self.output before self.activation.output
        return {str(path.keys[-1]): value for path, value in reversed(new)}

    def pair_in_order(self) -> None:
        """``self.grads = [dW, db]`` or one ``self.grad`` beside W and b: in their order, where all the shapes fit."""
        left = {name: path for name, path in self.parameters.items() if name not in self.gradients}
        taken = {*self.parameters.values(), *self.gradients.values()}
        held = [path for path, value in self.arrays() if is_array(value) and path not in taken]
        for word in dict.fromkeys(str(path.keys[0]) for path in held):
            if word.strip("_").lower() not in GRADIENT_WORDS:
                continue
            offered = [path for path in held if path.keys[0] == word and len(path.steps) <= 2]
            pairs = list(zip(left.values(), offered, strict=False))
            if len(offered) == len(left) and all(np.shape(p.get()) == np.shape(g.get()) for p, g in pairs):
                self.gradients.update(dict(zip(left, offered, strict=True)))
                return

    def see(self, apart: bool = True) -> None:
        """Between the first forward and the first backward: what stands where.

        Args:
            apart: the gradients are still to come; where one call makes the loss and them, they stand there by now.
        """
        if apart:
            self.standing = Standing(self.arrays())
        self._between = dict(nodes_of(*self.starts()))
        self.rivals.see(self._between.items())

    def forget(self) -> None:
        """Let go of what was only needed for learning; keep where gradients were not yet, for :meth:`make_room`."""
        steps = dict.fromkeys(step for path in self.gradients.values() for step in _along(path))
        self._vacant = [(step, self._between.get(step, MISSING)) for step in steps]
        self._vacant = [(step, value) for step, value in self._vacant if value is None or value is MISSING]
        self._between, self.before, self.standing = {}, [], Standing(())
        self.starts = list  # nothing is looked for any more: no cycle may keep arrays alive until they are collected

    def make_room(self) -> None:
        """Before a backward: gradients that the first one made are gone again, and accumulators hold zeros."""
        self.rivals.remember()
        for path, value in self._vacant:
            if path.get() is MISSING:
                continue
            if value is None:
                path.set(None)
            else:
                _remove(path)
        for name in self.accumulates:
            held = self.gradients[name].get()
            if is_array(held):
                held[...] = 0
            elif isinstance(held, float):
                self.gradients[name].set(0.0)

    def find_accumulators(self, rehearsal: Rehearsal) -> list[Path]:
        """Which gradients are added to: NaN is put where they stand; what is NaN after a backward was not overwritten.

        Returns their places.
        """
        stands = [name for name, p in self.gradients.items() if is_array(p.get()) or isinstance(p.get(), float)]
        if not stands:
            return []

        def look() -> None:
            self.accumulates = [name for name, path in self.gradients.items() if _has_nan(path.get())]

        try:
            rehearsal.run(self._spoil, look)
        except Exception:
            self.accumulates = stands  # NaN was not to its liking: zeros are never wrong
        return [self.gradients[name] for name in self.accumulates]

    def _spoil(self) -> None:
        for path in self.gradients.values():
            held = path.get()
            if is_array(held) and held.dtype.kind == "f" and held.flags.writeable:
                held[...] = np.nan
            elif isinstance(held, float):
                path.set(float("nan"))


def _whole(parameters: Sequence[Path], arrays: Sequence[Path]) -> dict[Path, Path]:
    """``self.params`` and ``self.grads`` that are one flat vector each, or a parameter's own ``value`` and ``grad``."""
    found = {}
    for path in parameters:
        beside = [
            other
            for other in arrays
            if other.steps[:-1] == path.steps[:-1]
            and str(other.keys[-1]).strip("_").lower() in GRADIENT_WORDS
            and np.shape(other.get()) == np.shape(path.get())
        ]
        if not path.words() and len(beside) == 1:
            found[path] = beside[0]
    return found


def _is_copy(value: Any, argument: Any) -> bool:
    """A buffer that a forward fills, ``self.X[...] = x``; all zeros or all ones are like others by chance."""
    alike = is_array(value) and is_float_array(argument) and value.shape == argument.shape
    return alike and value.size > 0 and np.array_equal(value, argument) and bool(np.ptp(argument) > 0)


def _along(path: Path) -> list[Path]:
    return [Path(path.root, path.steps[: i + 1]) for i in range(len(path.steps))]


def _plainer(path: Path, other: Path) -> bool:
    """Whether ``path`` is the better name: words before indices, then the shorter."""
    return (isinstance(path.keys[-1], int), len(path.steps)) < (isinstance(other.keys[-1], int), len(other.steps))


def _remove(path: Path) -> None:
    holder = Path(path.root, path.steps[:-1]).get()
    kind, key = path.steps[-1]
    if kind == "attribute":
        getattr(holder, "__dict__", {}).pop(key, None)
    elif isinstance(holder, dict):
        dict.pop(holder, key, None)
    elif isinstance(holder, list):
        del holder[key:]


def _has_nan(value: Any) -> bool:
    return value is not MISSING and value is not None and bool(np.isnan(value).any())
