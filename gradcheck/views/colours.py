"""The colours of pictures: blue below zero, orange above it, white at it; as far apart to the eye as the numbers are.

They are made in OKLab, where equal distances look equal: lightness and colour change in proportion to the number.
Blue and orange differ to all common kinds of colour blindness, and by lightness where there is no colour at all.
"""

from __future__ import annotations

import math
from functools import cache

__all__ = ["CENTRE", "LEVELS", "NOT_FINITE", "as_hex", "diverging", "level", "ramp"]

LEVELS = 253
CENTRE = LEVELS // 2
NOT_FINITE = (96, 96, 96)

Colour = tuple[int, int, int]

# lightness, colourfulness and hue (in degrees) in OKLab
_BELOW, _MIDDLE, _ABOVE = (0.38, 0.155, 262.0), 0.975, (0.48, 0.155, 42.0)


@cache
def diverging() -> tuple[Colour, ...]:
    """The colours from the lowest level to the highest."""
    return tuple(_colour((i - CENTRE) / CENTRE) for i in range(LEVELS))


def ramp(n: int) -> list[Colour]:
    """``n`` colours in order, blue to orange through green, all of them readable as lines on white and on black."""
    shares = [i / max(n - 1, 1) for i in range(n)]
    return [_polar(0.50 + 0.15 * share, 0.13, 262.0 - 220.0 * share) for share in shares]


def as_hex(colour: Colour) -> str:
    """``#0b5cad``."""
    return "#" + "".join(f"{part:02x}" for part in colour)


def level(x: float, largest: float) -> int | None:
    """The level of a number on a scale from -largest to largest; None for what is not finite."""
    if not math.isfinite(x):
        return None
    share = x / largest if largest > 0 else 0.0
    return CENTRE + round(max(-1.0, min(1.0, share)) * CENTRE)


def _colour(share: float) -> Colour:
    lightness, chroma, hue = _BELOW if share < 0 else _ABOVE
    return _polar(_MIDDLE + (lightness - _MIDDLE) * abs(share), chroma * abs(share), hue)


def _polar(lightness: float, chroma: float, hue: float) -> Colour:
    return _from_oklab(lightness, chroma * math.cos(math.radians(hue)), chroma * math.sin(math.radians(hue)))


def _from_oklab(lightness: float, a: float, b: float) -> Colour:
    """sRGB in 0 to 255, by Björn Ottosson's matrices."""
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    middle = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    red, green, blue = (
        round(255 * _gamma(max(0.0, min(1.0, linear))))
        for linear in (
            4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short,
            -1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short,
            -0.0041960863 * long - 0.7034186147 * middle + 1.7076147010 * short,
        )
    )
    return red, green, blue


def _gamma(linear: float) -> float:
    return 12.92 * linear if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055
