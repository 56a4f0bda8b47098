"""A whole network with one big backward: gradients returned, stored, or seen in an update of the weights."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from gradcheck.errors import GradcheckError
from gradcheck.layers import faults
from gradcheck.layers.calling import called, user_code
from gradcheck.layers.integer_parameters import integers_of, refuse_integers
from gradcheck.layers.left_out import left_out
from gradcheck.layers.lists import refuse_lists
from gradcheck.layers.matching import as_mapping, flattened
from gradcheck.layers.network_gradients import Tree, match_tree, numbers_named
from gradcheck.layers.pairing import name_of
from gradcheck.layers.problem import Gradients, Problem, Variable
from gradcheck.layers.reach import Path, children
from gradcheck.layers.request import check_array
from gradcheck.layers.source import returned_names
from gradcheck.layers.spelling import gradient_label, is_data_name, is_target_name
from gradcheck.layers.stored import Keeper
from gradcheck.layers.update import Rate, Update, Updating
from gradcheck.layers.values import describe, is_array, is_number, is_scalar, some_of
from gradcheck.layers.variables import apply_choices
from gradcheck.layers.written import Rehearsal
from gradcheck.report import Finding
from gradcheck.state import State

__all__ = ["Network"]


class Network(Problem):
    """loss() -> scalar, gradients() -> a set of gradients for the parameters of ``net``."""

    upstream = "one"

    def __init__(
        self,
        net: Any,
        loss: Callable[[], Any],
        gradients: Any,
        params: dict[str, Any] | None,
        wrt: Sequence[str] | None,
        constants: Sequence[str],
        name: str | None,
    ) -> None:
        self.net, self.loss, self.gradients = net, loss, gradients
        self.subject = name or (type(net).__name__ if net is not None else called(loss))
        self.notes: list[str] = []
        self.variables: list[Variable] = []
        self.arguments: list[Any] = []
        step = gradients.step if isinstance(gradients, Update) else gradients
        self.roots = [net, loss, step, params]
        self.updating: Updating | None = None
        self._moving: Updating | None = None
        self._given = params
        self._written = _names_returned(net, gradients)
        self.keeper = Keeper(self.starts)
        self._last: Any = None
        snapshot = State(*self.roots).snapshot()
        try:
            raw = self._rehearse()
        finally:
            snapshot.restore()
        self.keeper.forget()
        self._find_accumulators()
        apply_choices(self.variables, constants, wrt, net if net is not None else loss)
        self.collect(raw)

    def starts(self) -> list[Path]:
        """Below the object itself; where it is None, below ``params``."""
        holder = self.net if self.net is not None else self._given
        return [Path(holder, (step,)) for step in children(holder)]

    # -- the rehearsal -------------------------------------------------------------------------------------

    def _rehearse(self) -> Any:
        with user_code("loss()"):
            returned = self.loss()
        self._split(returned)
        self._check_loss()
        self.keeper.see(self.gradients is not None)
        if self._given is None:
            refuse_lists(self.starts(), self.subject)
        # the network's own data and activations are arrays too: only what the forward leaves in place is a parameter
        candidates = self._declared() if self._given is not None else self.keeper.stable([], False)
        if isinstance(self.gradients, Update):
            return self._rehearse_update(candidates, self.gradients)
        before = {path: (value, value.copy()) for path, value in candidates if is_array(value)}
        with user_code("gradients()"):
            raw = self._call_gradients()
        self._refuse_integers(raw)
        held = self.keeper.arrays()
        self._find_updates(before)
        if raw is None or (is_number(raw) and not isinstance(raw, bool)) or _is_loss(raw):
            self._take_stored(candidates)
            raw = None
        else:
            self._take_returned(raw, candidates)
        self.keeper.rivals.find(self.keeper.parameters, self.keeper.gradients, held)
        return raw

    def _refuse_integers(self, raw: Any) -> None:
        """Refuse integer arrays that a gradient is given of under their name, however nested."""
        integers = integers_of(self.keeper)
        places = {path.text: path for path in integers}
        tree = match_tree(raw, places, {p.text: np.shape(value) for p, value in integers.items()}) if places else Tree()
        returned = {} if tree.by_position else {places[n].words()[-1]: given for n, given in tree.found.items()}
        refuse_integers(integers, self.keeper, returned)

    def _find_updates(self, before: Mapping[Path, tuple[Any, Any]]) -> None:
        """A backward that moves the parameters as well: they are put back, now and after each call."""
        moved = {}
        for path, (value, copied) in before.items():
            now = path.get()
            if is_array(now) and now.shape == copied.shape and not np.array_equal(now, copied):
                moved[path.text] = path
                value[...] = copied
                path.set(value)
        self._moving = Updating(moved, None, None) if moved else None
        if moved:
            self.notes.append(f"gradients() updates {_some(list(moved))} too: put back after each call")

    def _check_loss(self) -> None:
        value = self.outputs[0]
        if not is_scalar(value):
            raise GradcheckError(f"loss() returned {describe(value)}: it must return one number, or (number, ...)")
        if (is_array(value) and value.dtype.kind != "f") or isinstance(value, int | np.integer):
            raise GradcheckError(f"loss() returned {describe(value)}, which is no float: return the loss, not a count")
        if not np.isfinite(value).all():
            raise GradcheckError(f"loss() returned {value}: check at parameters and inputs where the loss is finite")

    def _declared(self) -> list[tuple[Path, Any]]:
        reachable = State(self.net, self.loss, self.roots[2]).arrays
        for name, value in (self._given or {}).items():
            if not any(value is other for other in reachable):
                raise GradcheckError(
                    f"params: {name} is not an array that the network uses: give the very object, not a copy of it"
                )
        return [(Path(self._given, (("item", name),)), value) for name, value in (self._given or {}).items()]

    def _call_gradients(self) -> Any:
        raw = self.gradients() if self.gradients is not None else self._extra
        if isinstance(raw, tuple | list) and len(raw) == 2 and _is_loss(raw[0]) and not _is_loss(raw[1]):
            return raw[1]  # (loss, gradients) once more
        if isinstance(raw, tuple | list) and len(raw) > 2 and _is_loss(raw[0]) and isinstance(raw[0], float):
            return tuple(raw[1:])  # (loss, dW1, db1, ...)
        return raw

    def _tree(self, raw: Any, places: Mapping[str, Path], shapes: Mapping[str, tuple[int, ...]]) -> Tree:
        """By the names in the return statement where they say it all, else as :func:`match_tree` does."""
        if isinstance(raw, tuple) and self._written is not None and len(self._written) == len(raw):
            tree = match_tree(dict(zip(self._written, raw, strict=True)), places, shapes)
            if len(tree.found) == len(flattened(raw)):
                return tree
        return match_tree(raw, places, shapes)

    def _take_stored(self, candidates: list[tuple[Path, Any]]) -> None:
        self.keeper.pair_up_written(candidates, {}, self._again())
        if not self.keeper.parameters:
            raise self._nothing_matched("gradients() returned nothing, and no stored gradients were found", candidates)
        self._adopt(candidates)
        stored = [_text(path) for path in self.keeper.gradients.values()]
        self.style = f"network: loss(), gradients() stores {some_of(stored)}"

    def _take_returned(self, raw: Any, candidates: list[tuple[Path, Any]]) -> None:
        arrays = [(path, value) for path, value in candidates if is_array(value) and value.dtype.kind == "f"]
        arrays += numbers_named(raw, candidates)
        self.order = [name_of(path, [p for p, _ in arrays]) for path, _ in arrays]
        places = dict(zip(self.order, [path for path, _ in arrays], strict=True))
        shapes = {name: np.shape(path.get()) for name, path in places.items()}
        tree = self._tree(raw, places, shapes)
        if not tree.found:
            raise self._nothing_matched(f"gradients() returned {describe(raw)}", candidates)
        self.notes += tree.notes
        for name in tree.found:
            self._add(name, places[name], tree.labels.get(name))
        self.keeper.parameters = {name: places[name] for name in tree.found}
        self._adopt(arrays)
        kind = (
            "dict" if as_mapping(raw) is not None else type(raw).__name__ if isinstance(raw, tuple | list) else "array"
        )
        self.style = f"network: loss(), gradients() -> {kind}"

    def _rehearse_update(self, candidates: list[tuple[Path, Any]], update: Update) -> None:
        arrays = [(path, value) for path, value in candidates if is_array(value)]
        before = {path: value.copy() for path, value in arrays}
        with user_code("the step of from_update"):
            update.step()
        self._refuse_integers(None)
        moved = {}
        for path, _ in arrays:
            now = path.get()
            if is_array(now) and now.shape == before[path].shape and not np.array_equal(now, before[path]):
                moved[name_of(path, [p for p, _ in arrays])] = path
        for path, value in arrays:  # back in place, so that variables hold the user's own arrays
            value[...] = before[path]
            if path.get() is not value:
                path.set(value)
        if not moved:
            have = _some([path.text for path, _ in arrays]) or "no arrays at all"
            raise GradcheckError(
                f"the step of from_update changed no parameter: found in the network were {have}. Give the arrays that "
                f"it changes, params={{...}}, and a step that does update them"
            )
        self.keeper.parameters = dict(moved)
        for name, path in moved.items():
            self._add(name, path, None)
        self._adopt(arrays)
        # a parameter that the step leaves as it is has a gradient too, of zeros
        watched = dict(self.keeper.parameters)
        self.updating = Updating(watched, watched, Rate("lr", lambda: update.lr))
        self.updates, self.learning_rate = True, update.lr
        self.style = "network: loss(), gradients from the update of the weights"
        self.notes.append(f"gradients are (before - after) / {update.lr:g}; the weights are put back after each step")

    def _adopt(self, candidates: list[tuple[Path, Any]]) -> None:
        if self._given is not None:
            taken = set(self.keeper.parameters)
            self.keeper.parameters.update({p.text: p for p, _ in candidates if p.text not in taken})
        else:
            self.keeper.adopt(candidates)
        for name, path in self.keeper.parameters.items():
            if all(variable.name != name for variable in self.variables):
                self._add(name, path, None)
        self._say_what_is_left_out(candidates)

    def _say_what_is_left_out(self, candidates: Sequence[tuple[Path, Any]]) -> None:
        taken = [v.array for v in self.variables] + [path.get() for path in self.keeper.gradients.values()]
        named = [(path, value) for path, value in candidates if not _is_data(str(path.keys[-1]))]
        left = left_out(named, taken) if self._given is None else []
        if left:
            self.notes.append(f"not checked: {_some(left)}, for no gradient of it was given (params= names what is)")

    def _add(self, name: str, path: Path, label: str | None) -> None:
        value = path.get()
        stored = self.keeper.gradients.get(name)
        shown = label or (_text(stored) if stored is not None else gradient_label(name))
        if is_array(value):
            check_array(f"parameter {path.text}", value, integers=False)
            self.variables.append(Variable(name, value, "parameter", shown))
        else:
            self.variables.append(Variable(name, np.asarray(value), "parameter", shown, slots=(path.slot(),)))

    def _nothing_matched(self, why: str, candidates: Sequence[tuple[Path, Any]]) -> GradcheckError:
        arrays = [(path, value) for path, value in candidates if is_array(value)]
        have = _some([f"{name_of(p, [q for q, _ in arrays])} {np.shape(v)}" for p, v in arrays]) or "none"
        return GradcheckError(
            f"{why}; the arrays found in {self.subject} are: {have}. Name parameters and gradients alike: "
            f'params={{"W1": net.W1, ...}} with gradients=lambda: {{"W1": dW1, ...}}'
        )

    def _find_accumulators(self) -> None:
        added = self.keeper.find_accumulators(self._again())
        if added:
            shown = _some([path.text for path in added])
            self.notes.append(f"gradients are added up (+=) in {shown}: set to zero before each call")

    def _again(self) -> Rehearsal:
        if self.gradients is None:
            return Rehearsal(State(*self.roots).snapshot, lambda: None, self.forward)
        return Rehearsal(State(*self.roots).snapshot, self.forward, self._call_gradients)

    # -- the two calls -------------------------------------------------------------------------------------

    def forward(self) -> tuple[object, ...]:
        """Run the loss."""
        self._split(self.loss())
        return self.outputs

    def _split(self, returned: Any) -> None:
        several = isinstance(returned, tuple | list) and len(returned) > 0
        self.outputs = (returned[0] if several else returned,)
        rest = list(returned[1:]) if several else []
        self._extra = rest[0] if len(rest) == 1 else (tuple(rest) or None)

    def backward(self, upstreams: Sequence[np.ndarray[Any, Any]]) -> Gradients:  # noqa: ARG002  # the loss is the end
        """Run the backward; collect what it returned, stored, or did to the weights."""
        self.keeper.make_room()
        if self.updating is not None and isinstance(self.gradients, Update):
            with self.updating.watching():
                self.gradients.step()
            given = self.updating.gradients
            return Gradients({v.name: given.get(v.name) for v in self.variables})
        if self._moving is None:
            return self.collect(self._call_gradients())
        with self._moving.watching():
            raw = self._call_gradients()
        return self.collect(raw)

    def collect(self, raw: Any) -> Gradients:
        """The gradients by name."""
        if self.updating is not None:
            return Gradients({})
        if self.keeper.gradients:
            values: dict[str, object] = {v.name: None for v in self.variables}
            values.update({name: path.get() for name, path in self.keeper.gradients.items()})
            return Gradients(values, self._rivals(values))
        places = {v.name: self.keeper.parameters[v.name] for v in self.variables}
        shapes = {v.name: v.array.shape for v in self.variables}
        in_order = {name: places[name] for name in self.order if name in places}
        tree = self._tree(raw, in_order, shapes)
        result = Gradients({v.name: tree.found.get(v.name) for v in self.variables}, list(tree.faults))
        if not tree.by_position:
            for v in self.variables:
                if v.differentiated and result.values[v.name] is None:
                    result.faults.append(faults.missing(v.name, v.gradient, f"gradients() returned {describe(raw)}"))
        result.faults += self._rivals(result.values)
        return result

    def _rivals(self, values: Mapping[str, object]) -> list[Finding]:
        return self.keeper.rivals.differing(values, {v.name: v.gradient for v in self.variables})


def _names_returned(net: Any, gradients: Any) -> list[str] | None:
    """The names in ``return nabla_b, nabla_w`` of the method that ``gradients`` is, or that its lambda calls."""
    candidates = [gradients]
    code = getattr(gradients, "__code__", None)
    if code is not None and code.co_name == "<lambda>":
        candidates = [getattr(net, name, None) for name in code.co_names]
    for function in candidates:
        written = returned_names(function) if inspect.ismethod(function) else None
        if written is not None and len(written) > 1 and None not in written:
            return [name for name in written if name is not None]
    return None


def _text(path: Path) -> str:
    return ("layers" if path.text.startswith("[") else "") + path.text  # the network is a list itself


def _is_loss(value: Any) -> bool:
    return is_scalar(value) and not isinstance(value, bool) and (is_number(value) or value.ndim == 0)


def _is_data(name: str) -> bool:
    return is_data_name(name) or is_target_name(name)


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
