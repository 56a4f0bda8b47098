"""How many upstream gradients a backward takes, and whether its other argument is the cache: refused where two fit."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gradcheck.errors import GradcheckError
from gradcheck.layers.returned import Parts
from gradcheck.layers.roles import Reading, Role
from gradcheck.layers.source import LOOPED, STARRED
from gradcheck.layers.spelling import gradient_bases, is_upstream_name
from gradcheck.layers.values import is_array, is_float_array, is_number

__all__ = ["Asked", "all_in_one", "count_upstreams", "find_cache"]


@dataclass(frozen=True)
class Asked:
    """A backward's arguments, and all that they could be given."""

    what: str  # its name, for messages
    names: Sequence[str]
    required: int
    inputs: Mapping[str, Any]
    parts: Parts
    reading: Reading
    style: str  # the key of the calling style, for messages

    def __str__(self) -> str:
        return f"{self.what}({', '.join(self.names)})"


# names that are an upstream gradient's also where another one stands beside them
_PLAIN = re.compile(
    r"d_?(out|outputs?|h|hidden|c|cell|s|state|y|z|a|next|loss|logits|scores?)(_?(next|prev|t|out|\d))?"
    r"|d_?(next|prev)\w*|grads?(_\w+)?|\w+_grad|delta\w*|upstream\w*"
)
_SHORT = re.compile(r"d_?[a-z]?\d?")
_PLURAL = re.compile(
    r"d_?[a-z]?s|d_?(out|output|ret|result)s|gs|g_?ys|gouts|grad_?(out|output|y)s|upstreams|cotangents|cts"
)
_WITH_NUMBER = re.compile(r"([a-z_]*[a-z])_?\d")


def count_upstreams(roles: list[Role], asked: Asked) -> None:
    """Settle which arguments are upstream gradients, when several are named like one; changes ``roles``.

    There are at most as many as there are leading float arrays in what the forward returned. An argument that may as
    well be one of the values kept (``dact`` beside an unnamed second value) is refused, with both readings named.
    """
    names, parts, reading = asked.names, asked.parts, asked.reading
    first = next((name for role, name in zip(roles, names, strict=False) if role.kind == "upstream"), "")
    marked = [i for i in range(min(asked.required, len(roles))) if _may_be_upstream(roles[i], names[i], first)]
    if reading.outputs is not None and parts.several and len(marked) > 1:
        if len(marked) < reading.outputs:
            raise GradcheckError(
                f"style= says {reading.outputs} outputs, and {asked} has "
                f"{len(marked)} upstream gradients: {', '.join(names[i] for i in marked)}"
            )
        _settle(roles, names, marked[: reading.outputs], marked[reading.outputs :])
        return
    if len(marked) < 2:
        return
    if not parts.several:
        strong = [i for i in marked if roles[i].kind == "upstream"] or marked[:1]
        _settle(roles, names, strong[:1], [i for i in marked if i not in strong[:1]])
        return
    room = len(_leading(roles, asked))
    written = {name.lower() for name in parts.names if name}
    sure = marked[:1]
    doubtful: list[int] = []
    for i in marked[1:]:
        speaks_of_an_output = written & {base.lower() for base in gradient_bases(names[i])}
        (sure if speaks_of_an_output or _alike(names[i], names[marked[0]]) else doubtful).append(i)
    if doubtful and room > len(sure):
        name, one, n = names[doubtful[0]], names[marked[0]], len(sure)
        raise GradcheckError(
            f"two readings fit {asked}: {name} is the upstream gradient of the forward's {_ordinal(n)} output "
            f'(style="{asked.style}, {n + 1} outputs"), or {one} is {"the only one" if n == 1 else f"one of {n}"} '
            f'and {name} is a value that the forward kept (style="{asked.style}, {n} output{"s" * (n > 1)}"). '
            f"Say which, or name the values in the forward's return statement"
        )
    _settle(roles, names, sure[:room] or sure[:1], sure[max(room, 1) :] + doubtful)


def _settle(roles: list[Role], names: Sequence[str], ups: Sequence[int], others: Sequence[int]) -> None:
    for i in ups:
        roles[i] = Role("upstream", None)
    for i in others:
        roles[i] = Role("unknown", names[i])


def _may_be_upstream(role: Role, name: str, first: str) -> bool:
    low = name.strip("_").lower()
    begins = low.startswith("d") and (is_upstream_name(low) or bool(_SHORT.fullmatch(low)) or low[1:2] == "_")
    like_it = low.startswith("g_") and first.strip("_").lower().startswith("g_")  # g_y and g_h; g_t alone may be a gate
    return role.kind == "upstream" or (
        role.kind in ("unknown", "output") and (begins or like_it or _numbered(name) != "")
    )


def _numbered(name: str) -> str:
    """The word in g1, g2 or dout_1, dout_2 where it is an upstream gradient's; else ""."""
    parts = _WITH_NUMBER.fullmatch(name.strip("_").lower())
    return parts[1] if parts and is_upstream_name(parts[1]) else ""


def _alike(name: str, first: str) -> bool:
    """Whether two names are of one make: dout and dh, d1 and d2, da and db, dy_a and dy_b."""
    low, other = name.strip("_").lower(), first.strip("_").lower()
    if _PLAIN.fullmatch(low) or (_SHORT.fullmatch(low) and _SHORT.fullmatch(other)):
        return True
    if _numbered(name) and _numbered(name) == _numbered(first):
        return True
    shared = next((i for i, (a, b) in enumerate(zip(low, other, strict=False)) if a != b), min(len(low), len(other)))
    return shared > 1 and len(low) - shared <= 2 and len(other) - shared <= 2


def _leading(roles: Sequence[Role], asked: Asked) -> list[int]:
    """The values that may be outputs: float arrays from the first on, as far as none was claimed or is an input."""
    parts = asked.parts
    claimed = {role.which for role in roles if role.kind == "returned"}
    found: list[int] = []
    for i, value in enumerate(parts.values):
        kept = i in claimed or (i > 0 and any(value is given for given in asked.inputs.values()))
        if is_float_array(value) and not kept:
            found.append(i)
        elif not parts.named:
            inner = len(parts.places[i]) > 1
            if not inner:
                break
    if parts.kind == "nested":
        found = [i for i in found if len(parts.places[i]) > 1]
    return found


def all_in_one(roles: list[Role], asked: Asked, taken_apart: Callable[[str], frozenset[Any]]) -> list[int] | None:
    """The outputs whose upstream gradients come in one argument (a tuple, a dict, an object); changes ``roles``."""
    names, parts, reading = asked.names, asked.parts, asked.reading
    ups = [i for i, role in enumerate(roles) if role.kind == "upstream"]
    leading = _leading(roles, asked)
    if len(ups) != 1 or not leading or not parts.several:
        return None
    keys = taken_apart(names[ups[0]])
    if parts.named:
        by_key = {parts.names[i]: i for i in leading}
        chosen = [by_key[key] for key in by_key if key in keys]
        if not chosen and len(leading) > 1 and reading.outputs != 1:
            bases = {base.lower() for base in gradient_bases(names[ups[0]])}
            if not bases & {str(key).lower() for key in by_key}:
                first, second = (str(key) for key in list(by_key)[:2])
                raise GradcheckError(
                    f"two readings fit {asked}: {names[ups[0]]} holds the upstream gradients of "
                    f"{', '.join(map(str, by_key))} under these names, or is that of one of them. "
                    f"Call it d{first} for the first, take one argument for each (d{first}, d{second}), "
                    f'or say style="{asked.style}, 1 output" for {first} alone'
                )
    elif parts.kind in ("list", "nested"):
        chosen = leading
    else:
        every = STARRED in keys or (LOOPED in keys and bool(_PLURAL.fullmatch(names[ups[0]].strip("_").lower())))
        count = reading.outputs or (len(leading) if every else len(_indices(keys)))
        chosen = leading[:count] if 1 < count <= len(leading) else []
    if chosen:
        roles[ups[0]] = Role("upstreams")
    return chosen or None


def find_cache(roles: list[Role], asked: Asked, taken_apart: Callable[[str], frozenset[Any]]) -> str | None:
    """backward(d, c) after (out, cache): c is the cache, also where an input is called c; changes ``roles``.

    Returns the name of such an argument.
    """
    names, parts, reading, required = asked.names, asked.parts, asked.reading, asked.required
    if not any(role.kind == "upstream" for role in roles):
        # forward(x, g) -> (out, cache), backward(g, cache): beside a cache, g can only be the upstream gradient
        like = [i for i in range(required) if roles[i].kind == "input" and is_upstream_name(names[i])]
        beside = any(role.kind in ("rest", "returned") for role in roles)
        if len(like) == 1 and (beside or required == len(names) == 2):
            roles[like[0]] = Role("upstream", None)
    last = len(parts.values) - 1
    pair = parts.several and not parts.named and sum(len(place) == 1 for place in parts.places) <= 2
    if not pair or last < 1 or len(parts.places[last]) > 1 or not required == len(names) == 2:
        return None
    called = [i for i in range(2) if roles[i].kind == "input"]
    if len(called) != 1 or roles[1 - called[0]].kind != "upstream" or reading.last == "input":
        return None
    i, held = called[0], parts.values[last]
    if reading.last != "cache":
        if any(held is value for value in asked.inputs.values()) or is_number(held) or held is None:
            return None  # the input itself was kept: both readings are one
        if is_array(held):
            several = parts.kind == "list" or len(_indices(taken_apart(names[1 - i]))) > 1
            if several or parts.names[last] not in (None, names[i]):
                return None
            raise GradcheckError(
                f"two readings fit {asked}: {names[i]} is the forward's input "
                f'(style="{asked.style}, input"), or the array that the forward returned beside its output '
                f'(style="{asked.style}, cache"). Say which, or give the array another name in both'
            )
    roles[i] = Role("returned", last)
    return names[i]


def _indices(keys: frozenset[Any]) -> list[int]:
    """0, 1, ... where something is unpacked or indexed with just these."""
    whole = sorted(key for key in keys if isinstance(key, int) and not isinstance(key, bool))
    return whole if whole == list(range(len(whole))) else []


def _ordinal(k: int) -> str:
    return {1: "second", 2: "third", 3: "fourth"}.get(k, f"{k + 1}th")
