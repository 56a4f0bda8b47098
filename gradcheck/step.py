"""``check_step``: did the weights move by -lr·g?"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from gradcheck.caller import calling_place, line_to_reproduce, versions
from gradcheck.descent.adapt import checked_loss
from gradcheck.descent.moves.examination import Request, examine_step
from gradcheck.descent.moves.rates import checked_decay, checked_rates
from gradcheck.descent.numbers import checked_momentum
from gradcheck.errors import GradcheckError
from gradcheck.layers.calling import called, signature_of
from gradcheck.layers.values import describe
from gradcheck.options import checked_name, checked_seed, checked_switch
from gradcheck.outcome import finish, shown_at_caller
from gradcheck.report import Report

__all__ = ["check_step"]


@shown_at_caller
def check_step(
    step: Callable[[], Any],
    *,
    params: object = None,
    gradients: object = None,
    loss: Callable[..., Any] | None = None,
    lr: float | Mapping[str, float] | None = None,
    momentum: float | None = None,
    weight_decay: float | None = None,
    steps: int = 4,
    seed: int | None = None,
    name: str | None = None,
    raises: bool | None = None,
) -> Report:
    """Check an update of the weights: did each parameter move by -lr·g?

    What one of torch's adaptive optimizers moves (Adam, RMSprop, ...) is held against what that does with the gradient;
    Adam, RMSprop and AdaGrad that are written by hand are recognised over several steps, with their settings.

    Args:
        step: Makes one update: a callable without arguments, as in ``lambda: net.train_step(X, y)``,
            ``lambda: optimizer.update(w, g)``, or the ``step`` of a torch optimizer.
        params: What it is to move: an array or a tensor, a dict or list of them, or the object or ``torch.nn.Module``
            that holds them. Default: the object whose method ``step`` is, or the parameters of the torch optimizer.
        gradients: The gradients of this step: a dict by name, a list in the order of the parameters, an array, or a
            callable that returns one of these (or only writes them beside the parameters). Default: the true gradients
            of ``loss``; without one, those that the step leaves in ``.grad`` or beside the parameters.
        loss: A callable that returns the loss of this step, without arguments or of the parameters.
        lr: The learning rate, or a dict of them by parameter; negative where the step adds lr·g on purpose. Default:
            that of the torch optimizer.
        momentum: The factor of heavy-ball momentum. Default: that of a torch ``SGD``, else 0.
        weight_decay: The λ of g + λw. Default: that of a torch ``SGD``, else 0.
        steps: How many steps are made, each judged: momentum, gradients that add up and a decaying learning rate that
            is not the one used show only after the first.
        seed: Seeds every random generator before each step and each evaluation of the loss. Default 0.
        name: What to call it in the report.
        raises: As in :func:`check_layer`.

    Returns:
        The :class:`Report`, with one of ``report.updates`` for each parameter. Weights, buffers, the optimizer's state
        and the random state are as they were before.

    Raises:
        GradcheckError: The check cannot be made as it was called; the message says what would be right.
        GradientMismatch: A parameter moved otherwise and ``raises`` (see there) says so.

    Example:
        >>> import numpy as np
        >>> w, g = np.array([1.0, 2.0]), np.array([0.5, -1.0])
        >>> def step():
        ...     w[...] += 0.1 * g
        >>> check_step(step, params={"w": w}, gradients={"w": g}, lr=0.1).findings[0].title
        'w moves up the gradient'
    """
    __tracebackhide__ = True
    started = time.perf_counter()
    where = calling_place()
    checked_switch("raises", raises)
    seed, name = checked_seed(seed), checked_name(name)
    if not callable(step):
        raise GradcheckError(
            f"step: it is {describe(step)}; give a callable that makes one update, as in lambda: net.train_step(X, y)"
        )
    if signature_of(step).required:
        raise GradcheckError(
            f"step: it takes arguments {signature_of(step)}; give a callable without any, as in "
            f"lambda: {called(step) if '<' not in called(step) else 'step'}(...)"
        )
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
        raise GradcheckError(f"steps: it must be a whole number from 1 up, not {steps!r}")
    found = examine_step(
        Request(
            step,
            params,
            gradients,
            None if loss is None else checked_loss(loss),
            checked_rates(lr),
            None if momentum is None else checked_momentum(momentum),
            checked_decay(weight_decay),
            steps,
            seed,
        )
    )
    report = Report(
        subject=name or called(step),
        kind="step",
        style=found.style,
        dtype=", ".join(dict.fromkeys(u.dtype for u in found.updates if u.dtype)),
        seed=seed,
        gradients=(),
        findings=tuple(found.findings),
        notes=tuple(dict.fromkeys(found.notes)),
        evaluations=(("steps", found.made),),
        reproduce=line_to_reproduce(where, seed),
        where=where,
        updates=tuple(found.updates),
        versions=versions(),
        seconds=time.perf_counter() - started,
    )
    return finish(report, raises)
