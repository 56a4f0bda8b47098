"""What each argument of a backward wants: the upstream gradient, the cache, an input, the output, an option."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gradcheck.errors import GradcheckError
from gradcheck.layers.calling import Signature
from gradcheck.layers.returned import Parts
from gradcheck.layers.roles import ANY, Reading, Role
from gradcheck.layers.spelling import (
    gradient_bases,
    is_cache_name,
    is_output_name,
    is_rate_name,
    is_target_name,
    is_upstream_name,
    normal_forms,
)
from gradcheck.layers.upstreams import Asked, all_in_one, count_upstreams, find_cache
from gradcheck.layers.values import is_array, is_number, is_scalar

__all__ = ["Binding", "bind"]


@dataclass
class Binding:
    """How to call a backward, and which of the values that the forward returned are its outputs."""

    roles: list[Role]
    names: tuple[str, ...]
    keywords: dict[str, Role] = field(default_factory=dict)
    outputs: tuple[int, ...] | None = None  # None: the returned value as a whole is the one output
    unused: tuple[int, ...] = ()
    cache: str | None = None  # an argument called like an input, that is given what the forward returned beside out

    def kinds(self) -> set[str]:
        """The kinds of roles in use."""
        return {role.kind for role in (*self.roles, *self.keywords.values())}

    def left_at_default(self, signature: Signature) -> frozenset[str]:
        """The arguments that are given nothing, by name."""
        given = [name for name, role in zip(self.names, self.roles, strict=False) if role.kind != "default"]
        return frozenset(signature.defaults).difference(given, self.keywords)

    def split(self, parts: Parts, returned: Any) -> tuple[Any, ...]:
        """The outputs in what the forward returned."""
        return (returned,) if self.outputs is None else tuple(parts.take(returned, i) for i in self.outputs)


def bind(
    signature: Signature,
    what: str,
    inputs: Mapping[str, Any],
    options: Mapping[str, Any],
    parts: Parts,
    *,
    reading: Reading = ANY,
    style: str = "pair",
    taken_apart: Callable[[str], frozenset[Any]] = lambda name: frozenset(),  # noqa: ARG005  # nothing is known
) -> Binding:
    """Read a backward's signature.

    Args:
        signature: the backward's.
        what: its name, for messages.
        inputs: the forward's arguments by name.
        options: what is passed on by name where the backward takes it.
        parts: what the forward returned in one call.
        reading: what the caller said of it in ``style=``.
        style: the key of the calling style, for messages.
        taken_apart: for an argument's name, the keys that the backward unpacks or indexes it with.

    Raises:
        GradcheckError: an argument that nothing known fits, or that two things fit.
    """
    items = list(parts.values) if parts.several else None
    written = list(parts.names)
    names = signature.names
    if not signature.known or (signature.rest and not names):
        # a backward(*args): the upstream gradient, then what the forward kept
        tail = [Role("returned", i) for i in range(1, len(items))] if items is not None else []
        return Binding([Role("upstream", 0), *tail], ("dout",), outputs=None if items is None else (0,))
    kept = [name for name in written[0 if parts.named else 1 :] if name]
    roles = [_by_name(name, list(inputs), options, kept, items, written) for name in names]
    for i, role in enumerate(roles):
        if role.kind == "rate" and i >= signature.required:
            roles[i] = Role("default")  # its own default is what the user calls it with
        elif role.kind == "upstream" and i >= signature.required and any(r.kind == "upstream" for r in roles[:i]):
            roles[i] = Role("default")  # retain_grads=True is no second upstream gradient
    asked = Asked(what, names, signature.required, inputs, parts, reading, style)
    cache = find_cache(roles, asked, taken_apart)
    count_upstreams(roles, asked)
    if not any(role.kind == "upstream" for role in roles):
        _refuse_targets(roles, names, signature, what, parts)
        first = next((i for i, role in enumerate(roles) if role.kind in ("unknown", "output")), None)
        taken = {role.which for role in roles if role.kind == "input"}
        if first is not None and _is_cache_of_a_loss(roles[first], names, items, signature):
            roles[first] = Role("rest")
        elif first is not None and (roles[first].kind == "unknown" or first == 0) and len(taken) < len(names):
            roles[first] = Role("upstream", None)
    together = all_in_one(roles, asked, taken_apart)
    _place_unknown(roles, items, parts, signature.required)
    for i, role in enumerate(roles):
        if role.kind == "unknown":
            if i < signature.required:
                raise _not_known(names[i], what, signature, list(inputs), items)
            roles[i] = Role("default")
    outputs, unused = _outputs(roles, names, items, written, together)
    keywords = {name: Role("option", name) for name in signature.keyword_only if name in options}
    for name in signature.keyword_required:
        if name not in keywords:
            role = _by_name(name, list(inputs), options, kept, items, written)
            if role.kind == "unknown":
                raise _not_known(name, what, signature, list(inputs), items)
            keywords[name] = role
    # arguments after one that is left at its default can be given by name only
    first_default = next((i for i, role in enumerate(roles) if role.kind == "default"), len(roles))
    by_name = list(zip(names, roles, strict=True))[first_default:]
    keywords.update({name: role for name, role in by_name if role.kind != "default"})
    given = roles[:first_default]
    if signature.rest and len(given) == len(names):
        more = _starred(given, inputs, items, outputs)
        given, names = given + more, (*names, *(str(role.which) for role in more))
    return Binding(given, names, keywords, outputs, unused, cache)


def _refuse_targets(roles: Sequence[Role], names: Sequence[str], signature: Signature, what: str, parts: Parts) -> None:
    """backward(X, y) without an upstream gradient, of a forward that knows no y: the loss is inside the backward."""
    for i, role in enumerate(roles[: signature.required]):
        if role.kind in ("unknown", "output") and is_target_name(names[i]) and names[i] not in parts.names:
            raise GradcheckError(
                f"the backward {what}{signature} takes targets, {names[i]}, and no upstream gradient: the loss is "
                f"inside it. Use check_network(net, loss=lambda: ..., gradients=lambda: {what}(...)), with a loss that "
                f"compares the forward's output with {names[i]}"
            )


def _is_cache_of_a_loss(role: Role, names: Sequence[str], items: list[Any] | None, signature: Signature) -> bool:
    """forward -> (loss, (p, y)), backward(c): beside a loss, the only argument is what was kept with it."""
    only = role.kind == "unknown" and signature.required == len(names) == 1
    return only and items is not None and is_scalar(items[0]) and isinstance(items[-1], tuple | list | dict)


def _starred(
    roles: Sequence[Role], inputs: Mapping[str, Any], items: list[Any] | None, outputs: tuple[int, ...] | None
) -> list[Role]:
    """What backward(dout, *args) is given: the inputs after those it names, or what the forward kept."""
    taken = {role.which for role in roles if role.kind == "returned"}
    kept = [i for i in range(len(items or ())) if i not in (outputs or ()) and i not in taken]
    if kept:
        return [Role("returned", i) for i in kept]
    order = list(inputs)
    named = [order.index(role.which) for role in roles if role.kind == "input"]
    return [Role("input", name) for name in order[max(named, default=-1) + 1 :]]


def _by_name(
    name: str,
    inputs: Sequence[str],
    options: Mapping[str, Any],
    kept: Sequence[str],
    items: list[Any] | None,
    written: Sequence[str | None] | None,
) -> Role:
    if items is not None and name in kept and written is not None:
        return Role("returned", len(written) - 1 - list(written)[::-1].index(name))
    if name in inputs:
        return Role("input", name)
    if name in options:
        return Role("option", name)
    if is_rate_name(name):
        return Role("rate", name)
    if is_cache_name(name) and items is not None:
        return Role("rest")
    outputs = {other.lower() for other in written or () if other}
    if is_upstream_name(name) or outputs & {base.lower() for base in gradient_bases(name)}:
        return Role("upstream", None)
    close = [other for other in inputs if set(normal_forms(other)[1:]) & set(normal_forms(name)[1:])]
    if len(close) == 1:
        return Role("input", close[0])
    if items is None and written and written[0] == name:
        return Role("output", 0)
    if is_output_name(name):
        return Role("output", 0)
    return Role("unknown", name)


def _place_unknown(roles: list[Role], items: list[Any] | None, parts: Parts, required: int) -> None:
    """Arguments whose names say nothing take the values the forward kept, when there is one for each."""
    if items is None:
        return
    unknown = [i for i, role in enumerate(roles) if role.kind in ("unknown", "output")]
    # what has a default may be left at it
    unknown = [i for i in unknown if i < required] or unknown
    taken = {role.which for role in roles if role.kind == "returned"}
    ups = sum(role.kind == "upstream" for role in roles)
    inner = sum(len(place) > 1 for place in parts.places)
    free = [i for i in range(max(ups, inner, 1), len(items)) if i not in taken]
    if any(role.kind == "rest" for role in roles):
        return
    if unknown and len(unknown) == len(free):
        for i, item in zip(unknown, free, strict=True):
            roles[i] = Role("returned", item)
    elif len(unknown) == 1 and roles[unknown[0]].kind == "unknown" and free:
        roles[unknown[0]] = Role("rest")


def _outputs(
    roles: list[Role],
    names: Sequence[str],
    items: list[Any] | None,
    written: Sequence[str | None],
    together: list[int] | None,
) -> tuple[tuple[int, ...] | None, tuple[int, ...]]:
    """Which returned values have an upstream gradient; numbers the upstream roles accordingly."""
    ups = [i for i, role in enumerate(roles) if role.kind == "upstream"]
    if items is None:
        if ups:
            roles[ups[0]] = Role("upstream", 0)
        return None, ()
    taken = {role.which for role in roles if role.kind == "returned"}
    rest = any(role.kind == "rest" for role in roles)
    differentiable = [
        i
        for i, item in enumerate(items)
        if i not in taken and (is_array(item) or is_number(item)) and not _is_int(item)
    ]
    chosen = list(together or ())
    if together is None:
        free = list(differentiable)
        for place in ups:
            bases = [name.lower() for name in gradient_bases(names[place])]
            match = next((i for i in free if (written[i] or "\0").lower() in bases), free[0] if free else None)
            if match is None:
                raise GradcheckError(
                    f"{names[place]} is named as an upstream gradient, and the forward returned no array of floats "
                    f"that it could belong to: return the output first, or a tuple, list or dict of outputs"
                )
            free.remove(match)
            roles[place] = Role("upstream", len(chosen))
            chosen.append(match)
        if not ups:
            chosen = differentiable[:1]
    if rest:
        left = [i for i in range(len(items)) if i not in chosen and i not in taken]
        # a cache is usually the last value, and what stands before it other outputs
        holders = [i for i in left if not is_array(items[i]) and not is_number(items[i])]
        cache = [i for i in left if is_cache_name(written[i] or "")] or holders[-1:] or left
        place = next(i for i, role in enumerate(roles) if role.kind == "rest")
        roles[place] = Role("returned", cache[0]) if len(cache) == 1 else Role("rest", tuple(cache))
        taken |= set(cache)
    unused = tuple(i for i in range(len(items)) if i not in taken and i not in chosen)
    return tuple(chosen), unused


def _is_int(item: Any) -> bool:
    return (is_array(item) and item.dtype.kind not in "f") or (is_number(item) and isinstance(item, int))


def _not_known(
    name: str, what: str, signature: Signature, inputs: Sequence[str], items: list[Any] | None
) -> GradcheckError:
    have = ["the upstream gradient (dout)", *inputs, "the output (out)"]
    have += ["what the forward returned beside its output (cache)"] if items is not None else []
    return GradcheckError(
        f"the backward {what}{signature} has the argument {name!r}, and nothing known is called that. "
        f"It can be given {', '.join(have)}, or anything in kwargs="
    )
