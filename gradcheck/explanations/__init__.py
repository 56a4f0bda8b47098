"""What each code in a report means: one module a code, whose docstring is the text.

The first line stands alone. Code is indented by four, in blocks under ``Given:`` (where there is something),
``Wrong:``, ``Right:`` and ``Check:``. Given, Wrong and Check one after another are a program that is reported with
the code; with Right in Wrong's place it is not.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
import textwrap
from dataclasses import dataclass

__all__ = ["BEFORE", "Explanation", "codes", "explanation"]

BEFORE = """\
import numpy as np
from gradcheck import check_layer
rng = np.random.default_rng(0)
"""
"""What every example starts with."""

_BLOCK = re.compile(r"^(\w+):\n\n((?: {4}.*\n|\n)+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Explanation:
    """A code with its text; ``title`` is the first line of it, ``body`` the rest."""

    code: str
    title: str
    body: str

    @property
    def blocks(self) -> dict[str, str]:
        """The blocks of code by the word above them."""
        return {word: textwrap.dedent(code).strip("\n") + "\n" for word, code in _BLOCK.findall(self.body)}

    def program(self, which: str) -> str:
        """The example as a script that checks its ``"Wrong"`` or its ``"Right"`` version."""
        blocks = self.blocks
        parts = [BEFORE, blocks.get("Given", ""), blocks[which], blocks["Check"]]
        return "\n\n".join(part for part in parts if part)


def codes() -> list[str]:
    """Every code that has an explanation, in order."""
    return sorted(m.name.upper() for m in pkgutil.iter_modules(__path__) if re.fullmatch(r"gc\d{3}", m.name))


def explanation(code: str) -> Explanation:
    """The explanation of ``code``.

    Raises:
        KeyError: there is none.
    """
    if code not in codes():
        raise KeyError(code)
    text = importlib.import_module(f"{__name__}.{code.lower()}").__doc__ or ""
    title, _, body = text.strip().partition("\n")
    return Explanation(code, title.rstrip("."), body.strip("\n") + "\n")
