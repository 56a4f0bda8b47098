"""Which findings are the reason of which others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from gradcheck.report import Finding

__all__ = ["because", "explains"]

Side = Literal["any", "above", "below", "same"]


@dataclass(frozen=True, slots=True)
class _Effect:
    """What an effect is called, and the causes that explain it, the nearest first."""

    called: str
    causes: tuple[tuple[str, Side], ...]


# The word for where the cause must stand: "above" is nearer to the loss than the effect (or the same layer): from there
# gradients come; "below" is nearer to the input: from there activations come.
_EFFECTS = {
    "GC300": _Effect(
        "a NaN or infinity came out",
        (("GC302", "any"), ("GC343", "any"), ("GC311", "any"), ("GC330", "any"), ("GC313", "any"), ("GC314", "any")),
    ),
    "GC301": _Effect("the gradients overflow", (("GC302", "any"), ("GC313", "any"), ("GC311", "any"))),
    "GC302": _Effect("values come close to overflow", (("GC311", "any"), ("GC330", "any"), ("GC314", "any"))),
    "GC303": _Effect(
        "values underflow",
        (("GC310", "any"), ("GC312", "any"), ("GC321", "any"), ("GC311", "any"), ("GC330", "any"), ("GC314", "any")),
    ),
    "GC310": _Effect("the activations vanish", (("GC330", "any"), ("GC314", "any"))),
    "GC311": _Effect("the activations explode", (("GC330", "any"), ("GC314", "any"))),
    "GC312": _Effect(
        "the gradients vanish",
        (("GC325", "any"), ("GC321", "any"), ("GC320", "any"), ("GC310", "any"), ("GC314", "any")),
    ),
    "GC313": _Effect("the gradients explode", (("GC311", "any"), ("GC330", "any"), ("GC314", "any"))),
    "GC320": _Effect("units die", (("GC330", "any"), ("GC311", "below"), ("GC314", "any"))),
    "GC321": _Effect("the activation saturates", (("GC330", "any"), ("GC311", "below"), ("GC314", "any"))),
    "GC322": _Effect("values reach the bounds", (("GC311", "any"), ("GC330", "any"), ("GC314", "any"))),
    "GC323": _Effect("gradients are clipped", (("GC313", "any"), ("GC311", "any"), ("GC314", "any"))),
    "GC325": _Effect("no gradient gets through", (("GC321", "same"), ("GC320", "same"), ("GC322", "same"))),
    "GC331": _Effect(
        "the weights hardly move",
        (
            ("GC323", "any"), ("GC325", "above"), ("GC321", "above"), ("GC312", "any"), ("GC303", "any"),
            ("GC314", "any"),
        ),
    ),
    "GC332": _Effect("the update is lost", (("GC331", "any"), ("GC303", "any"), ("GC323", "any"))),
    "GC333": _Effect(
        "no gradient arrives",
        (("GC325", "above"), ("GC320", "above"), ("GC321", "above"), ("GC322", "above"), ("GC335", "any")),
    ),
    "GC335": _Effect("units stay equal", ()),
    "GC340": _Effect("the first loss is so large", (("GC314", "any"),)),
    "GC341": _Effect(
        "the loss does not fall",
        tuple(
            (code, "any")
            for code in ("GC344", "GC332", "GC331", "GC325", "GC320", "GC321", "GC335", "GC312", "GC333", "GC334")
        )
        + tuple((code, "any") for code in ("GC330", "GC342", "GC343", "GC323", "GC310", "GC314", "GC322", "GC303")),
    ),
    "GC342": _Effect("the loss jumps", (("GC330", "any"), ("GC313", "any"))),
    "GC343": _Effect("the loss diverges", (("GC330", "any"), ("GC311", "any"), ("GC313", "any"), ("GC314", "any"))),
    "GC344": _Effect(
        "all samples get one class",
        (
            ("GC325", "any"), ("GC320", "any"), ("GC321", "any"), ("GC335", "any"), ("GC330", "any"), ("GC343", "any"),
            ("GC332", "any"), ("GC331", "any"), ("GC312", "any"), ("GC310", "any"), ("GC333", "any"), ("GC314", "any"),
            ("GC340", "any"),
        ),
    ),
}  # fmt: skip

_CAUSES = {
    "GC302": "values that near overflow",
    "GC303": "the underflow",
    "GC310": "activations that vanish",
    "GC311": "activations that explode",
    "GC312": "gradients that vanish",
    "GC313": "gradients that explode",
    "GC314": "the weights as they were drawn",
    "GC320": "the dead units",
    "GC321": "the saturation",
    "GC322": "the values held at their bounds",
    "GC323": "the clipping of the gradients",
    "GC325": "the gradient that is stopped",
    "GC330": "an update too large",
    "GC331": "updates too small",
    "GC332": "parameters that do not change",
    "GC333": "parameters that get no gradient",
    "GC334": "parameters that no optimizer has",
    "GC335": "units that are all equal",
    "GC340": "the first guesses",
    "GC342": "the jumps of the loss",
    "GC343": "the divergence",
    "GC344": "one class for all samples",
}


def explains(cause: Finding, effect: Finding, layers: Sequence[str]) -> bool:
    """Whether one finding is the reason of another: by their codes, their order in time and their layers' order."""
    known = _EFFECTS.get(effect.code)
    if known is None or cause.severity == "info" or (cause.step or 0) > (effect.step or 0):
        return False
    side = next((side for code, side in known.causes if code == cause.code), None)
    if side is None:
        return False
    if side == "any" or cause.layer not in layers or effect.layer not in layers:
        return side != "same" or cause.layer == effect.layer
    at, there = layers.index(cause.layer), layers.index(effect.layer)
    return {"above": at >= there, "below": at <= there, "same": at == there}[side]


def because(cause: Finding, effect: Finding) -> str:
    """The sentence that an effect says of its cause."""
    what = _CAUSES[cause.code]
    of = f" in {cause.gradient or f'layer {cause.layer}'}" if cause.layer or cause.gradient else ""
    at = f" at step {cause.step}" if cause.code in ("GC330", "GC343") and cause.step is not None else ""
    return f"{what}{of}{at} ({cause.code}): that is why {_EFFECTS[effect.code].called}"
