"""Which recorded array is an input, the output, the upstream gradient, or the gradient of what."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from gradcheck.difference import norm
from gradcheck.errors import GradcheckError
from gradcheck.layers.spelling import is_upstream_name, match_names
from gradcheck.recordings.digits import digits_of
from gradcheck.recordings.files import Array

__all__ = ["Recording", "layers_of", "recording_of"]

_OUTPUT = re.compile(r"out|outputs?|y|y_?hat|loss|activation|result|value", re.IGNORECASE)


@dataclass
class Recording:
    """One layer's arrays by what they are."""

    inputs: dict[str, Array]  # by the names of the reference's arguments
    gradients: dict[str, Array]  # by the names of the inputs
    upstream: Array | None
    output: Array | None
    keys: dict[str, str] = field(default_factory=dict)  # what each was called in the file, for the report
    unused: tuple[str, ...] = ()

    @cached_property
    def coarseness(self) -> float:
        """The relative rounding of the coarsest of the inputs and the output; 0 where they carry all digits."""
        arrays = [*self.inputs.values(), *([] if self.output is None else [self.output])]
        pairs = [(a, digits) for a in arrays if (digits := digits_of([a])) is not None]
        return max((norm(digits.half_units(a)) / norm(a) for a, digits in pairs), default=0.0)


def layers_of(arrays: Mapping[str, Array], names: Sequence[str]) -> dict[str, dict[str, Array]]:
    """The arrays of each layer of a chain: those called ``fc1.w``, ``fc1/w`` or ``fc1_w`` belong to ``fc1``.

    Raises:
        GradcheckError: a layer has none.
    """
    found: dict[str, dict[str, Array]] = {}
    for name in names:
        own = {key[len(name) + 1 :]: a for key, a in arrays.items() if re.match(re.escape(name) + r"[./_:]", key)}
        if not own:
            raise GradcheckError(
                f"reference: nothing recorded belongs to the layer {name!r}; call its arrays '{name}.x', '{name}.dout' "
                f"and so on (recorded: {_listed(arrays)})"
            )
        found[name] = own
    return found


def recording_of(arrays: Mapping[str, Array], wanted: Sequence[str], names: Mapping[str, str]) -> Recording:
    """Sort the arrays by name; ``names`` says what some are called (``{"w": "fc.weight", "dw": "fc.weight.grad"}``).

    Raises:
        GradcheckError: an input of the reference is not there, or no gradient is.
    """
    for role, key in names.items():
        if key not in arrays:
            raise GradcheckError(f"names[{role!r}]: nothing is recorded as {key!r} (recorded: {_listed(arrays)})")
    free = {key: array for key, array in arrays.items() if key not in names.values()}
    keys = {}
    for name in wanted:
        if name in names:
            keys[name] = names[name]
        elif name in free:
            keys[name] = name
    missing = [name for name in wanted if name not in keys]
    if missing:
        raise GradcheckError(
            f"source: the reference takes {missing[0]!r}, which is not recorded; record it, or say what it is called: "
            f'names={{"{missing[0]}": ...}} (recorded: {_listed(arrays)})'
        )
    left = [key for key in free if key not in keys.values()]
    given = {name: names[f"d{name}"] for name in wanted if f"d{name}" in names}
    unnamed = [name for name in wanted if name not in given]
    matched = match_names(unnamed, [key for key in left if not _is_of_output(key)], plain=False)
    gradients = {**matched, **given}
    left = [key for key in left if key not in gradients.values()]
    upstream = names.get("dout") or next((key for key in left if _is_of_output(key) or is_upstream_name(key)), None)
    output = names.get("out") or next((key for key in left if key != upstream and _OUTPUT.fullmatch(key)), None)
    if not gradients:
        usual = _or([f"d{n}" for n in wanted])
        raise GradcheckError(
            f"source: no gradient of {_or(wanted)} is recorded; call them {usual}, or say "
            f'what they are called: names={{"d{wanted[0]}": ...}} (recorded: {_listed(arrays)})'
        )
    used = {*keys.values(), *gradients.values(), upstream, output}
    told = {**keys, **{f"d{name}": key for name, key in gradients.items()}}
    told |= {role: key for role, key in (("dout", upstream), ("out", output)) if key is not None}
    return Recording(
        {name: arrays[key] for name, key in keys.items()},
        {name: arrays[gradients[name]] for name in wanted if name in gradients},
        None if upstream is None else arrays[upstream],
        None if output is None else arrays[output],
        told,
        tuple(key for key in arrays if key not in used),
    )


def _is_of_output(key: str) -> bool:
    return bool(
        re.fullmatch(r"(d|grad_?|d_|g)(out|outputs?|y|loss)|(out|outputs?|y)_?(grad|bar)|upstream|dl_?dy", key, re.I)
    )


def _listed(arrays: Mapping[str, Array]) -> str:
    shown = [f"{name} {'×'.join(map(str, a.shape)) or 'scalar'}" for name, a in list(arrays.items())[:12]]
    return ", ".join(shown) + (", …" if len(arrays) > 12 else "")


def _or(names: Sequence[str]) -> str:
    return " or ".join(names)
