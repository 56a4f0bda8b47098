"""The rules of the contract in their order; each looks at further calls of one Function."""

from __future__ import annotations

from gradcheck.functions.batched import batched
from gradcheck.functions.calls import Calls, Rule
from gradcheck.functions.kept import kept_unprotected
from gradcheck.functions.needed import needed_alone
from gradcheck.functions.outputs_alone import each_output_alone
from gradcheck.functions.saved import saved_changed
from gradcheck.functions.shared import shared_between_calls
from gradcheck.functions.strided import strided_upstreams
from gradcheck.functions.undefined import undefined_upstreams
from gradcheck.functions.unneeded import unneeded_gradients
from gradcheck.report import Finding

__all__ = ["contract"]

RULES: tuple[Rule, ...] = (
    strided_upstreams,
    undefined_upstreams,
    each_output_alone,
    needed_alone,
    shared_between_calls,
    saved_changed,
    kept_unprotected,
)
"""What makes a gradient wrong that was right in the check."""


def contract(calls: Calls, vmap: bool) -> list[Finding]:
    """What the Function's contract asks beside right gradients; ``vmap`` says whether it is for ``torch.vmap``."""
    if any(given is None for given in calls.once.values()):
        return []  # nothing to hold a second answer against
    found = [finding for rule in RULES for finding in rule(calls)]
    if vmap:
        found += batched(calls)
    if not any(f.severity == "error" for f in found):
        found += unneeded_gradients(calls)
    return found
