"""Every rule of health, in the order of their codes. A new rule is a file in ``rules`` and a line here."""

from __future__ import annotations

from gradcheck.health.rule import Rule

__all__ = ["RULES", "rules"]

RULES: tuple[type[Rule], ...] = ()


def rules() -> list[Rule]:
    """A fresh instance of every rule, for one watch."""
    return [rule() for rule in RULES]
