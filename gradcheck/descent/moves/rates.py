"""The learning rates, momentum and weight decay of a step: as they were given, or as a torch optimizer has them."""

from __future__ import annotations

import numbers
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gradcheck.descent.moves.weights import Parameter
from gradcheck.descent.numbers import is_real
from gradcheck.errors import GradcheckError

__all__ = ["Rates", "Settings", "checked_decay", "checked_rates", "settings_for"]

Rates = float | dict[str, float] | None


@dataclass(frozen=True)
class Settings:
    """What a parameter is to be moved with."""

    lr: float
    momentum: float
    weight_decay: float


def checked_rates(value: object) -> Rates:
    """``lr`` as a number, or as numbers by parameter.

    Raises:
        GradcheckError: one is no finite number, or 0.
    """
    if value is None:
        return None
    if isinstance(value, Mapping):
        if not value:
            raise GradcheckError('lr: it is empty; give one number, or one for each parameter, lr={"W": 0.1, "b": 0.2}')
        return {str(name): _checked(f"lr[{name!r}]", rate) for name, rate in value.items()}
    return _checked("lr", value)


def _checked(label: str, value: object) -> float:
    if not isinstance(value, numbers.Real) or not is_real(value) or float(value) == 0:
        raise GradcheckError(f"{label}: it must be a finite number that is not 0, not {value!r}")
    return float(value)


def checked_decay(value: object) -> float | None:
    """The λ of a weight decay.

    Raises:
        GradcheckError: it is no finite number from 0 up.
    """
    if value is None:
        return None
    if not isinstance(value, numbers.Real) or not is_real(value) or float(value) < 0:
        raise GradcheckError(f"weight_decay: it must be a finite number from 0 up, not {value!r}")
    return float(value)


def settings_for(
    parameters: Mapping[str, Parameter],
    rates: Rates,
    momentum: float | None,
    decay: float | None,
    optimizers: Sequence[Any],
) -> dict[str, Settings]:
    """For each parameter: what was given, else what the optimizer that holds it says.

    Raises:
        GradcheckError: no learning rate is known, or ``lr`` names what is no parameter.
    """
    groups = {id(p): (type(o).__name__, group) for o in optimizers for group in o.param_groups for p in group["params"]}
    if isinstance(rates, dict):
        for name in rates:
            if name not in parameters:
                raise GradcheckError(f"lr: it names {name!r}, which is no parameter; there are {', '.join(parameters)}")
    found = {}
    for name, parameter in parameters.items():
        kind, group = groups.get(id(parameter.original), ("", {}))
        plain = kind == "SGD"
        rate = rates.get(name) if isinstance(rates, dict) else rates
        uphill = False
        if rate is None and "lr" in group:
            uphill = bool(group.get("maximize"))  # on purpose, and then the decay still shrinks the weights
            rate = -float(group["lr"]) if uphill else float(group["lr"])
        if rate is None:
            missing = f" of {name}" if isinstance(rates, dict) else ""
            raise GradcheckError(f"lr: give the learning rate{missing} that the step is to use, lr=0.01")
        if rate == 0:
            raise GradcheckError(f"lr: the optimizer's learning rate of {name} is 0: nothing would move")
        found[name] = Settings(
            rate,
            momentum if momentum is not None else float(group.get("momentum", 0.0)) if plain else 0.0,
            decay if decay is not None else (-1) ** uphill * float(group.get("weight_decay", 0.0)) if plain else 0.0,
        )
    return found
