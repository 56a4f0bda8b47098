"""``check_module``: every custom Function in a real model, at the inputs and upstream gradients it really gets."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gradcheck.caller import calling_place, line_to_reproduce, versions
from gradcheck.diagnosis.tolerance import Limits
from gradcheck.errors import GradcheckError
from gradcheck.layers.request import checked_names
from gradcheck.options import checked_budget, checked_name, checked_seed, checked_switch, checked_tolerance
from gradcheck.outcome import finish, shown_at_caller
from gradcheck.report import Finding, GradientResult, Report, Where

if TYPE_CHECKING:
    from gradcheck.applied.examined import Examined
    from gradcheck.applied.record import Call, Group
    from gradcheck.applied.recorder import Recorder

__all__ = ["check_module"]

_CALLS = 48


@shown_at_caller
def check_module(
    model: Any,
    inputs: object = None,
    *,
    kwargs: Mapping[str, object] | None = None,
    loss: Callable[..., Any] | None = None,
    gradgrad: bool = False,
    vmap: bool | None = None,
    skip: Sequence[str] = (),
    calls: int = _CALLS,
    rtol: float | None = None,
    atol: float | None = None,
    seed: int | None = None,
    budget: int | None = None,
    name: str | None = None,
    raises: bool | None = None,
) -> Report:
    """Check every custom ``torch.autograd.Function`` that a model applies, in one step of the model itself.

    The model runs forward and backward once. Each call of a custom Function is seen, also those of a checkpoint and of
    names bound early (``relu = MyReLU.apply``). Then each distinct one is checked as :func:`check_layer` checks it,
    with the arguments and the upstream gradients that it got there, and it is asked whether it gave in the model what
    it gives alone. PyTorch's own operations are taken as right.

    Args:
        model: The ``torch.nn.Module``, in the mode, dtype and device in which it is to be checked.
        inputs: What the model is called with: a tensor; a tuple or list of positional arguments; or a dict of keyword
            arguments. Small ones do: the time goes with their size.
        kwargs: Further keyword arguments.
        loss: A function of the model's output that returns one number. Without ``inputs`` it is called with the model
            and runs the forward itself: ``loss=lambda model: criterion(model(x), y)``. Default: standard normal
            upstream gradients for all outputs.
        gradgrad: Check the double backward of each Function as well; where the model itself differentiates a backward
            (``create_graph=True``) that is always done.
        vmap: As in :func:`check_layer`.
        skip: Functions that are deliberately no derivative (a straight-through estimator, a reversed gradient): their
            names, ``"Round"`` everywhere or ``"blocks.1: Round"`` there.
        calls: How many calls are checked at most. All kinds of arguments come first (shapes, dtypes, strides, zeros,
            masks that let all or nothing through), then each place's last call of each kind, then some from between.
        rtol, atol, seed, budget, name, raises: As in :func:`check_layer`.

    Returns:
        One :class:`Report` with a row for each Function and gradient, named as ``blocks.1.attn: Softmax``. Parameters,
        buffers, their ``.grad``, hooks, random state and mode of the model are as they were before.

    Raises:
        GradcheckError: The model applies no custom Function that a gradient goes through, or the step cannot be made.
        GradientMismatch: Something is wrong and ``raises`` says so.

    Example:
        >>> import torch
        >>> from gradcheck import check_module
        >>> class Square(torch.autograd.Function):
        ...     @staticmethod
        ...     def forward(ctx, x):
        ...         ctx.save_for_backward(x)
        ...         return x * x
        ...     @staticmethod
        ...     def backward(ctx, grad_output):
        ...         (x,) = ctx.saved_tensors
        ...         return 3 * x * grad_output
        >>> class Act(torch.nn.Module):
        ...     def forward(self, x):
        ...         return Square.apply(x)
        >>> model = torch.nn.Sequential(torch.nn.Linear(4, 5), Act(), torch.nn.Linear(5, 2))
        >>> report = check_module(model, torch.randn(3, 4))
        >>> [(g.layer, g.name, g.verdict) for g in report.gradients]
        [('1: Square', 'dx', 'wrong')]
    """
    __tracebackhide__ = True
    started = time.perf_counter()
    where = calling_place()
    checked_switch("raises", raises)
    gradgrad, vmap = bool(checked_switch("gradgrad", gradgrad)), checked_switch("vmap", vmap)
    seed, name = checked_seed(seed), checked_name(name)
    limits = Limits(checked_tolerance("rtol", rtol), checked_tolerance("atol", atol), checked_budget(budget))
    if isinstance(calls, bool) or not isinstance(calls, int) or calls < 1:
        raise GradcheckError(f"calls: it must be a whole number from 1 up, not {calls!r}")
    skipped = checked_names(skip, "skip")
    model, args, keywords = _called_with(model, inputs, kwargs, loss)

    from gradcheck.applied.chosen import chosen
    from gradcheck.applied.counted import numbers_told, remarks
    from gradcheck.applied.recorder import Recorder
    from gradcheck.applied.run import as_before, run_once
    from gradcheck.functions import Asked

    with as_before(model, args, keywords, loss):
        recorder = Recorder(model, seed)
        failed = run_once(model, args, keywords, loss, seed, recorder)
        _refuse_nothing(recorder, model, failed)
        picked, offered, kinds_left = chosen(_kept(recorder, skipped), calls)
        found = _all_examined(picked, Asked(limits, seed, gradgrad, vmap, in_model=True))
    findings = _merged([f for one in found for f in one.findings])
    if failed is not None:
        findings += _raised(recorder, found, findings, failed)
    lost = [] if recorder.loss is None or math.isfinite(recorder.loss) else [_without_loss(recorder.loss)]
    report = _report(model, [*lost, *found], findings, where, seed, started, name)
    return finish(
        replace(
            report,
            notes=(
                numbers_told(recorder, picked, offered, kinds_left),
                *remarks(recorder, picked, found, failed),
                *_left_out(skipped),
                *report.notes,
            ),
        ),
        raises,
    )


def _called_with(
    model: Any, inputs: object, kwargs: Mapping[str, object] | None, loss: object
) -> tuple[Any, Sequence[object] | None, dict[str, object]]:
    import torch

    if not isinstance(model, torch.nn.Module):
        raise GradcheckError(
            f"model: it must be a torch.nn.Module, not {type(model).__name__}; a Function by itself is checked by "
            "check_layer(MyFunction, x, w)"
        )
    if torch.is_inference_mode_enabled():
        raise GradcheckError(
            "torch.inference_mode: nothing can be differentiated inside it; make the check outside of it"
        )
    if isinstance(model, torch.nn.parallel.DistributedDataParallel | torch.nn.DataParallel):
        model = model.module  # what they wrap is run here, without the other processes
    if loss is not None and not callable(loss):
        raise GradcheckError(f"loss: it must be a function of the model's output, not {type(loss).__name__}")
    if inputs is None and not kwargs:
        if loss is None:
            raise GradcheckError("inputs: give what the model is called with, or loss=, a function of the model")
        return model, None, {}
    if kwargs is not None and not (isinstance(kwargs, Mapping) and all(isinstance(key, str) for key in kwargs)):
        raise GradcheckError(f'kwargs: it must be a dict of keyword arguments, as in {{"mask": mask}}, not {kwargs!r}')
    keywords = dict(kwargs or {})
    if isinstance(inputs, Mapping):
        return model, (), {**inputs, **keywords}
    if isinstance(inputs, tuple | list):
        return model, tuple(inputs), keywords
    return model, () if inputs is None else (inputs,), keywords


def _refuse_nothing(recorder: Recorder, model: Any, failed: Exception | None) -> None:
    if recorder.groups:
        return
    if recorder.without_gradient:
        which = ", ".join(list(recorder.without_gradient)[:5])
        why = f"no gradient goes through {which}: it runs under no_grad, or none of its inputs or outputs has one"
    elif failed is not None:
        why = f"it applies no custom torch.autograd.Function, and its backward raised {type(failed).__name__}: {failed}"
    else:
        why = (
            "it applies no custom torch.autograd.Function in this forward; check_layer(model, x) checks the module "
            "against numerical differences"
        )
    raise GradcheckError(f"model: nothing to check in {type(model).__name__}: {why}")


def _kept(recorder: Recorder, skipped: Sequence[str]) -> list[Group]:
    """The groups of calls that are not skipped.

    Raises:
        GradcheckError: a name in ``skip`` is none of theirs, or nothing is left.
    """
    names = [(group.calls()[0].title, group.calls()[0].name) for group in recorder.groups.values()]
    known = {name for both in names for name in both}
    for name in skipped:
        if name not in known:
            raise GradcheckError(
                f"skip names {name!r}: there are {', '.join(dict.fromkeys(full for _, full in names))}"
            )
    kept = [g for g, both in zip(recorder.groups.values(), names, strict=True) if not set(both) & set(skipped)]
    if not kept:
        raise GradcheckError("skip: it leaves nothing to check; name fewer Functions")
    return kept


def _left_out(skipped: Sequence[str]) -> list[str]:
    return [f"left out as deliberate: {', '.join(skipped)}"] if skipped else []


def _without_loss(loss: float) -> Examined:
    """A row of its own: of a model whose loss is no number it is not known that its gradients are right."""
    from gradcheck.applied.examined import Examined

    why = f"it is {loss}, and so no gradient of the model is a number; give inputs at which the loss is finite"
    return Examined([GradientResult("", "the loss", "loss", (), "", "undecided", why)])


def _raised(
    recorder: Recorder, found: Sequence[Examined], findings: Sequence[Finding], failed: Exception
) -> list[Finding]:
    """Whose backward ended the model's, where nothing that was found tells it already."""
    if any(g.verdict == "wrong" for one in found for g in one.gradients) or any(
        f.severity == "error" for f in findings
    ):
        return []
    told = f"{type(failed).__name__}: {(str(failed).splitlines() or [''])[0]}"
    call = recorder.raised_in()
    if call is None:
        raise GradcheckError(f"model: its backward raised {told}") from failed
    return [
        Finding(
            "GC162",
            "error",
            f"its backward raises {type(failed).__name__} in the model",
            call.name,
            where=call.where,
            evidence=(told,),
            help=("look at what it gets there: the shape, dtype and strides of the upstream gradient",),
        )
    ]


def _all_examined(picked: Sequence[Call], asked: Any) -> list[Examined]:
    from gradcheck.applied.examined import examine_call
    from gradcheck.state import own_generator

    rng = own_generator(asked.seed)
    names = [call.name for call in picked]
    explained: dict[object, Examined] = {}
    again: dict[object, list[str]] = {}
    found = []
    for call in picked:
        layer = call.name if names.count(call.name) == 1 else f"{call.name} (call {call.number})"
        # of a Function that is wrong in many places the cause is looked for once
        once = asked if call.function not in explained else replace(asked, limits=replace(asked.limits, budget=0))
        found.append(examine_call(call, layer, once, rng))
        wrong = any(g.verdict == "wrong" for g in found[-1].gradients)
        if wrong and explained.setdefault(call.function, found[-1]) is not found[-1]:
            again.setdefault(call.function, []).append(layer)
    for function, layers in again.items():
        first = explained[function].findings
        told = f"the same Function is wrong in {', '.join(layers[:3])}" + f" and {len(layers) - 3} more" * (
            len(layers) > 3
        )
        at = next((k for k, f in enumerate(first) if f.code.startswith("GC2")), None)
        if at is not None:
            first[at] = replace(first[at], evidence=(*first[at].evidence, told))
    return found


def _merged(findings: Sequence[Finding]) -> list[Finding]:
    """The same remark of one Function in many places is made once, and says where else."""
    kept: dict[tuple[object, ...], Finding] = {}
    others: dict[tuple[object, ...], list[str]] = {}
    for finding in findings:
        function = finding.layer.rpartition(": ")[2].partition(" (")[0]
        key = (finding.code, finding.severity, finding.title, function)
        if key in kept:
            others.setdefault(key, []).append(finding.layer)
        else:
            kept[key] = finding
    for again, layers in others.items():
        more = f" and {len(layers) - 3} more" if len(layers) > 3 else ""
        told = (*kept[again].evidence, f"the same in {', '.join(layers[:3])}{more}")
        kept[again] = replace(kept[again], evidence=told)
    return list(kept.values())


def _report(
    model: Any,
    found: Sequence[Examined],
    findings: Sequence[Finding],
    where: Where,
    seed: int,
    started: float,
    name: str | None,
) -> Report:
    counts: dict[str, int] = {}
    for one in found:
        for what, count in one.counts.items():
            counts[what] = counts.get(what, 0) + count
    gradients = tuple(g for one in found for g in one.gradients)
    kinds = dict.fromkeys(g.dtype for g in gradients if g.dtype and g.verdict != "not differentiated")
    return Report(
        subject=name or type(model).__name__,
        kind="module",
        style="each custom Function in the model, at what it gets there",
        dtype=", ".join(kinds),
        seed=seed,
        gradients=gradients,
        findings=tuple(findings),
        leaks=tuple(dict.fromkeys(leak for one in found for leak in one.leaks)),
        notes=tuple(dict.fromkeys(note for one in found for note in one.notes)),
        evaluations=tuple(counts.items()),
        reproduce=line_to_reproduce(where, seed, None),
        where=where,
        versions=versions(),
        seconds=time.perf_counter() - started,
    )
