"""GC300: the first operation whose output is not finite while all its inputs are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from gradcheck.health.rule import Rule
from gradcheck.health.sample import Birth
from gradcheck.health.words import listed
from gradcheck.report import Finding

__all__ = ["BirthOfNaN"]

_KEPT = 5

# What to change, by words in the operation's name: tried in this order.
_HELP = (
    ("softmax", "subtract the row's maximum from the logits before exp: softmax(z) = softmax(z - max z)"),
    ("log1p", "keep the argument above -1"),
    ("log", "keep 0 out of the logarithm: log(p + 1e-12), or the loss from logits (log-softmax, log-sigmoid)"),
    ("exp", "subtract the maximum before exp (softmax, log-sum-exp), or keep its argument below {bound}"),
    ("sqrt", "the derivative of sqrt at 0 is infinite: sqrt(x + 1e-12)"),
    ("norm", "the derivative of a norm at 0 is 0/0: add a small number to the sum of squares"),
    ("div", "keep 0 out of the denominator: a / (b + 1e-12), or np.where on the *denominator* before the division"),
    ("where", "the branch not taken makes 0 · inf in the backward: put a harmless value into it before the operation"),
    ("pow", "a negative base with a fractional exponent, or 0 with a negative one: bound the base first"),
)
_GROWN = "the values had grown before: lower the learning rate, or scale the initial weights down"


class BirthOfNaN(Rule):
    """The watcher found an output with an entry that is NaN or infinite, and inputs that are all finite.

    No threshold. Infinities on purpose (a masked softmax) are no births unless they reach a loss or a gradient; the
    watcher knows. What turned bad after the first birth is told as its consequence.
    """

    code: ClassVar[str] = "GC300"

    def __init__(self) -> None:
        self._births: list[Birth] = []

    def birth(self, birth: Birth) -> None:
        if len(self._births) < _KEPT:
            self._births.append(birth)

    def findings(self) -> Iterator[Finding]:
        if not self._births:
            return
        first, *later = self._births
        what = {"NaN": "NaN", "Inf": "infinity"}[first.what]
        phase = {"forward": "forward pass", "loss": "loss", "backward": "backward pass", "update": "update"}[
            first.phase
        ]
        about = f" of layer {first.layer}" if first.layer else ""
        evidence = []
        if first.entries:
            of = f" of {first.size}" if first.size else ""
            entry = "entry" if first.entries == 1 else "entries"
            at = f", the first at index {list(first.first_index)}" if first.first_index is not None else ""
            evidence.append(f"{first.entries}{of} {entry} of its output{at}; its inputs are all finite")
        if first.operands:
            evidence.append(f"made from {listed(first.operands)}")
        elsewhere = dict.fromkeys(
            f"step {b.step}: {b.operation}{f' at line {b.where.line}' if b.where else ''} makes {b.what} too"
            for b in later
            if (b.operation, b.where) != (first.operation, first.where)
        )
        yield Finding(
            code=self.code,
            severity="error",
            title=f"{first.operation} makes the first {what}, in the {phase}{about} at step {first.step}",
            layer=first.layer,
            where=first.where,
            evidence=(*evidence, *filter(None, [first.remark])),
            help=(_help(first),),
            step=first.step,
            consequences=(*first.consequences, *elsewhere),
        )


def _help(birth: Birth) -> str:
    name = birth.operation.lower()
    bound = "88 in float32 and 709 in float64"
    return next((text.format(bound=bound) for word, text in _HELP if word in name), _GROWN)
