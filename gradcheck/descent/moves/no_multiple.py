"""GC409: no learning rate explains the move: another optimizer, another parameter's gradient, or a wrong gradient."""

from __future__ import annotations

import math

import numpy as np

from gradcheck.causes import difference_of
from gradcheck.descent.moves.move import Move
from gradcheck.descent.moves.seen import Cause, Seen
from gradcheck.difference import norm

__all__ = ["like_sign", "no_multiple"]

_KNOWN_DECAYS = (0.9, 0.95, 0.99, 0.999)


def like_sign(move: Move, seen: Seen) -> Cause | None:
    """Every entry moves by the same amount against the sign of its gradient, as in the first step of Adam."""
    direction = move.direction
    if direction is None or move.before.size < 3:
        return None
    clear = np.abs(direction) > 1e-4 * np.abs(direction).max()
    steps = np.abs(move.delta[clear])
    if steps.size < 3 or not steps.all() or np.ptp(np.abs(direction[clear])) < 1e-3 * np.abs(direction).max():
        return None
    size = float(np.median(steps))
    slack = max(1e-2, 2 * move.epsilon * float(np.abs(move.before).max()) / size)
    if np.mean(np.abs(steps / size - 1) > slack) > 1e-3:
        return None
    along = np.sign(move.delta[clear]) == np.sign(direction[clear] * move.lr)
    if along.any():
        return _up(move, size) if along.all() else None
    ratio = size / abs(move.lr)
    is_cut = ratio < float(np.abs(direction[clear]).min())
    if math.isclose(ratio, 1, rel_tol=slack):
        fits = "Adam's first step is lr·sign(g): that fits (AdaGrad's and sign descent's too)"
    else:
        fits = _first_step(ratio, slack) + (f", or g clipped to ±{ratio:.4g} in every entry" * is_cut)
    called = f"the optimizer is {seen.optimizer}" if seen.optimizer else ""
    return Cause(
        "GC409",
        "info" if "that fits" in fits else "warning",
        f"sign {ratio:.3g}",
        "{names} [move|moves] by no multiple of the gradient: every entry by the same amount",
        tuple(said for said in (fits, called) if said),
        (f"{move.name}: |Δw| = {size:.4g} in each entry, lr = {move.lr:.4g}",),
        ("for an adaptive optimizer the sizes cannot be judged by -lr·g; the signs are those of -g",),
        is_undecided="that fits" in fits,
    )


def _up(move: Move, size: float) -> Cause:
    return Cause(
        "GC401",
        "error",
        f"sign {size:.3g}",
        "{names} [move|moves] up the gradient: every entry by the same amount, with the sign of its gradient",
        (f"sign descent and the first step of Adam go against it: Δw = {size / move.lr:+.4g}·lr·sign(g)",),
        (f"{move.name}: |Δw| = {size:.4g} in each entry, lr = {move.lr:.4g}",),
        ("subtract: w -= lr * step; or is it the gradient that has the wrong sign already?",),
    )


def _first_step(ratio: float, slack: float) -> str:
    """Whose first step is this many times lr·sign(g): v begins at (1-β2)·g², and m at (1-β1)·g."""
    for d in _KNOWN_DECAYS:
        if math.isclose(ratio, (1 - d) ** -0.5, rel_tol=slack):
            said = f"RMSprop's first step is lr/√(1-{d})·sign(g): that fits"
            return f"{said} (Adam's does, too, without the correction of its second moment)"
    for d in _KNOWN_DECAYS:
        if math.isclose(ratio, 1 - d, rel_tol=slack):
            return f"it is {ratio:.4g}·lr·sign(g), as Adam's is without the correction of its first moment (β1 = {d})"
    return f"it is {ratio:.4g}·lr·sign(g)"


def no_multiple(move: Move, seen: Seen) -> Cause | None:
    """What is left: described, as far as it can be."""
    if move.gradient is None or move.direction is None:
        return None
    if move.adaptive is not None:
        return _not_as(move, seen, move.adaptive.rule)
    share = norm(move.delta + (move.rate() or 0.0) * move.direction) / norm(move.delta) if norm(move.delta) else 1.0
    if seen.optimizer and seen.optimizer != "SGD" and norm(move.direction):
        return _adaptive(move, seen)
    cause: list[str] = []
    pattern: list[str] = []
    for other in seen.moves.values():
        if other.name == move.name or other.gradient is None or other.gradient.shape != move.before.shape:
            continue
        if norm(other.gradient) and move.fits(-move.lr * other.gradient):
            cause.append(f"it moves by -lr times the gradient of {other.name}: are two of them swapped?")
    if _is_rounded(move):
        cause.append("the new weights are rounded to float32: every entry of them is a float32 number")
    title = "{names} [move|moves] by no multiple of the gradient"
    if not norm(move.direction):
        title = "{names} moved, and the gradient is zero"
    elif not cause:
        said = f"-Δ{move.name}/lr"
        differing = difference_of(-move.delta / move.lr, move.direction, said, {}, None)
        cause += [f.title.replace(said, "-Δw/lr") for f in differing if f.code != "GC299"][:2]
        pattern = [f.title.replace(" is wrong, and the cause is not known: it", "") for f in differing if not cause]
    if seen.from_loss:
        advice = (
            "is the gradient itself right? check_network(net, loss=..., gradients=gradcheck.from_update(step, lr=...)) "
            "says what is wrong with it"
        )
    else:
        advice = (
            "state momentum= and weight_decay= if the step has them; else compare the update with w -= lr * gradient"
        )
    return Cause(
        "GC409",
        "error",
        " ".join(cause) or "nothing",
        title,
        tuple(cause),
        (f"{move.name}: {_share(share)} of the move is along another direction than the gradient", *pattern)
        if norm(move.direction)
        else (),
        (advice,),
    )


def _adaptive(move: Move, seen: Seen) -> Cause:
    direction = move.direction if move.direction is not None else np.zeros_like(move.delta)
    agree = float(np.mean(np.sign(move.delta) == -np.sign(direction)))
    return Cause(
        "GC409",
        "info",
        "adaptive",
        "{names} [move|moves] by no multiple of the gradient, as " + f"{seen.optimizer} does",
        (f"{seen.optimizer} scales each entry by its history: -lr·g is not what it does",),
        (f"{move.name}: {agree:.0%} of the entries move against the sign of their gradient",),
        ("check the gradients by themselves; the step of an adaptive optimizer cannot be judged so",),
        is_undecided=True,
    )


def _share(share: float) -> str:
    return f"{share:.1%}" if share >= 1e-3 else f"{share:.1g}"


def _is_rounded(move: Move) -> bool:
    """float64 weights that went through float32 on their way."""
    if move.epsilon > 1e-14 or move.direction is None or move.before.size < 3:
        return False
    single = np.finfo(np.float32)
    close = norm(move.delta + move.lr * move.direction) <= float(single.eps) * norm(move.after)
    return close and bool(np.all(move.after == move.after.astype(np.float32)))


def _not_as(move: Move, seen: Seen, rule: str) -> Cause:
    """Otherwise than the optimizer does with this gradient, from the state in which it was."""
    direction = move.direction if move.direction is not None else np.zeros_like(move.delta)
    agree = float(np.mean(np.sign(move.delta) == -np.sign(direction)))
    cause = [f"from its state before the step {rule} makes another move of this gradient"]
    if seen.from_loss:
        cause.append("the gradient that it was given is not that of the loss, or weights are changed beside it")
    return Cause(
        "GC409",
        "error",
        "not as known",
        "{names} [move|moves] otherwise than " + f"{rule} does with this gradient",
        tuple(cause),
        (f"{move.name}: {agree:.0%} of the entries move into the direction of {rule}'s step",),
        ("is the gradient clipped, scaled or added up before optimizer.step(), or a penalty missing in the loss?",),
    )
