"""What can be wrong with a set of gradients before any value is looked at: GC101, GC102, GC103."""

from __future__ import annotations

from collections.abc import Sequence

from gradcheck.report import Finding

__all__ = ["BY_NAMES", "missing", "wrong_names", "wrong_number", "wrong_order"]


BY_NAMES = "its return statement says"
"""How evidence begins that rests on nothing but the names there."""


def _gradients(count: int) -> str:
    return f"{count} gradient" + ("" if count == 1 else "s")


def wrong_number(given: int, names: Sequence[str], evidence: Sequence[str] = ()) -> Finding:
    """GC101: the backward returns more or fewer gradients than the forward has inputs."""
    inputs = f"{len(names)} input" + ("" if len(names) == 1 else "s")
    return Finding(
        code="GC101",
        severity="error",
        title=f"backward returns {_gradients(given)} for {inputs}",
        evidence=(f"the forward's inputs are {', '.join(names)}", *evidence),
        help=(
            f"return one gradient for each of {', '.join(names)}, in this order",
            'an input that has no gradient is named in constants=["..."]',
        ),
    )


def wrong_order(returned: Sequence[str], names: Sequence[str], evidence: Sequence[str], meant: str = "") -> Finding:
    """GC102: the gradients come in another order than the arguments. ``meant`` says how to declare that order."""
    order = ", ".join(f'"{name}"' for name in returned)
    return Finding(
        code="GC102",
        severity="error",
        title=f"backward returns its gradients in another order than the inputs: {', '.join(returned)}",
        evidence=(f"the forward's inputs are {', '.join(names)}", *evidence),
        help=(
            f"return the gradients in the order {', '.join(names)}",
            meant or f"if the order is meant, say so: gradients=[{order}]",
        ),
    )


def wrong_names(unknown: Sequence[str], names: Sequence[str]) -> Finding:
    """GC102: a dict of gradients has keys that belong to no input, and inputs are left without."""
    return Finding(
        code="GC102",
        severity="error",
        title=f"backward names gradients that belong to no input: {', '.join(unknown)}",
        evidence=(f"no gradient was found for {', '.join(names)}",),
        help=(f"name them {', '.join('d' + name for name in names)} (or as the inputs themselves)",),
    )


def missing(name: str, gradient: str, how: str) -> Finding:
    """GC103: an input whose gradient is None or not there."""
    return Finding(
        code="GC103",
        severity="error",
        title=f"no gradient for {name}: {how}",
        gradient=gradient,
        help=(f'return {gradient}; if {name} is meant to have none, say so: constants=["{name}"]',),
    )
