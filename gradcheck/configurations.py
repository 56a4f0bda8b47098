"""How a layer did in each configuration it was tried in, as frozen plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gradcheck.picture import Picture

__all__ = ["Configuration", "Drawn"]


@dataclass(frozen=True, slots=True)
class Drawn:
    """The picture of a gradient that is not right, and the witness that it is held against."""

    name: str
    compared_with: Literal["autograd", "reference", "numeric", "true", ""]
    picture: Picture


@dataclass(frozen=True, slots=True)
class Configuration:
    """One combination of settings, by name as they are shown, and what a check of it found.

    ``wrong`` names the gradients that are wrong (or undecided), ``largest_error`` is the largest relative error of all,
    ``fault`` the first error's title. A configuration whose backward raises is wrong, with what it raised
    as ``fault``. One that could not be checked for another reason has it as ``reason``: it is undecided where the
    caller asked for it, and "not checked" where ``sweep="auto"`` tried it, or where it is a combination of values that
    were each checked in others.
    ``drawn`` are pictures of gradients that are right in all configurations before this one.
    """

    settings: tuple[tuple[str, str], ...]
    verdict: Literal["right", "wrong", "undecided", "not checked"]
    wrong: tuple[str, ...] = ()
    largest_error: float | None = None
    fault: str = ""
    reason: str = ""
    drawn: tuple[Drawn, ...] = ()
