"""What a check costs from a hundred to ten million entries, beside PyTorch's own check of the same layer."""

import functools
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import peer
import torch
from grown import NAMES, TorchLayer, numpy_layer, torch_layer, upstream_of
from loops import LOOPS
from planted import check, measured
from tables import Table, times
from timing import medians, seconds

from gradcheck.check import check_layer

SIZES = (100, 10_000, 1_000_000, 10_000_000)
# As long as one check of PyTorch's may take, judged by the passes that it makes.
_LONGEST = 60.0
_LOOP_SIZES = (600, 6_000, 60_000)
_HEAVY, _LONG, _FAILING = 10.0, 20e-3, 3.0


def table(sizes: tuple[int, ...] = SIZES, rounds: int = 3, longest: float = _LONGEST) -> Table:
    """Every layer at every size, in NumPy and in PyTorch."""
    made = Table(
        "Cost of a check by size, in forward+backward passes of the layer",
        ["layer", "of", "entries", "one pass", "passing", "failing", "failing / passing", "torch fast", "torch slow"],
    )
    for kind, row in (("numpy", _numpy_row), ("torch", _torch_row)):
        for name in NAMES:
            for size in sizes:
                cells, found = row(name, size, rounds, longest)
                made.rows.append([name, kind, *cells])
                made.remarks += [f"OVER: {name} of {kind}, {size:,} entries: {what}" for what in _over(found)]
    for name in LOOPS:
        for size in _LOOP_SIZES[: len(sizes)]:
            made.rows.append([name, "numpy", *_loop_cells(name, size, rounds)])
    made.remarks += [
        f"{', '.join(LOOPS)}: loops of as many assignments to single entries, in Python; their backwards do not loop.",
        "failing: the last gradient doubled (numpy), a backward that doubles it (torch).",
        f"torch fast, torch slow: torch.autograd.gradcheck of the same layer, where {longest:.0f} s are enough for it.",
    ]
    return made


def _over(found: dict[str, float | None]) -> Iterator[str]:
    passing, failing, fast = found["passing"], found["failing"], found["fast"]
    assert passing is not None
    assert failing is not None
    if fast is not None and passing > fast:
        yield f"passing {passing:.1f} × is above torch's fast mode, {fast:.1f} ×"
    if (found["unit"] or 0.0) >= _LONG and passing > _HEAVY:
        yield f"passing {passing:.1f} × where {_HEAVY:.0f} × is the limit"
    if failing > _FAILING * passing:
        yield f"failing is {failing / passing:.1f} × passing"


def _numpy_row(name: str, size: int, rounds: int, longest: float) -> tuple[list[str], dict[str, float | None]]:
    layer = numpy_layer(name, size)
    upstreams = upstream_of(layer)
    wrong = measured(layer, "doubled", layer.forward, _doubled(layer.backward), upstreams)

    def one_pass() -> None:
        *_, cache = layer.forward(*layer.inputs, **layer.options)
        layer.backward(*upstreams, cache)

    calls: dict[str, Callable[[], object]] = {
        "passing": lambda: check(layer, upstreams),
        "failing": lambda: check(layer, upstreams, wrong),
    }
    inputs, wrapped = peer.tensors(layer), peer.as_function(layer)
    entries = sum(x.size for x in layer.inputs)
    slow = peer.calls_of_slow_mode(layer, upstreams)
    return _row(entries, one_pass, calls, (lambda fast: peer.gradcheck(wrapped, inputs, fast), slow), rounds, longest)


def _torch_row(name: str, size: int, rounds: int, longest: float) -> tuple[list[str], dict[str, float | None]]:
    layer = torch_layer(name, size)
    plain = tuple(x.detach() for x in layer.inputs)
    wrong = _Doubled(layer.module)
    calls: dict[str, Callable[[], object]] = {
        "passing": lambda: check_layer(layer.module, *plain, raises=False),
        "failing": lambda: check_layer(wrong, *plain, raises=False),
    }
    leaves = [x.detach().clone().requires_grad_() for x in layer.leaves]
    entries = sum(x.numel() for x in leaves)
    with torch.no_grad():
        outputs = _of_leaves(layer)(*leaves).numel()
    slow = 2 * entries + 2 * outputs
    peers = lambda fast: peer.gradcheck(_of_leaves(layer), leaves, fast)  # noqa: E731 - as in the row above
    return _row(entries, layer.one_pass, calls, (peers, slow), rounds, longest)


def _loop_cells(name: str, size: int, rounds: int) -> list[str]:
    forward, backward = LOOPS[name]
    rng = np.random.default_rng(3)
    inputs = rng.standard_normal(size), rng.standard_normal(3)

    doubled = _doubled(backward)
    calls: dict[str, Callable[[], object]] = {
        "passing": lambda: check_layer(forward, backward, *inputs, raises=False),
        "failing": lambda: check_layer(forward, doubled, *inputs, raises=False),
    }
    found = medians(calls, lambda: backward(*forward(*inputs)), 1 if size > 10_000 else rounds)
    passing, failing = found["passing"], found["failing"]
    ratio = f"{failing / passing:.2f}"
    return [
        f"{size:,}",
        f"{1e3 * found['unit']:.3g} ms",
        times(passing),
        times(failing),
        ratio,
        times(None),
        times(None),
    ]


def _doubled(backward: Callable[..., Any]) -> Callable[..., Any]:
    """The backward with its last gradient doubled, and nothing else within its reach that would be looked through."""

    @functools.wraps(backward)
    def doubled(*given: Any) -> tuple[Any, ...]:
        *others, last = backward(*given)
        return (*others, 2 * last)

    return doubled


def _of_leaves(layer: TorchLayer) -> Callable[..., torch.Tensor]:
    labels = [name for name, _ in layer.module.named_parameters()]

    def function(x: torch.Tensor, *parameters: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = torch.func.functional_call(layer.module, dict(zip(labels, parameters, strict=True)), (x,))
        return made

    return function


class _Doubled(torch.nn.Module):
    """A module whose input's gradient comes out twice as large."""

    def __init__(self, inner: torch.nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = self.inner(_Twice.apply(x))
        return made


class _Twice(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx: Any, *upstreams: torch.Tensor) -> torch.Tensor:
        return 2 * upstreams[0]


def _row(
    entries: int,
    one_pass: Callable[[], object],
    calls: dict[str, Callable[[], object]],
    torch_mode: tuple[Callable[[bool], object], int],
    rounds: int,
    longest: float,
) -> tuple[list[str], dict[str, float | None]]:
    one_pass()
    started = time.process_time()
    one_pass()
    unit = time.process_time() - started
    peers, passes = torch_mode
    if 60 * unit < longest:
        calls = calls | {"fast": lambda: peers(True)}
    found: dict[str, float | None] = {"fast": None, "slow": None}
    found |= medians(calls, one_pass, rounds if unit < 0.5 else 1)
    # a call of the slow mode costs several passes: it goes through autograd and compares whole columns
    if 4 * passes * unit < longest:
        found["slow"] = seconds(lambda: peers(False)) / (found["unit"] or 1.0)
    passing, failing = found["passing"] or np.nan, found["failing"] or np.nan
    cells = [
        f"{entries:,}",
        f"{1e3 * (found['unit'] or np.nan):.3g} ms",
        times(passing),
        times(failing),
        f"{failing / passing:.2f}",
        times(found["fast"]),
        times(found["slow"]),
    ]
    return cells, found
