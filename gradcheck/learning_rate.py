"""``check_learning_rate``: a learning rate beside the curvature of the loss."""

from __future__ import annotations

import math
import numbers
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradcheck.caller import calling_place, line_to_reproduce, versions
from gradcheck.descent.adapt import checked_loss, landscape_of
from gradcheck.descent.agreement import agrees
from gradcheck.descent.edge import findings_of, limit_of, step_shown, verdict_of
from gradcheck.descent.given import Given, given_params
from gradcheck.descent.gradients import named_gradients
from gradcheck.descent.lanczos import lanczos
from gradcheck.descent.landscape import Landscape, Vector, differences, joined
from gradcheck.descent.moves.sources import stored_gradients
from gradcheck.descent.numbers import checked_momentum, checked_rate
from gradcheck.descent.patience import Patience
from gradcheck.descent.quadratic import is_quadratic
from gradcheck.descent.rho import rho, slope_along
from gradcheck.descent.samples import batch_among
from gradcheck.descent.torch_state import TorchState
from gradcheck.descent.trial import losses_of_steps
from gradcheck.descent.wrong_slope import wrong_slope
from gradcheck.difference import norm
from gradcheck.errors import GradcheckError
from gradcheck.layers.calling import called, user_code
from gradcheck.options import checked_name, checked_seed, checked_switch
from gradcheck.outcome import finish, shown_at_caller
from gradcheck.report import Finding, Report
from gradcheck.state import own_generator, seed_everything
from gradcheck.updates import StepSize

__all__ = ["check_learning_rate"]

_PRODUCTS = 30
_TRIED = 10
_COARSE = 1e-4  # from here on the precision is that of 16 bits
_CLOSER = 2.0  # seconds after which nothing more is done to say it more exactly
_LONGEST = 10.0  # seconds after which no further product H·v is made, unless a budget says how many


@shown_at_caller
def check_learning_rate(
    loss: Callable[..., Any],
    params: object,
    lr: float,
    *,
    momentum: float = 0.0,
    gradient: object = None,
    seed: int | None = None,
    budget: int | None = None,
    name: str | None = None,
    raises: bool | None = None,
) -> Report:
    """Hold a learning rate against the curvature of the loss: gradient descent is stable below 2/λmax.

    λmax, the largest eigenvalue of the Hessian at the present weights, is found by the Lanczos process from products
    of the Hessian with vectors. For a quadratic loss a rate above 2/λmax diverges; for any other it is above the edge
    of stability *here*, and the loss may still fall.

    Args:
        loss: Returns the loss: a callable without arguments that uses the parameters where they are kept, as in
            ``lambda: net.loss(X, y)``, or one that takes them. NumPy or torch.
        params: The parameters: an array or a tensor, a dict or list of them, or the object or ``torch.nn.Module`` that
            holds them.
        lr: The learning rate.
        momentum: The factor β of heavy-ball momentum; the limit is 2(1+β)/λmax then.
        gradient: Your own gradient (a dict by name, a list in the order of the parameters, an array, or a callable
            that returns one), to be judged by ρ = (L(w) - L(w - η·g)) / (η·‖g‖²), which goes to 1 for a right one.
        seed: Seeds the first vector, and every random generator before each evaluation. Default 0.
        budget: How many products H·v may be made. Default 30, and no more than 10 s allow.
        name: What to call it in the report.
        raises: As in :func:`check_layer`.

    Returns:
        The :class:`Report`; ``report.step_size`` has the numbers. Everything of the caller's is as it was before.

    Raises:
        GradcheckError: The check cannot be made as it was called; the message says what would be right.
        GradientMismatch: The learning rate is too large and ``raises`` (see there) says so.

    Example:
        >>> import numpy as np
        >>> x = np.array([1.0, 2.0, 3.0])
        >>> report = check_learning_rate(lambda w: (x @ w) ** 2 / 2, np.array([3.0, 2.0, 1.0]), lr=0.25)
        >>> round(report.step_size.lambda_max, 6), round(report.step_size.limit, 6), report.step_size.verdict
        (14.0, 0.142857, 'diverges')
    """
    __tracebackhide__ = True
    started = time.perf_counter()
    where = calling_place()
    checked_switch("raises", raises)
    seed, name = checked_seed(seed), checked_name(name)
    loss, lr, momentum = checked_loss(loss), checked_rate(lr), checked_momentum(momentum)
    most = _products(budget)
    given = given_params(params)
    landscape = landscape_of(loss, given, seed)
    dtype = _dtype(landscape)
    landscape = _precise(landscape)
    try:
        yours = _yours(gradient, landscape, given, seed)
        with np.errstate(all="ignore"):  # steps that are too long overflow
            among = batch_among(loss, landscape.shapes)
            found = _examined(landscape, lr, momentum, yours, seed, most, among)
    finally:
        landscape.restore()
    report = Report(
        subject=name or called(loss),
        kind="learning rate",
        style=landscape.style,
        dtype=dtype,
        seed=seed,
        gradients=(),
        findings=tuple(found.findings),
        notes=(*landscape.notes, *found.notes),
        evaluations=tuple(landscape.counts.items()),
        reproduce=line_to_reproduce(where, seed),
        where=where,
        step_size=found.step,
        versions=versions(),
        seconds=time.perf_counter() - started,
    )
    return finish(report, raises)


def _precise(landscape: Landscape) -> Landscape:
    if landscape.epsilon < _COARSE:
        return landscape
    from gradcheck.descent.torch_landscape import TorchLandscape
    from gradcheck.descent.widened import in_float32

    return in_float32(landscape) if isinstance(landscape, TorchLandscape) else landscape


def _products(budget: object) -> int | None:
    if budget is None:
        return None
    if isinstance(budget, bool) or not isinstance(budget, numbers.Integral) or int(budget) < 1:
        raise GradcheckError(f"budget: it must be a whole number of products H·v from 1 up, not {budget!r}")
    return int(budget)


@dataclass
class _Found:
    step: StepSize
    findings: list[Finding]
    notes: list[str]


def _yours(gradient: object, landscape: Landscape, given: Given, seed: int) -> Vector | None:
    if gradient is None:
        return None
    if callable(gradient):
        kept = TorchState(gradient, given.whole)
        try:
            seed_everything(seed)
            with user_code("gradient()"):
                gradient = gradient()
            if gradient is None:
                gradient = stored_gradients(given)
            return _flat(gradient, landscape)  # before arrays that it hands out are put back
        finally:
            kept.restore()
    return _flat(gradient, landscape)


def _flat(gradient: object, landscape: Landscape) -> Vector:
    named = named_gradients("gradient", gradient, landscape.shapes)
    missing = [n for n in landscape.shapes if n not in named]
    if missing:
        raise GradcheckError(
            f"gradient: that of {missing[0]} is missing; give one for each of {', '.join(landscape.shapes)}"
        )
    yours = joined([named[n] for n in landscape.shapes])
    if not np.all(np.isfinite(yours)):
        raise GradcheckError("gradient: it has NaN or infinite entries; a step along it means nothing")
    return yours


def _examined(
    landscape: Landscape,
    lr: float,
    momentum: float,
    yours: Vector | None,
    seed: int,
    most: int | None,
    batch: tuple[str, int] | None,
) -> _Found:
    at, rng = landscape.start, own_generator(seed)
    closer, longest = Patience(_CLOSER), Patience(_LONGEST)
    true = landscape.gradient(at)
    if not np.all(np.isfinite(true)):
        raise GradcheckError(
            "loss: its gradient has NaN or infinite entries at these weights; start where it is finite"
        )
    notes: list[str] = []
    if not agrees(landscape, true, rng):
        notes.append(
            "autograd's gradient is not how the loss changes (a detached part, a corner): λmax is that of autograd"
        )
    exact, noise = landscape.products(at), 0.0
    by_differences = differences(landscape, at)
    probe = rng.standard_normal(at.size)
    probe /= np.linalg.norm(probe)
    beside, off = by_differences(probe)
    if exact is not None and float(np.linalg.norm(exact(probe) - beside)) > 10 * off + 0.05 * float(
        np.linalg.norm(beside)
    ):
        notes.append(
            "second derivatives and differences of the gradient disagree (a kink near by?): the second are used"
        )
        exact = None
    if exact is None:
        noise = off
        notes.append("H·v from differences of the gradient at two steps")

    def product(v: Vector) -> Vector:
        return by_differences(v)[0] if exact is None else exact(v)

    def goes_on() -> bool:
        return most is not None or longest.is_left

    spectrum = lanczos(product, at.size, rng, most or _PRODUCTS, noise, goes_on)
    if not goes_on():
        notes.append(
            f"no more than {spectrum.products} products H·v in {_LONGEST:g} s; budget= has as many made as it says"
        )
    rounding = 8 * landscape.epsilon * abs(spectrum.largest)
    error = max(spectrum.error, rounding)
    spectrum = replace(spectrum, smallest_error=max(spectrum.smallest_error, rounding))
    quadratic = is_quadratic(landscape, true, product, lr, rng, closer)
    limit = limit_of(spectrum.largest, momentum, norm(true), norm(at))
    if quadratic is None:
        why = (
            f"cannot be seen in {_dtype(landscape)}" if landscape.epsilon > 1e-6 else "was not tried: it takes too long"
        )
        notes.append(f"whether the loss is a quadratic {why}; λmax is that of these weights")
    verdict = verdict_of(lr, limit, spectrum, bool(quadratic))
    is_above = verdict in ("diverges", "above the edge")
    losses = losses_of_steps(landscape, true, lr, momentum, _TRIED, closer) if is_above else [landscape.loss(at)]
    if is_above and len(losses) <= _TRIED and math.isfinite(losses[-1]):
        notes.append(f"the loss was followed for {len(losses) - 1} of {_TRIED} steps: they take too long")
    slope = slope_along(landscape, yours) if yours is not None else None
    step = StepSize(
        lr=lr,
        lambda_max=spectrum.largest,
        lambda_error=error,
        limit=limit,
        suggested=lr if math.isinf(limit) else 1 / spectrum.largest,
        verdict=verdict,
        quadratic=bool(quadratic),
        momentum=momentum,
        loss=losses[0],
        norm_gradient=norm(true),
        rho=rho(landscape, true if yours is None else yours, lr, losses[0]),
        products=spectrum.products,
        lambda_min=spectrum.smallest,
        rho_small=None if slope is None else slope.value,
    )
    findings = findings_of(step, spectrum, losses, batch)
    wrong = None if yours is None else wrong_slope(slope, yours, true)
    return _Found(step, ([wrong] if wrong else []) + findings, notes + _remarks(step, spectrum.upper, quadratic))


def _dtype(landscape: Landscape) -> str:
    """The name of the floating-point type that has the landscape's precision."""
    bits = round(-math.log2(landscape.epsilon))
    return {52: "float64", 23: "float32", 10: "float16", 7: "bfloat16"}.get(bits, f"floats of {bits + 1} bits")


def _remarks(step: StepSize, upper: float, quadratic: bool | None) -> list[str]:
    said = []
    if math.isinf(step.limit):
        said.append("the loss does not curve upwards here (λmax ≤ 0): curvature sets no limit to the learning rate")
    elif step.verdict == "undecided" and abs(step.lr / step.limit - 1) <= 1e-9:
        said.append("the learning rate is the limit itself: the loss swings and neither falls nor grows")
    elif step.verdict == "undecided" and step.lr < step.limit and upper > (1 + 1e-6) * step.lambda_max:
        known = f"may be as large as {upper:.4g}" if math.isfinite(upper) else "may be much larger"
        said.append(f"λmax {known} after {step.products} products, too little to decide; give a larger budget")
    elif step.verdict in ("converges", "below the edge"):
        said.append(f"{step.lr / step.limit:.3g} of the limit; 1/λmax = {step_shown(step.suggested)}")
    if step.norm_gradient == 0:
        said.append("the gradient is zero: the weights do not move, and ρ says nothing")
    if quadratic is False and not math.isinf(step.limit):
        said.append("the loss is no quadratic: λmax is that of these weights, and changes in training")
    return said
