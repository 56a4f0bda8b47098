"""The pieces by themselves: the true gradients of a forward, and two arrays compared."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gradcheck.caller import calling_place, line_to_reproduce, versions
from gradcheck.causes import difference_of
from gradcheck.difference import norm, relative_error, worst_indices
from gradcheck.errors import GradcheckError
from gradcheck.examine import true_gradients
from gradcheck.layers import adapt_forward
from gradcheck.layers.objects import FORWARDS
from gradcheck.layers.values import describe
from gradcheck.options import checked_seed, checked_switch, checked_tolerance
from gradcheck.outcome import finish, shown_at_caller
from gradcheck.pictured import pictured
from gradcheck.report import Entry, GradientResult, Leak, Report
from gradcheck.witnesses.numpy_subject import NumpySubject
from gradcheck.yardstick import FLOAT64_LIMIT, limit_for

__all__ = ["Gradients", "compare", "gradient"]

Array = np.ndarray[Any, Any]


class Gradients(dict[str, Array]):
    """The true gradients by the names of the arrays, with ``leaks``: the places where a value left the trace."""

    leaks: tuple[Leak, ...] = ()


@shown_at_caller
def gradient(
    forward: object,
    *inputs: object,
    upstream: object = None,
    wrt: Sequence[str] | None = None,
    constants: Sequence[str] = (),
    kwargs: Mapping[str, object] | None = None,
    params: Mapping[str, object] | None = None,
    seed: int | None = None,
) -> Gradients:
    """The true gradients of a NumPy forward, whole, as arrays.

    Args:
        forward: A function (or an object with ``forward``), run unchanged on PyTorch and differentiated there.
        inputs: Its arguments. A number beside arrays (a slope of 0.3) is an option; its gradient is given only where
            ``wrt=["x", "slope"]`` names it.
        upstream: The gradient of the loss with respect to the output, of its shape. Default: ones for a scalar output;
            it must be given for any other.
        wrt, constants, kwargs, params, seed: As in :func:`check_layer`.

    Returns:
        A dict of float64 arrays of the inputs' shapes, by name; ``.leaks`` lists where values left the trace. Gradients
        of a forward that PyTorch cannot follow are taken by central differences, entry by entry.

    Raises:
        GradcheckError: The forward cannot be differentiated as it was called, or autograd and numerical differences
            disagree, so that neither can be vouched for.

    Example:
        >>> import numpy as np
        >>> gradient(lambda x: np.sum(np.maximum(x, 0.0) ** 2), np.array([-1.0, 2.0]))
        {'x': array([0., 4.])}
    """
    seed = checked_seed(seed)
    if not (callable(forward) or isinstance(forward, tuple | list) or any(hasattr(forward, n) for n in FORWARDS)):
        raise GradcheckError(f"forward: it is {describe(forward)}; give a NumPy function, or an object with forward")
    problem = adapt_forward(forward, inputs, kwargs=kwargs, params=params, constants=constants, wrt=wrt)
    subject = NumpySubject(problem, seed=seed)
    try:
        found, leaks = true_gradients(subject, upstream, seed)
    finally:
        subject.restore()
    made = Gradients(found)
    made.leaks = tuple(leaks)
    return made


@shown_at_caller
def compare(
    yours: object,
    true: object,
    *,
    inputs: Mapping[str, object] | None = None,
    upstream: object = None,
    rtol: float | None = None,
    atol: float | None = None,
    name: str = "yours",
    raises: bool | None = None,
) -> Report:
    """Judge a gradient at hand against the true one at hand.

    Args:
        yours: The gradient to be judged, an array of numbers.
        true: The true gradient, of the same shape.
        inputs: The layer's input arrays by name, where they are known: a deviation may be explained by their sizes.
        upstream: The upstream gradient, for the same reason.
        rtol, atol: Tolerances on ‖yours - true‖. Default: 1e-7 of ‖true‖ in float64, and as rounding has it below.
        name: What to call it in the report.
        raises: As in :func:`check_layer`.

    Returns:
        The :class:`Report`, with how the two differ among its findings.

    Raises:
        GradcheckError: An argument is not an array of finite numbers, or is empty.

    Example:
        >>> import numpy as np
        >>> true = np.array([[1.0, 2.0], [3.0, 5.0]])
        >>> compare(2 * true, true).findings[0].title
        'yours is 2 times the true gradient'
    """
    __tracebackhide__ = True
    started = time.perf_counter()
    where = calling_place()
    checked_switch("raises", raises)
    mine, truth = _numbers("yours", yours), _numbers("true", true)
    for key, value in (inputs or {}).items():
        _numbers(f"inputs[{key!r}]", value)
    if not np.all(np.isfinite(truth)):
        raise GradcheckError("true: it has NaN or infinite entries; the true gradient must be finite")
    limits = checked_tolerance("rtol", rtol), checked_tolerance("atol", atol)
    result = _compared(mine, truth, name, *limits)
    findings = difference_of(mine, truth, name, inputs or {}, upstream) if result.verdict == "wrong" else []
    report = Report(
        subject="" if name == "yours" else name,
        kind="comparison",
        style="yours compared with true, two arrays",
        dtype=str(mine.dtype),
        seed=0,
        gradients=tuple(pictured([result], {name: mine}, {name: truth})),
        findings=tuple(findings),
        reproduce=line_to_reproduce(where, None),
        where=where,
        versions=versions(),
        seconds=time.perf_counter() - started,
    )
    return finish(report, raises)


def _compared(mine: Array, truth: Array, name: str, rtol: float | None, atol: float | None) -> GradientResult:
    base = GradientResult("", name, name, truth.shape, str(mine.dtype), "wrong", compared_with="true",
                          norm_yours=norm(mine), norm_true=norm(truth))  # fmt: skip
    if mine.shape != truth.shape:
        return replace(base, reason=f"its shape is {mine.shape}, the true gradient's is {truth.shape}")
    if not np.all(np.isfinite(mine)):
        bad = int(np.count_nonzero(~np.isfinite(mine)))
        return replace(base, reason=f"{bad} of {mine.size} entries are NaN or infinite")
    error = relative_error(mine, truth)
    precise = min((mine.dtype, truth.dtype), key=lambda d: -np.finfo(d).eps if d.kind == "f" else 0.0)
    coarse = precise if precise.kind == "f" and precise != np.float64 else None
    limit = (
        rtol if rtol is not None else FLOAT64_LIMIT if coarse is None else limit_for(coarse, truth, None, truth.size)
    )
    close = error <= limit or norm(mine.astype(np.float64) - truth) <= (atol or 0.0)
    worst = tuple(Entry(i, float(mine[i]), float(truth[i])) for i in worst_indices(mine, truth, 5)) if not close else ()
    return replace(base, verdict="right" if close else "wrong", relative_error=error, limit=limit, worst=worst)


def _numbers(argument: str, value: object) -> Array:
    try:
        array = np.array(value)
    except ValueError as error:
        raise GradcheckError(f"{argument}: it is not an array of numbers: {error}") from error
    if array.dtype.kind not in "fiub":
        raise GradcheckError(f"{argument}: it is of dtype {array.dtype}; give an array of real numbers")
    if array.size == 0:
        raise GradcheckError(f"{argument}: it is empty (shape {array.shape}); nothing would be compared")
    return array
