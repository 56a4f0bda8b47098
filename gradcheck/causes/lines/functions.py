"""Functions that stand where a derivative belongs, right ones and wrong ones, of what goes in and what comes out."""

from __future__ import annotations

from collections.abc import Callable

import torch

__all__ = ["NAMES", "Function", "known_function"]

Function = Callable[[torch.Tensor], torch.Tensor]


def _step(t: torch.Tensor) -> torch.Tensor:
    return (t > 0).to(t.dtype)


_OF_EITHER: dict[str, Function] = {
    "{}": lambda t: t,
    "1 - {}": lambda t: 1 - t,
    "{0} (1 - {0})": lambda t: t * (1 - t),
    "1 - {}²": lambda t: 1 - t * t,
    "step({} > 0)": _step,
    "sigmoid({})": torch.sigmoid,
    "sigmoid({0}) (1 - sigmoid({0}))": lambda t: torch.sigmoid(t) * (1 - torch.sigmoid(t)),
    "tanh({})": torch.tanh,
    "1 - tanh({})²": lambda t: 1 - torch.tanh(t) ** 2,
    "softplus({})": torch.nn.functional.softplus,
    "exp({})": torch.exp,
    "{}²": lambda t: t * t,
    "1 / {}": lambda t: 1 / t,
    "1 + {}": lambda t: 1 + t,
    "sign({})": torch.sign,
}
_OF_THE_INPUT: dict[str, Function] = {
    "step({} < 0)": lambda t: _step(-t),
    "leaky step({}, 0.01)": lambda t: _step(t) + 0.01 * _step(-t),
    "leaky step({}, 0.1)": lambda t: _step(t) + 0.1 * _step(-t),
    "relu({})": torch.relu,
    "|{}|": torch.abs,
    "1 - tanh({})": lambda t: 1 - torch.tanh(t),
    "exp(-{})": lambda t: torch.exp(-t),
    "log({})": lambda t: torch.log(torch.abs(t)),
    "√{}": lambda t: torch.sqrt(torch.abs(t)),
    "cos({})": torch.cos,
    "sin({})": torch.sin,
    "3 {}²": lambda t: 3 * t * t,
    "1 / (2 √{})": lambda t: 0.5 / torch.sqrt(torch.abs(t)),
    "-1 / {}²": lambda t: -1 / (t * t),
    "2 {}": lambda t: 2 * t,
    "Φ({})": torch.special.ndtr,
}


_NAMED: dict[str, tuple[Function, bool]] = {
    **{name.format(t): (f, t == "y") for name, f in _OF_EITHER.items() for t in "xy"},
    **{name.format("x"): (f, False) for name, f in _OF_THE_INPUT.items()},
}


NAMES = ("1", *_NAMED)
"""What they are called, the likeliest first."""


def known_function(name: str, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The values of the function of that name for an input x and an output y of one shape."""
    if name == "1":
        return torch.ones_like(y)
    function, of_the_output = _NAMED[name]
    return function(y if of_the_output else x)
