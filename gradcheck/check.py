"""``check_layer``: one layer, function pair, module or closure, checked."""

from __future__ import annotations

import functools
import inspect
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gradcheck.allocation import keep_freed_memory
from gradcheck.caller import calling_place, line_to_reproduce, versions
from gradcheck.diagnosis.tolerance import Limits
from gradcheck.errors import GradcheckError
from gradcheck.examine import Examination, examine
from gradcheck.layers import adapt
from gradcheck.layers.recognise import TorchSubject
from gradcheck.layers.torch_subject import refuse_for_functions_only
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
from gradcheck.pictured import pictured
from gradcheck.report import Report, Where
from gradcheck.witnesses.numpy_subject import NumpySubject
from gradcheck.witnesses.subject import Subject

__all__ = ["check_layer", "report_of"]


@shown_at_caller
def check_layer(
    *layer: object,
    style: str | None = None,
    upstream: object = None,
    wrt: Sequence[str] | None = None,
    constants: Sequence[str] = (),
    kwargs: Mapping[str, object] | None = None,
    params: Mapping[str, object] | None = None,
    gradients: Mapping[str, object] | Sequence[str] | None = None,
    reference: Callable[..., Any] | None = None,
    allow: Mapping[str, str] | None = None,
    submodules: bool = False,
    gradgrad: bool = False,
    vmap: bool | None = None,
    shapes: Mapping[str, Sequence[int]] | None = None,
    sweep: Mapping[str, Sequence[object]] | str | None = None,
    dtype: object = None,
    rtol: float | None = None,
    atol: float | None = None,
    power: float | None = None,
    seed: int | None = None,
    budget: int | None = None,
    name: str | None = None,
    raises: bool | None = None,
) -> Report:
    """Check the hand-written backward of one layer against PyTorch autograd and numerical differences.

    Args:
        layer: What to check, then its inputs, as one would call the forward: ``forward, backward, x, w, b``; an object
            with ``forward`` and ``backward``, then ``x``; a function that returns value and gradient, then its
            arguments; a ``torch.autograd.Function`` or ``torch.nn.Module``, then its inputs.
        style: How forward and backward are called, where two ways fit; one of ``gradcheck.layers.STYLES``.
        upstream: The gradient of the loss with respect to the output, of the output's shape (a tuple of them for
            several outputs). Default: standard normal numbers drawn with ``seed``.
        wrt: Names of the arrays whose gradients are checked. Default: all floating-point ones.
        constants: Names of floating-point arrays that have no gradient.
        kwargs: Keyword arguments of the forward, and of the backward where it takes them (a learning rate, say).
        params: Parameters that are neither arguments nor attributes, by name (module globals, closures).
        gradients: Gradients at hand, by the name of the array; then no backward is called. Or a list of names: the
            order in which the backward returns its gradients, where it is not that of the inputs.
        reference: A function of torch tensors to be the truth in place of the traced forward; its output is
            compared too.
        allow: Deliberate deviations: the gradient's name and the code of the one cause that is accepted, if it
            explains the deviation exactly.
        submodules: Check every submodule of a ``torch.nn.Module`` as well.
        gradgrad: Check the double backward of a ``torch.autograd.Function`` as well.
        vmap: Check a ``torch.autograd.Function`` under ``torch.vmap`` against a loop. Default: where it declares a rule
            (``generate_vmap_rule`` or ``vmap``).
        shapes: Shapes of the forward's arguments by name, in place of the arrays: standard normal numbers are drawn,
            which have none of the values that hide mistakes (0, 1, one sign only, equal ones).
        sweep: Check every combination of these values: of options (``{"stride": [1, 2], "pad": [0, 1]}``), of the
            layer's attributes, of shapes of arrays by name (``{"x": [(2, 3, 8, 8), (2, 3, 7, 5)]}``; ``"shape"`` is
            that of the first), of ``dtype`` and ``seed``. The report tells for which it is right, and what the wrong
            ones share; one of these that cannot be checked is undecided, and a backward that raises where the forward
            ran is wrong. ``"auto"`` varies the options and sizes that the layer itself offers, those of the forward's
            signature that are left at their defaults included, and notes what it leaves as it is.
        dtype: Cast all floating-point arrays to this dtype first (``"float32"``). Default: they stay as they are; in a
            test with ``@pytest.mark.gradcheck(dtypes=[...])`` it is the dtype of the case.
        rtol, atol: Tolerances on ‖yours - true‖ in place of those found from PyTorch's own rounding error.
        power: The smallest error that must be caught, as a share of an entry of typical size (the root mean square of a
            gradient's entries): with ``power=1e-3`` a gradient is undecided unless an error of 0.1 % in any single
            entry of it would have been seen, for certain or, where random probes are the only witness, with
            probability 0.999; :class:`gradcheck.report.Power` tells what was reached.
        seed: Seeds the upstream gradient, the probes, and every random generator before each forward. Default 0; under
            pytest that of ``--gradcheck-seed`` or of the marker's case.
        budget: How many evaluations of the reference may be spent on naming the cause of a wrong gradient; 0 looks for
            none. Default: a few hundred, fewer for large arrays. Ctrl-C ends the search with what was found so far.
        name: What to call the layer in the report.
        raises: Raise :class:`GradientMismatch` when something is wrong. Default: only under pytest's plugin and
            inside ``with gradcheck.raising():``.

    Returns:
        The :class:`Report`; everything of the caller's (arrays, attributes, globals, random state) is as it was before.

    Raises:
        GradcheckError: The check cannot be made as it was called; the message says what would be right.
        GradientMismatch: Something is wrong and ``raises`` (see there) says so.

    Example:
        >>> import numpy as np
        >>> def forward(x, w):
        ...     return x @ w, (x, w)
        >>> def backward(dout, cache):
        ...     x, w = cache
        ...     return dout @ w.T, x.T @ dout
        >>> report = check_layer(forward, backward, np.array([[1.0, 2.0]]), np.array([[0.5], [-1.5]]))
        >>> [(g.name, g.verdict) for g in report.gradients]
        [('dx', 'right'), ('dw', 'right')]
    """
    __tracebackhide__ = True
    where = calling_place()
    seed, name = checked_seed(seed), checked_name(name)
    for switch, value in (("submodules", submodules), ("gradgrad", gradgrad), ("vmap", vmap), ("raises", raises)):
        checked_switch(switch, value)
    _refuse_no_backward(layer, gradients)
    options: dict[str, Any] = {
        "style": style,
        "upstream": upstream,
        "wrt": wrt,
        "constants": constants,
        "kwargs": kwargs,
        "params": params,
        "gradients": gradients,
        "reference": reference,
        "allow": allow,
        "submodules": submodules,
        "gradgrad": gradgrad,
        "vmap": vmap,
        "dtype": dtype,
        "rtol": rtol,
        "atol": atol,
        "power": power,
        "seed": seed,
        "budget": budget,
        "name": name,
    }
    if shapes is not None:
        from gradcheck.sweep.drawn import with_inputs_drawn

        layer = with_inputs_drawn(layer, shapes, seed)
    check = functools.partial(_checked, where=where)
    if sweep is not None:
        from gradcheck.sweep import swept

        return finish(swept(layer, options, sweep, check), raises)
    from gradcheck.sweep.overlap import with_windows_overlapping

    report = with_windows_overlapping(check(layer, **options), layer, options, check)
    return finish(report, raises)


def _refuse_no_backward(layer: Sequence[object], gradients: object) -> None:
    """None in the backward's place would be taken for the first input of a function that returns its gradients."""
    if len(layer) > 1 and inspect.isroutine(layer[0]) and layer[1] is None:
        instead = (
            "leave it out: the gradients are given"
            if isinstance(gradients, Mapping)
            else "give a function; where the forward returns its gradients too, leave it out"
        )
        raise GradcheckError(f"the second argument, the backward, is None: {instead}")


def _checked(
    layer: tuple[object, ...],
    *,
    where: Where,
    style: str | None,
    upstream: object,
    wrt: Sequence[str] | None,
    constants: Sequence[str],
    kwargs: Mapping[str, object] | None,
    params: Mapping[str, object] | None,
    gradients: Mapping[str, object] | Sequence[str] | None,
    reference: Callable[..., Any] | None,
    allow: Mapping[str, str] | None,
    submodules: bool,
    gradgrad: bool,
    vmap: bool | None,
    dtype: object,
    rtol: float | None,
    atol: float | None,
    power: float | None,
    seed: int,
    budget: int | None,
    name: str | None,
) -> Report:
    """The report on one layer with one set of options."""
    started = time.perf_counter()
    tolerances = checked_tolerance("rtol", rtol), checked_tolerance("atol", atol)
    limits = Limits(*tolerances, checked_budget(budget), checked_power(power))
    keep_freed_memory()
    problem = adapt(
        layer,
        style=style,
        kwargs=kwargs,
        params=params,
        constants=constants,
        wrt=wrt,
        gradients=gradients,
        name=name,
        seed=seed,
        upstream=upstream,
    )
    if isinstance(problem, TorchSubject):
        from gradcheck.torch_check import check_torch

        examinations = check_torch(
            problem,
            wrt=wrt,
            constants=constants,
            kwargs=kwargs,
            dtype=checked_dtype(dtype),
            reference=reference,
            upstream=upstream,
            limits=limits,
            seed=seed,
            submodules=submodules,
            gradgrad=gradgrad,
            vmap=vmap,
            name=name,
        )
    else:
        if submodules:
            raise GradcheckError("submodules: only a torch.nn.Module has submodules; leave it out")
        refuse_for_functions_only(gradgrad, vmap)
        subject: Subject = NumpySubject(problem, seed=seed, dtype=checked_dtype(dtype))
        if reference is not None:
            from gradcheck.witnesses.torch_reference import WithReference

            subject = WithReference(subject, reference, getattr(problem, "arguments", ()), seed)
        examinations = [_examined(subject, upstream, limits, seed, "")]
    by_default = default_dtype() if dtype is None else None
    return report_of(examinations, "layer", where, seed, started, allow=allow, name=name, dtype=by_default)


def _examined(subject: Subject, upstream: object, limits: Limits, seed: int, layer: str) -> Examination:
    try:
        return examine(subject, upstream=upstream, limits=limits, seed=seed, layer=layer)
    finally:
        subject.restore()


def report_of(
    examinations: Sequence[Examination],
    kind: Any,
    where: Where,
    seed: int,
    started: float,
    *,
    allow: Mapping[str, str] | None = None,
    name: str | None = None,
    style: str | None = None,
    dtype: str | None = None,
) -> Report:
    """The report on one or several examinations; the first says what was checked, and how.

    ``dtype`` is the one that all arrays were cast to by default, for the call to be made again elsewhere.
    """
    first = examinations[0].evidence.subject
    counts: dict[str, int] = {}
    for examination in examinations:
        for what, count in examination.evidence.subject.counts.items():
            counts[what] = counts.get(what, 0) + count
    gradients = tuple(
        g for e in examinations for g in pictured(e.gradients, e.evidence.yours.gradients, e.evidence.autograd)
    )
    findings = tuple(f for e in examinations for f in e.findings)
    if allow:
        from gradcheck.diagnosis.deliberate import allowed

        gradients, findings = allowed(gradients, findings, allow)
    notes = list(dict.fromkeys(n for e in examinations for n in e.notes))
    return Report(
        subject=name or first.name,
        kind=kind,
        style=style or first.style,
        dtype=_dtypes(gradients),
        seed=seed,
        gradients=gradients,
        findings=findings,
        leaks=tuple(dict.fromkeys(leak for e in examinations for leak in e.leaks)),
        notes=tuple(notes),
        evaluations=tuple(counts.items()),
        reproduce=line_to_reproduce(where, seed, dtype),
        where=where,
        versions=versions(),
        seconds=time.perf_counter() - started,
    )


def _dtypes(gradients: Sequence[Any]) -> str:
    return ", ".join(dict.fromkeys(g.dtype for g in gradients if g.verdict != "not differentiated"))
