"""``check_network``: a list of layers and a loss, or a network with one big backward."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gradcheck.caller import calling_place
from gradcheck.check import report_of
from gradcheck.diagnosis.called_again import differing
from gradcheck.diagnosis.tolerance import Limits
from gradcheck.errors import GradcheckError
from gradcheck.examine import Examination, examine
from gradcheck.layers import adapt, adapt_network
from gradcheck.layers.recognise import TorchSubject
from gradcheck.layers.request import checked_names
from gradcheck.options import (
    checked_budget,
    checked_dtype,
    checked_name,
    checked_power,
    checked_seed,
    checked_switch,
    checked_tolerance,
)
from gradcheck.outcome import default_dtype, finish, shown_at_caller
from gradcheck.report import Finding, GradientResult, Report
from gradcheck.witnesses.numpy_subject import NumpySubject
from gradcheck.witnesses.raised import raising_in
from gradcheck.witnesses.subject import Array

__all__ = ["check_network"]


@shown_at_caller
def check_network(
    network: object,
    *inputs: object,
    loss: Callable[..., Any] | object | None = None,
    gradients: object = None,
    params: object = None,
    wrt: Sequence[str] | None = None,
    constants: Sequence[str] = (),
    allow: Mapping[str, str] | None = None,
    dtype: object = None,
    rtol: float | None = None,
    atol: float | None = None,
    power: float | None = None,
    seed: int | None = None,
    budget: int | None = None,
    name: str | None = None,
    raises: bool | None = None,
) -> Report:
    """Check a network: layer by layer, or as a whole where it has one big backward.

    Args:
        network: A list of layers, ``[("fc1", fc1), ("relu", relu), ...]`` (names may be left out; a layer is an object
            with ``forward`` and ``backward``, or two functions and their parameters), or the network object. A list
            that comes with ``gradients`` is such an object too: ``[(W1, b1, sigmoid), (W2, b2, softmax)]``.
        inputs: For a list of layers: the input of the first one, then what the loss needs beside the last output.
        loss: For a list of layers: ``loss(output, *rest) -> (value, gradient)`` or a loss object. For a network object:
            a callable without arguments that runs the forward and returns the loss.
        gradients: For a network object: a callable without arguments that runs the backward and returns the gradients
            as a dict, or as a list or tuple in the order of the parameters, or writes them to attributes; or
            ``gradcheck.from_update(train_step, lr=...)``, which takes them from the change of the weights.
        params: For a network object: its parameters (dict of arrays, or list), where they are not found by themselves.
        wrt, constants, allow, dtype, rtol, atol, power, seed, budget, name, raises: As in :func:`check_layer`. In a
            list of layers ``"W"`` means that of every layer which has one, ``"fc1.W"`` that of the one.

    Returns:
        One :class:`Report` with a row per layer and gradient. In a list of layers each is judged with the *true*
        upstream gradient, so that a fault shows once, where it is; the layers below are marked as inheriting it.

    Raises:
        GradcheckError: The check cannot be made as it was called.
        GradientMismatch: Something is wrong and ``raises`` says so.

    Example:
        >>> import numpy as np
        >>> class Net:
        ...     def __init__(self):
        ...         self.W = np.array([[0.3, -0.8], [0.5, 0.1]])
        ...     def loss(self, x):
        ...         self.y = x @ self.W
        ...         return 0.5 * np.sum(self.y ** 2)
        ...     def backward(self, x):
        ...         self.loss(x)
        ...         return {"W": x.T @ self.y}
        >>> net, x = Net(), np.array([[1.0, 2.0], [0.5, -1.0]])
        >>> check_network(net, loss=lambda: net.loss(x), gradients=lambda: net.backward(x)).ok
        True
    """
    __tracebackhide__ = True
    started = time.perf_counter()
    where = calling_place()
    checked_switch("raises", raises)
    seed, name = checked_seed(seed), checked_name(name)
    tolerances = checked_tolerance("rtol", rtol), checked_tolerance("atol", atol)
    limits = Limits(*tolerances, checked_budget(budget), checked_power(power))
    cast = checked_dtype(dtype)
    if isinstance(network, list | tuple) and gradients is None and params is None:
        chain = _Chain(network, inputs, loss, wrt, constants, cast, limits, seed)
        examinations = chain.examine()
        name = name or " → ".join(chain.names)
        style = "layer by layer, each with the true upstream gradient" + (
            "" if loss is None else ", from the loss down"
        )
    else:
        if inputs:
            raise GradcheckError(
                "inputs: a network object takes none here; put them into the callables: loss=lambda: net.loss(X, y)"
            )
        problem = adapt_network(network, loss, gradients, params, wrt=wrt, constants=constants, name=name)
        subject = NumpySubject(problem, seed=seed, dtype=cast)
        style = None
        try:
            examinations = [examine(subject, limits=limits, seed=seed)]
        finally:
            subject.restore()
    by_default = default_dtype() if dtype is None else None
    report = report_of(
        examinations, "network", where, seed, started, allow=allow, name=name, style=style, dtype=by_default
    )
    return finish(report, raises)


class _Chain:
    """Layers one after another: run forward once, then judged from the loss down with the true upstream gradients."""

    def __init__(
        self,
        layers: Sequence[object],
        inputs: Sequence[object],
        loss: object,
        wrt: Sequence[str] | None,
        constants: Sequence[str],
        dtype: np.dtype[Any] | None,
        limits: Limits,
        seed: int,
    ) -> None:
        if not layers:
            raise GradcheckError("network: the list of layers is empty; give at least one layer")
        if not inputs:
            raise GradcheckError(
                "inputs: give the input of the first layer after the list: check_network(layers, x, y, ...)"
            )
        self.names, self.layers = _named(layers)
        self.inputs, self.loss, self.limits, self.seed = inputs, loss, limits, seed
        self.dtype, self.constants = dtype, checked_names(constants, "constants")
        self.wrt = None if wrt is None else checked_names(wrt, "wrt")
        self.notes: list[str] = []

    def examine(self) -> list[Examination]:
        """The examinations in the order of the layers, the loss last."""
        value = self.inputs[0]
        received = []
        for name, layer in zip(self.names, self.layers, strict=True):
            received.append(value)
            value = self._output(name, layer, value)
        done: list[Examination] = []
        upstream: Array | None = None
        if self.loss is not None:
            done.append(self._one("loss", [self.loss], [value, *self.inputs[1:]], None))
            upstream = self._true_gradient_of_input(done[-1])
        for name, layer, x in zip(self.names[::-1], self.layers[::-1], received[::-1], strict=True):
            silent = upstream is not None and not np.any(upstream)
            done.append(self._one(name, layer, [x], None if silent else upstream))
            if silent:
                done[-1].notes.append(
                    f"no gradient reaches {name}: the layers above stop all of it; judged with a random one"
                )
            upstream = self._true_gradient_of_input(done[-1])
            if upstream is None and x is not received[0]:
                done[-1].notes.append(
                    f"{name}: its input has no true gradient; the layers below get a random upstream gradient"
                )
        done.reverse()
        self._used_twice(done, received)
        done = _inheriting(done)
        _leave_out(done, self.constants, "constants", "declared constant")
        if self.wrt is not None:
            _leave_out(done, self.wrt, "wrt", "not in wrt")
        return done

    def _used_twice(self, done: list[Examination], received: list[Any]) -> None:
        """One object in two places keeps one cache and one set of gradients: the second forward takes the first's."""
        for k, layer in enumerate(self.layers):
            again = [j for j in range(k + 1, len(self.layers)) if self.layers[j][0] is layer[0] and len(layer) == 1]
            if not again:
                continue
            evidence = done[k].evidence
            first = next(v.name for v in evidence.subject.variables if v.role == "input")
            later = {**evidence.values, first: np.asarray(received[again[0]], dtype=evidence.values[first].dtype)}
            calls = evidence.subject.sequence([(evidence.values, []), (later, [list(evidence.upstreams)])])
            answer = calls[-1][-1] if len(calls) == 2 else None
            stored = any(v.role == "parameter" and v.differentiated for v in evidence.subject.variables)
            if stored or not isinstance(answer, dict) or differing(answer, evidence.yours.gradients):
                done[k].findings.append(_one_object_twice(self.names[k], self.names[again[0]], stored))

    def _subject(self, name: str, layer: Sequence[object], inputs: Sequence[object]) -> NumpySubject:
        pair = len(layer) > 1 and callable(layer[0])
        called = [*layer[:2], *inputs, *layer[2:]] if pair else [*layer, *inputs]
        problem = adapt(called, style=None, kwargs=None, params=None, constants=(), wrt=None, gradients=None, name=name)
        if isinstance(problem, TorchSubject):
            raise GradcheckError(f"network: layer {name} is a torch module; give the modules to check_layer one by one")
        return NumpySubject(problem, seed=self.seed, dtype=self.dtype)

    def _output(self, name: str, layer: Sequence[object], x: object) -> Array:
        subject = self._subject(name, layer, [x])
        try:
            with raising_in("forward"):
                return subject.forward(subject.values())[0]
        finally:
            subject.restore()

    def _one(self, name: str, layer: Sequence[object], inputs: Sequence[object], upstream: Array | None) -> Examination:
        subject = self._subject(name, layer, inputs)
        given = upstream if subject.upstream == "any" else None
        try:
            return examine(subject, upstream=given, limits=self.limits, seed=self.seed, layer=name)
        finally:
            subject.restore()

    def _true_gradient_of_input(self, done: Examination) -> Array | None:
        """Autograd's gradient of the layer's input where numeric supports it; yours where that was found right."""
        first = next((v for v in done.evidence.subject.variables if v.role == "input" and v.differentiated), None)
        if first is None:
            return None
        result = next(g for g in done.gradients if g.of == first.name)
        true = done.evidence.autograd.get(first.name)
        if true is not None and result.compared_with != "numeric" and np.all(np.isfinite(true)):
            return true
        yours = done.evidence.yours.gradients.get(first.name)
        return yours if result.verdict == "right" else None


def _named(layers: Sequence[object]) -> tuple[list[str], list[list[object]]]:
    names, made = [], []
    for k, layer in enumerate(layers):
        parts = list(layer) if isinstance(layer, tuple | list) else [layer]
        if parts and isinstance(parts[0], str):
            name, *parts = parts
        else:
            kind = getattr(parts[0], "__name__", type(parts[0]).__name__) if parts else ""
            name = f"{k} {kind}"
        if not parts:
            raise GradcheckError(f"network: entry {k} of the list has a name but no layer; give (name, layer)")
        names.append(str(name))
        made.append(parts)
    double = {n for n in names if names.count(n) > 1}
    if double:
        raise GradcheckError(f"network: two layers are called {sorted(double)[0]!r}; give each its own name")
    return names, made


def _inheriting(done: list[Examination]) -> list[Examination]:
    """Mark what lies below a wrong gradient of a layer's input."""
    guilty = ""
    for examination in reversed(done):
        if guilty:
            examination.gradients = [
                replace(g, inherits=guilty) if g.verdict == "right" else g for g in examination.gradients
            ]
        inputs = {v.name for v in examination.evidence.subject.variables if v.role == "input"}
        if any(_wrong_input(g, inputs) for g in examination.gradients):
            guilty = examination.gradients[0].layer
    return done


def _leave_out(done: list[Examination], names: Sequence[str], argument: str, reason: str) -> None:
    """Rows that the caller asked to leave out: judged, for what lies below needs the true gradient, and not shown."""
    called = {f"{g.layer}.{g.of}": g for e in done for g in e.gradients}
    for name in names:
        if not any(name in (whole, g.of) for whole, g in called.items()):
            raise GradcheckError(f"{argument} names {name!r}, which no layer has: there are {', '.join(called)}")
    for examination in done:
        for k, g in enumerate(examination.gradients):
            named = g.of in names or f"{g.layer}.{g.of}" in names
            if named == (argument == "constants") and g.verdict != "not differentiated":
                examination.gradients[k] = GradientResult(
                    g.layer, g.name, g.of, g.shape, g.dtype, "not differentiated", reason
                )
                examination.findings = [f for f in examination.findings if f.gradient != g.name]


def _one_object_twice(first: str, second: str, stored: bool) -> Finding:
    lost = "the gradients of its parameters are overwritten, not added" if stored else "its cache is overwritten"
    return Finding(
        "GC113",
        "error",
        f"{first} and {second} are one and the same object: {lost} when the network is run as a whole",
        first,
        evidence=("each place is right by itself, with its own forward just before its backward",),
        help=("make an object for each place; share parameters by adding up their gradients",),
    )


def _wrong_input(result: GradientResult, inputs: set[str]) -> bool:
    return result.of in inputs and result.verdict == "wrong"
