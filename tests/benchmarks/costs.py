"""What a check costs, beside what PyTorch's own costs in the same run; and how exact autograd on the trace is."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import peer
from layers.catalogue import Layer
from planted import check, draw_upstreams, names, plant
from planted_kinds import Arrays
from shares import shares
from sizes import TIMED, has_loops, layers
from tables import Table, times
from timing import medians, seconds

import gradcheck
from gradcheck.report import Report

_HEADER = [
    "layer",
    "inputs",
    "traced",
    "autograd − numeric",
    "one pass",
    "passing",
    "its own code + trace + rest",
    "failing",
    "failing / passing",
    "torch fast",
    "torch slow",
    "torch function, fast",
    "forward + backward + traced",
]
# A passing check may cost this many passes: where one takes 20 ms or more, and where it is made of Python loops.
_HEAVY, _LOOPS, _FAILING = 10.0, 100.0, 3.0
_LONG = 20e-3


def table(size: str, rounds: int, slow_budget: float) -> Table:
    """The costs of all timed layers at one size; PyTorch's slow mode only where it ends within ``slow_budget`` s."""
    made = Table(f"Cost of a check, in forward+backward passes of the layer: {size}", _HEADER)
    for layer in layers(size):
        if layer.name in TIMED:
            made.rows.append(_row(layer, size, rounds, slow_budget, made.remarks))
    made.remarks += [
        "one pass: one forward and one backward of the layer; all other times are multiples of it, the median of "
        f"{rounds} rounds on one core. failing: the gradient of the last array doubled.",
        "its own code: the forwards and backwards that the check calls (as counted, and one of each before them to "
        "learn the calling style), which is the floor; trace: one more, recorded on PyTorch, and autograd.",
        "torch fast, torch slow: torch.autograd.gradcheck on this same layer as an autograd.Function, in passes of the "
        "layer. torch function: on PyTorch's own function, in passes of that.",
        "autograd − numeric: relative, over sampled entries, against fourth-order differences in float64; their "
        "own error is in it (one entry's share of a mean over thousands of rows has few digits).",
    ]
    return made


def _row(layer: Layer, size: str, rounds: int, slow_budget: float, remarks: list[str]) -> list[str]:
    upstreams = draw_upstreams(layer, 0)
    wrong = plant(layer, "doubled", len(names(layer)) - 1, upstreams)
    assert wrong is not None
    inputs, own, wrapped = peer.tensors(layer), peer.torch_function(layer), peer.as_function(layer)

    def one_pass() -> None:
        *_, cache = layer.forward(*layer.inputs, **layer.options)
        layer.backward(*upstreams, cache)

    report = check(layer, upstreams)
    failing = check(layer, upstreams, wrong)
    user, trace = shares(layer, upstreams)
    calls = {
        "passing": lambda: check(layer, upstreams),
        "failing": lambda: check(layer, upstreams, wrong),
        "fast": lambda: peer.gradcheck(wrapped, inputs, fast=True),
    }
    found = medians(calls, one_pass, rounds)
    function = medians(
        {"fast": lambda: peer.gradcheck(own, inputs, fast=True)},
        lambda: peer.pass_through(own, inputs, upstreams),
        rounds,
    )
    slow = None
    if peer.calls_of_slow_mode(layer, upstreams) * found["unit"] < slow_budget:
        slow = seconds(lambda: peer.gradcheck(wrapped, inputs, fast=False)) / found["unit"]
    if not report.ok or failing.ok:
        remarks.append(f"{layer.name}: the right layer is {report.ok}, the wrong one {failing.ok}")
    remarks += _over(layer, size, found)
    return [
        layer.name,
        f"{sum(x.size for x in layer.inputs):,}",
        "yes" if is_traced(report) else "NO",
        f"{_error(layer, upstreams, 40 if size in ('small', 'middle') else 4):.0e}",
        f"{1e3 * found['unit']:.3g} ms",
        times(found["passing"]),
        " + ".join(f"{share * found['passing']:.3g}" for share in (user, trace, 1 - user - trace)),
        times(found["failing"]),
        f"{found['failing'] / found['passing']:.2f}",
        times(found["fast"]),
        times(slow),
        times(function["fast"]),
        " + ".join(str(count) for _, count in report.evaluations),
    ]


def _over(layer: Layer, size: str, found: dict[str, float]) -> Iterator[str]:
    name, passing, failing = layer.name, found["passing"], found["failing"]
    if size == "100,000" and passing >= found["fast"]:
        yield f"OVER: {name}: passing {passing:.1f} × is not below torch's fast mode, {found['fast']:.1f} ×"
    if found["unit"] >= _LONG and passing > _HEAVY and not has_loops(name):
        yield f"OVER: {name}: passing {passing:.1f} × where {_HEAVY:.0f} × is the limit (a pass takes 20 ms or more)"
    if has_loops(name) and passing > _LOOPS:
        yield f"OVER: {name}: passing {passing:.1f} × where {_LOOPS:.0f} × is the limit for Python loops"
    if failing > _FAILING * passing:
        yield f"OVER: {name}: failing is {failing / passing:.2f} × passing, the limit is {_FAILING:.0f}"


def is_traced(report: Report) -> bool:
    """Whether every gradient was compared with autograd's, and nothing left the trace."""
    compared = [g for g in report.gradients if g.verdict != "not differentiated"]
    return not report.leaks and all(g.compared_with == "autograd" for g in compared)


def _error(layer: Layer, upstreams: Arrays, count: int) -> float:
    """The largest relative error of autograd on the trace, over ``count`` entries of each input."""
    upstream: Any = upstreams if len(upstreams) > 1 else upstreams[0]
    np.random.seed(0)
    found = gradcheck.gradient(layer.forward, *layer.inputs, kwargs=layer.options, upstream=upstream, seed=0)
    gradients = found if isinstance(found, dict) else dict(found)
    rng = np.random.default_rng(5)
    worst = 0.0
    for place, x in enumerate(layer.inputs):
        if x.dtype.kind != "f":
            continue
        told = gradients[names(layer)[sum(y.dtype.kind == "f" for y in layer.inputs[:place])]]
        chosen = rng.choice(x.size, min(count, x.size), replace=False)
        numeric = np.array([_slope(layer, upstreams, place, int(k)) for k in chosen])
        length = max(float(np.linalg.norm(numeric)), 1e-300)
        worst = max(worst, float(np.linalg.norm(told.flat[chosen] - numeric)) / length if np.any(numeric) else 0.0)
    return worst


def _slope(layer: Layer, upstreams: Arrays, place: int, entry: int) -> float:
    def change(h: float) -> float:
        ends = []
        for step in (h, -h):
            inputs = list(layer.inputs)
            inputs[place] = inputs[place].copy()
            inputs[place].flat[entry] += step
            np.random.seed(0)
            *outs, _ = layer.forward(*inputs, **layer.options)
            ends.append(outs)
        return sum(float(np.sum(u * (up - down))) for u, up, down in zip(upstreams, *ends, strict=True)) / (2 * h)

    h = 1e-3
    return (4 * change(h / 2) - change(h)) / 3
