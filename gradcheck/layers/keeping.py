"""Layers that keep parameters or gradients outside the call: in attributes, dicts, lists, globals, closures."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from gradcheck.errors import GradcheckError
from gradcheck.layers.collecting import layer_sets, returned_gradients
from gradcheck.layers.integer_parameters import integers_of, refuse_integers
from gradcheck.layers.layer import Layer, sample_upstream
from gradcheck.layers.left_out import left_out
from gradcheck.layers.lists import refuse_lists
from gradcheck.layers.losses import names_read
from gradcheck.layers.matching import named_gradients, ungrouped
from gradcheck.layers.network_gradients import match_tree
from gradcheck.layers.numbers_beside import with_advice
from gradcheck.layers.pairing import name_of
from gradcheck.layers.problem import Gradients, Variable
from gradcheck.layers.reach import Path
from gradcheck.layers.request import check_array
from gradcheck.layers.scratch import without_scratch
from gradcheck.layers.spelling import gradient_label, match_names
from gradcheck.layers.stored import Keeper
from gradcheck.layers.targets import data_and_targets
from gradcheck.layers.update import Rate, Updating
from gradcheck.layers.values import is_array, is_scalar, some_of
from gradcheck.layers.variables import places_in_lists
from gradcheck.layers.written import Rehearsal

__all__ = ["Keeping"]


class Keeping(Layer):
    """A layer whose parameters and gradients are looked for around its callables, by name."""

    keeps_parameters = False  # functions: only what has a gradient is taken for a parameter; objects: also by its look
    backward_apart = True  # False: one call gives the value and the gradients
    gradient_names: list[str | None] | None = None
    updating: Updating | None = None
    passed_on: Mapping[str, Any] = MappingProxyType({})  # what the backward handed to an optimizer
    rehearsed: Collection[str] = ()  # what the first backward gave a gradient of
    _stable: list[tuple[Path, Any]]
    _undo: Callable[[], None] | None = None

    @abstractmethod
    def starts(self) -> list[Path]:
        """Where parameters and stored gradients are looked for."""

    def declared(self) -> list[tuple[Any, Path]]:
        """Parameters that the user's object names itself, each with where its gradient is."""
        return []

    @abstractmethod
    def first_run(self) -> Any:
        """One forward, ``after_forward``, one backward; returns what the backward returned."""

    @abstractmethod
    def run_backward(self, upstreams: Sequence[np.ndarray[Any, Any]]) -> Any:
        """Call the user's backward."""

    def settle(self) -> None:
        """Targets of a loss that gets no gradient of them are constants, and said to be."""
        super().settle()
        if not all(is_scalar(output) for output in self.outputs):
            return
        left_out = data_and_targets(self._raw, self.gradient_names, self.variables, self.request.wrt or ())
        left_out = [v for v in left_out if v.name not in self.keeper.gradients]
        for variable in left_out:
            variable.differentiated = False
            variable.reason = "data or targets: no gradient is returned for it"
        if left_out:
            names = ", ".join(v.name for v in left_out)
            self.note(f"{names}: taken as data or targets, for no gradient of it is returned (wrt= asks for it)")

    def note(self, text: str) -> None:
        """Say something in the report, once."""
        if text not in self.notes:
            self.notes.append(text)

    def close(self) -> None:
        """Take away parameters that the first forward made."""
        if self._undo is not None:
            self._undo()

    # -- learning where things are -------------------------------------------------------------------------

    def learn(self) -> None:
        """Run forward and backward once, see what they return and store, and put everything back."""
        own = list(self.variables)
        snapshot = self.snapshot()
        try:
            self.keeper = Keeper(self.starts)
            self._argument_places = places_in_lists(self.names, self.arguments, self.variables)
            refuse_lists(self.starts(), self.subject)
            raw = self._learn()
            lazy = self._parameters_made_now()
            unchanged = self.settle_first(snapshot if not lazy else None)
        except BaseException:
            snapshot.restore()
            raise
        snapshot.restore(unchanged)
        if lazy:
            self.variables = own
            self._undo = lambda: snapshot.restore()  # a function: copies of the problem share it
            raw = self._learn_lazily()
            self.settle_first(None)
        self.keeper.forget()
        try:
            self._raw = raw
            self._say_what_is_left_out()
            self._find_accumulators()
            self.settle()
        except BaseException:
            self.close()
            raise
        self.collect(raw)

    def _learn(self) -> Any:
        stood = {path: value for path, value in self.keeper.before if is_array(value)}
        contents = {path: value.copy() for path, value in stood.items()}
        raw = ungrouped(self.first_run(), self.arguments)
        named = dict(named_gradients(raw, self.gradient_names))
        self.promote(raw, named)
        refuse_integers(integers_of(self.keeper, self.arguments), self.keeper, named)
        self._find_parameters(raw, self._stable)
        self.keeper.take_input([v for v in self.variables if v.role == "input" and v.differentiated])
        self.variables = without_scratch(self.keeper, self.variables, raw, contents, self.request.constants)
        self._find_updates(stood, contents)
        self.keeper.rivals.find(self.keeper.parameters, self.keeper.gradients, self.keeper.arrays())
        found = self.collect(raw)
        self.rehearsed = {name for name, gradient in found.values.items() if gradient is not None}
        self.keep_first(found)
        return raw

    def after_forward(self) -> None:
        """Called in the rehearsal between forward and backward: a parameter is what the forward left in its place."""
        self._stable = self.keeper.stable([*self.arguments, *self.outputs], False)
        self.keeper.see(self.backward_apart)

    def _learn_lazily(self) -> Any:
        """Parameters that the first forward makes stay for the time of the check: it is about them."""
        try:
            self.rehearse_forward()
            snapshot = self.snapshot()
            try:
                self.keeper = Keeper(self.starts)
                raw = self._learn()
            finally:
                snapshot.restore()
        except BaseException:
            self.close()
            raise
        if self.keeper.parameters:
            self.note("parameters made by the first forward: checked as they are after one")
        else:
            self.close()
            self._undo = None
        return raw

    def _parameters_made_now(self) -> bool:
        if self.keeper.parameters:
            return False
        made = Keeper(self.keeper.starts)
        old = {path for path, _ in self.keeper.before}
        new = [(p, v) for p, v in made.stable([*self.arguments, *self.outputs], True) if p not in old]
        if not new:
            return False
        made.pair_up(new, self.names)
        looked = made.adopt(new) if self.keeps_parameters else []
        return bool(made.parameters or looked)

    def _find_parameters(self, raw: Any, candidates: list[tuple[Path, Any]]) -> None:
        keeper = self.keeper
        declared = {id(v.array) for v in self.variables}
        heard = dict(keeper.parameters)
        keeper.pair_up_written(candidates, dict(zip(self.names, self.arguments, strict=True)), self._again())
        keeper.take_declared(self.declared(), candidates)
        keeper.parameters.update({n: p for n, p in heard.items() if p not in keeper.parameters.values()})
        self._adopt_sets(raw, candidates)
        names = [name for name, _ in named_gradients(raw, self.gradient_names)]
        if self.keeps_parameters:
            keeper.adopt(candidates)
            if raw is None or not isinstance(raw, tuple | list | Mapping):
                keeper.pair_in_order()
        if names:
            self._adopt_returned(names, candidates)
        stood = dict(candidates)  # the backward may have put other arrays there
        for name, path in list(keeper.parameters.items()):
            value = stood[path]
            if is_array(value) and id(value) in declared:
                known = next(v for v in self.variables if v.array is value)
                if name in keeper.gradients:
                    keeper.gradients[known.name] = keeper.gradients.pop(name)
                del keeper.parameters[name]
                continue
            self.variables.append(self._parameter(name, path, value))

    def _say_what_is_left_out(self) -> None:
        taken = [v.array for v in self.variables] + [path.get() for path in self.keeper.gradients.values()]
        left = left_out(self.owned(self._stable), taken, names_read(self.call_forward))
        if left:
            self.note(f"not checked: {', '.join(left)}, for no gradient is returned or stored under a name of theirs")

    def owned(self, candidates: list[tuple[Path, Any]]) -> list[tuple[Path, Any]]:
        """Those of the arrays found that are kept in an object, where parameters would be."""
        return candidates if self.keeps_parameters else []

    def _parameter(self, name: str, path: Path, value: Any) -> Variable:
        taken = {v.name for v in self.variables}
        label = f"parameter {path.text}"
        stored = self.keeper.gradients.get(name)
        shown = stored.text if stored is not None else gradient_label(name)
        if name in taken:
            old, name = name, f"self.{path.text}"
            self.keeper.parameters[name] = self.keeper.parameters.pop(old)
            if stored is not None:
                self.keeper.gradients[name] = self.keeper.gradients.pop(old)
        if is_array(value):
            check_array(label, value, integers=False)
            return Variable(name, value, "parameter", shown)
        return Variable(name, np.asarray(value), "parameter", shown, slots=(path.slot(),))

    def _adopt_returned(self, names: list[str], candidates: list[tuple[Path, Any]]) -> None:
        """Gradients returned under a name that no argument has: the parameter is looked for under it."""
        known = match_names([v.name for v in self.variables], names)
        free = [name for name in names if name not in known.values()]
        # a plain name may be the parameter's own, in a dict of gradients
        paths = {path.words()[-1]: path for path, value in candidates if path.words() and is_array(value)}
        for word in match_names(list(paths), free):
            path = paths[word]
            if path not in self.keeper.parameters.values() and word not in self.keeper.parameters:
                self.keeper.parameters[word] = path

    def _adopt_sets(self, raw: Any, candidates: list[tuple[Path, Any]]) -> None:
        """A set of gradients for each layer, ``[{"W": dW, "b": db}, ...]``: the parameters lie in sets like these."""
        taken = {id(v.array) for v in self.variables} | {id(p.get()) for p in self.keeper.parameters.values()}
        free = {path: value for path, value in candidates if is_array(value) and id(value) not in taken}
        sets = layer_sets(raw)
        if sets is not None and free:
            places = {name_of(path, list(free)): path for path in free}
            tree = match_tree(sets, places, {name: np.shape(path.get()) for name, path in places.items()})
            self.keeper.parameters.update({name: places[name] for name in tree.found})

    # -- gradients that add up, weights that move ----------------------------------------------------------

    def _find_accumulators(self) -> None:
        added = self.keeper.find_accumulators(self._again()) if self.updating is None else []
        if added:
            shown = ", ".join(path.text for path in added)
            self.note(f"gradients are added up (+=) in {shown}: set to zero before each call")

    def _again(self) -> Rehearsal:
        if not self.backward_apart:
            return Rehearsal(self.snapshot, lambda: None, self.forward)
        return Rehearsal(self.snapshot, self.forward, lambda: self.run_backward(self._sample_upstreams()))

    def _find_updates(self, stood: dict[Path, Any], contents: dict[Path, Any]) -> None:
        moved = {}
        for name, path in self.keeper.parameters.items():
            now = path.get()
            if path not in stood or not is_array(now) or now.shape != contents[path].shape:
                continue
            if not np.array_equal(now, contents[path]):
                moved[name] = path
        without = {name: path for name, path in moved.items() if name not in self.keeper.gradients}
        if moved and not without:
            self.note("backward updates the parameters too: they are put back after each call")
            self.updating, self.moves_parameters = Updating(moved, None, self.rate_source()), True
        elif without:
            rate = self.rate_source()
            if rate is None:
                raise GradcheckError(
                    f"backward changes {', '.join(without)} itself, and no gradient of it is stored or returned: "
                    f'give the learning rate, kwargs={{"lr": 0.01}} or an attribute lr, '
                    f"so that (before - after) / lr is the gradient"
                )
            self.updating = Updating(moved, without, rate)
            for name in without:
                variable = next(v for v in self.variables if v.name == name)
                variable.gradient = f"d{name}"
            self.updates, self.learning_rate = True, rate.get()
            self.note(
                f"backward updates {', '.join(without)} itself: the gradient is (before - after) / {rate.label}, "
                f"and the weights are put back after each call"
            )

    def parameters_after(self) -> Mapping[str, np.ndarray[Any, Any]]:
        """As the last backward left them."""
        return {} if self.updating is None else self.updating.after

    def rate_source(self) -> Rate | None:
        """The learning rate that a self-updating backward uses; None where there is none to be found."""
        return None

    # -- one backward --------------------------------------------------------------------------------------

    def backward(self, upstreams: Sequence[np.ndarray[Any, Any]]) -> Gradients:
        """Make room, call the backward, collect what it returned and stored."""
        self.keeper.make_room()
        if self.updating is None:
            return self.collect(self.run_backward(upstreams))
        with self.updating.watching():
            raw = self.run_backward(upstreams)
        return self.collect(raw)

    def collect(self, raw: Any) -> Gradients:
        """Gradients by name: returned ones first, then those stored, then those seen in an update."""
        raw = ungrouped(raw, self.arguments)
        stored = {name: path.get() for name, path in self.keeper.gradients.items()}
        stored.update(self.passed_on)
        if self.updating is not None:
            stored.update(self.updating.gradients)
        result = returned_gradients(
            raw,
            self.variables,
            stored,
            self._argument_places | self.keeper.parameters,
            slots=self.positions(),
            written=self.gradient_names,
            order=self.request.order,
            by_name=self.keeps_parameters,
            asked=self.request.wrt,
        )
        for name, value in stored.items():
            if name in result.values and result.values[name] is None:
                result.values[name] = value
        result.faults += self.keeper.rivals.differing(result.values, {v.name: v.gradient for v in self.variables})
        return with_advice(result, self.advice)

    def _sample_upstreams(self) -> list[np.ndarray[Any, Any]]:
        return [sample_upstream(output, self.upstream) for output in self.outputs]

    def kept_in_words(self) -> str:
        """What the style says of gradients that are stored and not returned."""
        kept = {name: path.text for name, path in self.keeper.gradients.items()}
        if self.updating is not None and self.updating.measured:
            return f", updates {', '.join(self.updating.measured)} itself"
        if not kept:
            return ""
        how = "adds to" if self.keeper.accumulates else "stores"
        return f", {how} {some_of(list(kept.values()))}"
