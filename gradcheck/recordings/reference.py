"""The reference that recorded arrays are held against: its arguments' names, its kind, and the layout it needs."""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from gradcheck.difference import relative_error
from gradcheck.errors import GradcheckError
from gradcheck.recordings.files import Array
from gradcheck.recordings.layout import candidates, laid_out
from gradcheck.recordings.roles import Recording

__all__ = ["as_function", "close", "in_layout", "on_arrays"]

_CLOSE = {2: 2e-2, 4: 1e-4, 8: 1e-7}  # by bytes a number: outputs of two programs that compute the same
_ROUNDED = 64.0  # times the rounding of what they were computed from, and of themselves


def as_function(reference: Any, layer: str) -> tuple[list[str], Callable[..., Any]]:
    """The names of the arrays it takes, and the reference as a function of them in that order."""
    what = f"reference[{layer!r}]" if layer else "reference"
    if not callable(reference):
        raise GradcheckError(f"{what}: it must be a function of torch tensors, not {type(reference).__name__}")
    module = isinstance(reference, torch.nn.Module)
    try:
        parameters = inspect.signature(reference.forward if module else reference).parameters.values()
    except (TypeError, ValueError) as error:
        raise GradcheckError(
            f"{what}: the names of its arguments cannot be read; give a function with named ones, lambda x, w: ..."
        ) from error
    wanted = [
        p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) and p.default is p.empty
    ]
    if not wanted:
        raise GradcheckError(f"{what}: it takes no named arguments; give a function of the inputs, lambda x, w: ...")
    if not module:
        return wanted, reference
    own = [key for key, _ in reference.named_parameters()]
    takes = len(wanted)

    @functools.wraps(type(reference).forward)
    def run(*values: Any) -> Any:
        return torch.func.functional_call(reference, dict(zip(own, values[takes:], strict=True)), values[:takes])

    return [*wanted, *own], run


def in_layout(
    recording: Recording, layout: str | None, activations: frozenset[str], function: Callable[..., Any], layer: str
) -> tuple[Recording, str, bool]:
    """The recording as the reference wants it, a note on that, and whether the reference takes NumPy arrays."""
    if layout is not None:
        tried = [(layout, laid_out(recording, layout, activations))]
    else:
        tried = list(candidates(recording, activations))
    runs: list[tuple[str, Recording, bool, Array]] = []
    raised: Exception | None = None
    for how, made in tried:
        try:
            output, in_numpy = _run(function, made)
        except Exception as error:
            raised = raised or error
            continue
        runs.append((how, made, in_numpy, output))
    if not runs:
        first = str(raised).splitlines()[0] if str(raised) else ""
        shapes = ", ".join(f"{n} {'×'.join(map(str, a.shape))}" for n, a in recording.inputs.items())
        others = "" if layout else ", and with their axes in other orders"
        raise GradcheckError(
            f"reference{f'[{layer!r}]' if layer else ''}: it raised {type(raised).__name__}: {first}; "
            f"it was called with the recorded {shapes}{others}"
        ) from raised
    fits = [run for run in runs if _shapes_fit(run[1], run[3])]
    agree = [run for run in fits if run[1].output is not None and close(run[1].output, run[3], run[1].coarseness)]
    by_gradients = [] if agree or len(fits) < 2 or recording.output is not None else _agreeing(function, fits)
    how, made, in_numpy, _ = (agree or by_gradients or fits or runs)[0]
    if len(by_gradients) == 1 and how != "as recorded":
        others = " or ".join(run[0] for run in fits if run[0] != how)
        told = f"with it all gradients are the reference's, and {others} would not; record the output as out to be sure"
        return made, f"layout: {how} (found: {told})", in_numpy
    return made, _note(how, layout, [run[0] for run in fits], bool(agree), recording.output is not None), in_numpy


def _agreeing(
    function: Callable[..., Any], runs: list[tuple[str, Recording, bool, Array]]
) -> list[tuple[str, Recording, bool, Array]]:
    """The layouts in which all of two or more recorded gradients are the reference's, as recorded first.

    One gradient alone may agree because its operands were swapped.
    """
    return [run for run in runs if not run[2] and len(run[1].gradients) > 1 and _gradients_agree(function, run[1])]


def _gradients_agree(function: Callable[..., Any], recording: Recording) -> bool:
    tensors = {n: torch.from_numpy(np.array(a)) for n, a in recording.inputs.items()}
    tensors = {n: t.double().requires_grad_() if t.is_floating_point() else t for n, t in tensors.items()}
    try:
        output = function(*tensors.values())
        upstream = np.ones(output.shape) if recording.upstream is None else recording.upstream
        wanted = [tensors[n] for n in recording.gradients]
        found = torch.autograd.grad(output, wanted, torch.from_numpy(np.array(upstream)).to(output), allow_unused=True)
    except Exception:
        return False
    pairs = zip(found, recording.gradients.values(), strict=True)
    return all(g is not None and close(given, g.numpy(), recording.coarseness) for g, given in pairs)


def _note(how: str, layout: str | None, fits: list[str], agrees: bool, known: bool) -> str:
    if layout is not None:
        return f"layout: {layout}, as you said"
    if agrees:
        return f"layout: {how} (found: with it the reference gives the recorded output)" if how != "as recorded" else ""
    if len(fits) > 1:
        others = " or ".join(other for other in fits if other != how)
        if known:
            return f"layout: {how}; {others} would fit the shapes as well, and with none is the output the recorded one"
        return f"layout: {how}; {others} would fit the shapes as well: record the output as out to be sure"
    return "" if how == "as recorded" else f"layout: {how} (found: no other fits the shapes)"


def on_arrays(function: Callable[..., Any], in_numpy: bool) -> Callable[..., Any]:
    def forward(*values: Any) -> Any:
        if in_numpy:
            return function(*values)
        # In differences some are float64, and PyTorch refuses to multiply these with float32.
        finest = np.result_type(*[v for v in values if v.dtype.kind == "f"])
        tensors = [torch.from_numpy(np.array(v, dtype=finest if v.dtype.kind == "f" else v.dtype)) for v in values]
        with torch.no_grad():
            return function(*tensors).numpy()

    return forward


def close(recorded: Array, output: Array, coarseness: float = 0.0) -> bool:
    """Whether they are one array of two programs; ``coarseness``: the relative rounding of what was recorded."""
    if recorded.shape != output.shape:
        return False
    bytes_each = min(recorded.dtype.itemsize, output.dtype.itemsize, 8)
    allowed = max(_CLOSE.get(bytes_each, 1e-4), min(_ROUNDED * coarseness, _CLOSE[2]))
    return relative_error(recorded.astype(np.float64), output.astype(np.float64)) <= allowed


def _run(function: Callable[..., Any], recording: Recording) -> tuple[Array, bool]:
    """The reference's output; True where it takes NumPy arrays and no tensors."""
    values = list(recording.inputs.values())
    try:
        tensors = [torch.from_numpy(np.array(v)) for v in values]
        for t in tensors:
            t.requires_grad_(t.is_floating_point())  # NumPy's functions refuse such tensors, others they take
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            output = function(*tensors)
        if isinstance(output, torch.Tensor):
            return output.detach().numpy(), False
    except Exception as error:
        try:
            output = function(*[np.array(v) for v in values])
        except Exception:
            raise error from None
    else:
        output = function(*[np.array(v) for v in values])
    return np.asarray(output), True


def _shapes_fit(recording: Recording, output: Array) -> bool:
    pairs = [(recording.gradients[n].shape, recording.inputs[n].shape) for n in recording.gradients]
    pairs += [(a.shape, output.shape) for a in (recording.upstream, recording.output) if a is not None]
    return all(a == b for a, b in pairs)
