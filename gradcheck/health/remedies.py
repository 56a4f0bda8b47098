"""What made a NaN or an infinity, by the operation that it came out of, and what is to be done about it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from gradcheck.health.sample import Birth

__all__ = ["Remedy", "remedy"]

_GROWN = "the values had grown before: lower the learning rate, or scale the initial weights down"
_LARGE = 1e6
_VALUE = re.compile(r"= (-?(?:inf|[\d.]+(?:e[+-]?\d+)?))")
# Sums of products: out of finite entries they give a NaN only where a part of them overflows.
_SUMS = re.compile(r"[@*+-]|linear|matmul|mm\b|conv|dot|einsum|sum|prod|mul|add|sub|square|mse|loss|outer|lstm|gru|rnn")


@dataclass(frozen=True, slots=True)
class Remedy:
    """``help`` says what to do; ``why``, where it is not empty, what made it whatever the size of the values was."""

    help: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class _Known:
    """An operation by a pattern in its name; ``when`` and ``what`` narrow it down to a pass and a kind of value."""

    pattern: str
    remedy: Remedy
    when: Literal["", "forward", "backward"] = ""
    what: Literal["", "NaN", "Inf"] = ""

    def fits(self, birth: Birth) -> bool:
        backward = birth.phase == "backward" or "backward" in birth.operation.lower()
        if (self.when and backward != (self.when == "backward")) or self.what not in ("", birth.what):
            return False
        return re.search(self.pattern, birth.operation.lower()) is not None


_MASKED_SOFTMAX = Remedy(
    "leave one entry of each row unmasked, or take such rows out with where before the softmax",
    "a row that is masked throughout (-inf) has no softmax: it is 0/0",
)
_MASKED = Remedy(
    "look where the infinity comes from; of a mask, leave one entry of each row unmasked",
    "an infinity that was there before meets another one, or a 0: inf - inf and 0 · inf are NaN",
)
_NO_EPS = Remedy(
    "give the optimizer an eps, such as 1e-8", "with eps = 0 the update of an entry whose gradient is 0 is 0/0"
)
_UPDATE = Remedy("look at the divisions and roots of the update: where a gradient is 0 they may be 0/0")
_UNDEFINED = Remedy(
    "look at the values that it is made from: the operation is not defined there, or has no finite derivative"
)

# Tried in this order.
_KNOWN = (
    _Known(r"\[\]=", Remedy("look at the line: a value that is not finite is written there")),
    _Known(
        r"\b(nan)?(std|var)(_mean)?\b|stdbackward|varbackward",
        Remedy(
            "skip batches of one sample, or divide by n: correction=0 (PyTorch), ddof=0 (NumPy)",
            "the standard deviation of a single sample, divided by n - 1, is 0/0",
        ),
        "forward",
        "NaN",
    ),
    _Known(
        r"\b(std|var)(_mean)?\b|stdbackward|varbackward",
        Remedy(
            "take the root of the variance and a small number: sqrt(var + 1e-5)",
            "the derivative of a standard deviation that is 0 is 0/0",
        ),
        "backward",
    ),
    _Known(
        "acos|asin|arccos|arcsin",
        Remedy(
            "keep its argument inside: clamp it to ±(1 - 1e-6)", "the derivative of arccos and arcsin is infinite at ±1"
        ),
        "backward",
    ),
    _Known("acos|asin|arccos|arcsin", Remedy("keep its argument between -1 and 1: clamp it"), "forward"),
    _Known(
        r"eigh?\b|svd|linalgeig|linalgsvd",
        Remedy(
            "use the values and not the vectors, or add small different numbers to the diagonal",
            "the derivative of eigenvectors (singular vectors) is infinite where two of the values are equal",
        ),
        "backward",
    ),
    _Known(r"\b(nan)?mean\b", Remedy("skip empty selections and batches", "the mean of no entries is 0/0"), what="NaN"),
    _Known("softmax", Remedy("subtract the row's maximum from the logits before exp: softmax(z) = softmax(z - max z)")),
    _Known("log1p", Remedy("keep the argument above -1")),
    _Known(
        "log", Remedy("keep 0 out of the logarithm: log(p + 1e-12), or the loss from logits (log-softmax, log-sigmoid)")
    ),
    _Known(
        "exp(?!and|it)",
        Remedy(
            "subtract the maximum before exp (softmax, log-sum-exp), or keep its argument below 88 in float32 and 709 "
            "in float64"
        ),
    ),
    _Known(
        "sqrt",
        Remedy("add a small number under the root: sqrt(x + 1e-12)", "the derivative of sqrt at 0 is infinite"),
        "backward",
    ),
    _Known("sqrt", Remedy("keep negative numbers out of the root: its argument was below 0"), "forward", "NaN"),
    _Known(
        r"(?<!_)norm(?!alize)|normbackward",
        Remedy("add a small number to the sum of squares", "the derivative of a norm at 0 is 0/0"),
        "backward",
    ),
    _Known(
        "div|/",
        Remedy("keep 0 out of the denominator: a / (b + 1e-12), or np.where on the *denominator* before the division"),
    ),
    _Known(
        "where",
        Remedy("the branch not taken makes 0 · inf in the backward: put a harmless value into it before the operation"),
    ),
    _Known(
        r"pow|\*\*",
        Remedy("a negative base with a fractional exponent, or 0 with a negative one: bound the base first"),
        what="NaN",
    ),
)


def remedy(birth: Birth) -> Remedy:
    """What made a value bad in an operation whose inputs were none of its kind, and what helps."""
    operation = birth.operation.lower()
    if birth.inputs == "masked":
        return _MASKED_SOFTMAX if "softmax" in operation else _MASKED
    large = any(abs(float(value)) > _LARGE for text in birth.operands for value in _VALUE.findall(text))
    if birth.phase == "update" and " update of " in operation and birth.what == "NaN" and not large:
        return _NO_EPS if any("eps = 0" in text.split(", ") for text in birth.operands) else _UPDATE
    known = next((known.remedy for known in _KNOWN if known.fits(birth)), None)
    if known is not None:
        return known
    return Remedy(_GROWN) if large or birth.phase == "update" or _SUMS.search(operation) else _UNDEFINED
