"""How numbers, layers and parameters are said in findings."""

from __future__ import annotations

from collections.abc import Sequence

from gradcheck.enumerated import enumerated
from gradcheck.health.sample import LayerSample

__all__ = ["called", "layer_name", "listed", "number", "percent", "said", "times"]

_NAMED = 4


def number(value: float) -> str:
    """Three digits: ``0.0184``, ``2.31e-07``."""
    return f"{value:.3g}"


def percent(share: float) -> str:
    """``61 %``; small shares with the digits they need."""
    if share in (0.0, 1.0):
        return f"{share:.0%}".replace("%", " %")
    hundredths = 100 * share
    if hundredths > 99.5:
        return "more than 99 %"
    return f"{hundredths:.0f} %" if hundredths >= 1 else f"{hundredths:.1g} %"


def times(factor: float) -> str:
    """``a factor of 8.2``, the same for growth and for shrinkage: a factor is 1 or more."""
    return f"a factor of {max(factor, 1 / factor):.3g}"


def layer_name(layer: LayerSample) -> str:
    """``layer 2 (relu)``; a name that tells its kind, or a kind that tells nothing, stands alone."""
    kind = layer.kind
    told = kind in ("other", "block") or kind in layer.name.lower()
    return called(layer.name) if told else f"{called(layer.name)} ({kind})"


def called(name: str) -> str:
    """``layer fc1``; a name that begins with the word, or is a piece of source, needs it not."""
    return name if name.startswith("layer") or "(" in name or "." in name.partition("[")[0] else f"layer {name}"


def said(name: str) -> str:
    """A layer or parameter at the beginning of a line: ``layer 1``, where a bare number is its name."""
    return f"layer {name}" if name.isdecimal() else name


def listed(names: Sequence[str], most: int = _NAMED) -> str:
    """``a, b and c``; ``a, b, c, d and 8 more``."""
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return enumerated(names)
