"""Which findings are the reason of which others."""

from __future__ import annotations

from collections.abc import Sequence

from gradcheck.health.words import called
from gradcheck.report import Finding

__all__ = ["because", "explains"]

# What an effect is called, and the codes that explain it. Behind a colon stands where a cause must be: "above" is the
# same layer or nearer to the loss, from where gradients come; "below" nearer to the input, from where activations come.
_EFFECTS: dict[str, tuple[str, str]] = {
    "GC300": ("a NaN or infinity came out", "GC302 GC343 GC311 GC330 GC313 GC314 GC336"),
    "GC301": ("the gradients overflow", "GC311 GC336"),
    "GC302": ("values come close to overflow", "GC311 GC330 GC314 GC336"),
    "GC303": ("values underflow", "GC310 GC312 GC321 GC311 GC330 GC314"),
    "GC310": ("the activations vanish", "GC330 GC314"),
    "GC311": ("the activations explode", "GC330 GC314 GC336"),
    "GC312": ("the gradients vanish", "GC325 GC321 GC320 GC310 GC314"),
    "GC313": ("the gradients explode", "GC311 GC330 GC314 GC336"),
    "GC320": ("units die", "GC335 GC330 GC343 GC311:below GC314 GC336"),
    "GC321": ("the activation saturates", "GC335 GC330 GC343 GC311:below GC314 GC336"),
    "GC322": ("values reach the bounds", "GC311 GC330 GC314"),
    "GC323": ("gradients are clipped", "GC301 GC313 GC311 GC314 GC336"),
    "GC325": ("no gradient gets through", "GC321:same GC320:same GC322:same GC335 GC330 GC336"),
    "GC330": ("the update is so large", "GC336 GC311 GC314"),
    "GC331": ("the weights hardly move", "GC301 GC323 GC325:above GC321:above GC312 GC303 GC314"),
    "GC332": ("the update is lost", "GC301 GC331 GC303 GC323"),
    "GC333": ("no gradient arrives", "GC325:above GC320:above GC321:above GC322:above GC335"),
    "GC340": ("the first loss is so large", "GC311 GC314"),
    "GC341": (
        "the loss does not fall",
        "GC344 GC301 GC332 GC331 GC325 GC320 GC321 GC335 GC312 GC333 GC334 GC330 GC342 GC343 GC323 GC310 GC314 GC322 "
        "GC303 GC336 GC345 GC346",
    ),
    "GC342": ("the loss jumps", "GC330 GC313 GC336"),
    "GC343": ("the loss diverges", "GC330 GC311 GC313 GC314 GC336"),
    "GC344": (
        "all samples get one class",
        "GC325 GC320 GC321 GC322 GC335 GC330 GC343 GC332 GC331 GC312 GC310 GC333 GC314 GC340 GC336",
    ),
}

_CAUSES = {
    "GC301": "gradients that overflowed and were clipped to 0",
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
    "GC336": "gradients that are never set to zero",
    "GC340": "the first guesses",
    "GC342": "the jumps of the loss",
    "GC343": "the divergence",
    "GC344": "one class for all samples",
    "GC345": "the softmax that is taken twice",
    "GC346": "the shapes that do not agree",
}


def explains(cause: Finding, effect: Finding, layers: Sequence[str]) -> bool:
    """Whether one finding is the reason of another: by their codes, their order in time and their layers' order."""
    if effect.code not in _EFFECTS or cause.severity == "info" or effect.cause:  # one that knows its own has no other
        return False
    # what an update does shows in the step after it; an update that is born bad is in the same
    after = cause.code == "GC330" and effect.code != "GC300"
    if (cause.step or 0) + after > (effect.step or 0):
        return False
    side = _sides(effect.code).get(cause.code)
    if side is None:
        return False
    if side == "any" or cause.layer not in layers or effect.layer not in layers:
        return side != "same" or cause.layer == effect.layer
    at, there = layers.index(cause.layer), layers.index(effect.layer)
    return {"above": at >= there, "below": at <= there, "same": at == there}[side]


def _sides(code: str) -> dict[str, str]:
    """The causes of an effect, and where each must stand."""
    pairs = (cause.partition(":") for cause in _EFFECTS[code][1].split())
    return {cause: side or "any" for cause, _, side in pairs}


def because(cause: Finding, effect: Finding) -> str:
    """The sentence that an effect says of its cause."""
    what = _CAUSES[cause.code]
    of = f" in {cause.gradient or called(cause.layer)}" if cause.layer or cause.gradient else ""
    at = f" at step {cause.step}" if cause.code in ("GC330", "GC343") and cause.step is not None else ""
    return f"{what}{of}{at} ({cause.code}): that is why {_EFFECTS[effect.code][0]}"
