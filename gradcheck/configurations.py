"""How a layer did in each configuration it was tried in, as frozen plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Configuration"]


@dataclass(frozen=True, slots=True)
class Configuration:
    """One combination of settings, by name as they are shown, and what a check of it found.

    ``wrong`` names the gradients that are wrong (or undecided), ``largest_error`` is the largest relative error of all,
    ``fault`` the first error's title. A configuration that the forward does not take is "not checked", for ``reason``.
    """

    settings: tuple[tuple[str, str], ...]
    verdict: Literal["right", "wrong", "undecided", "not checked"]
    wrong: tuple[str, ...] = ()
    largest_error: float | None = None
    fault: str = ""
    reason: str = ""
