"""Every array in the attributes, dicts, lists and nested objects of a user's object, with its path in their words."""

from __future__ import annotations

import copy
import re
import types
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from gradcheck.layers.spelling import gradient_bases, looks_like_parameter
from gradcheck.layers.values import is_array
from gradcheck.state import Slot
from gradcheck.state.slot import MISSING
from gradcheck.state.territory import is_user_module, user_classes

__all__ = ["GRADIENT_WORDS", "Path", "Step", "arrays_of", "children", "nodes_of"]

_PARAM_WORDS = frozenset(
    [
        "params",
        "param",
        "parameters",
        "parameter",
        "trainable",
        "variables",
        "vars",
        "value",
        "values",
        "val",
        "data",
        "array",
        "tensor",
        "state_dict",
        "w_and_b",
        "trainable_params",
        "learnable_params",
    ]
)
GRADIENT_WORDS = frozenset(
    ["grads", "grad", "gradients", "gradient", "dparams", "g", "deltas", "delta", "nabla", "diff"]
)
_PROPERTIES = ("params", "parameters", "grads", "gradients", "weights")
_DEEPEST = 7
_MANGLED = re.compile(r"_[A-Z][A-Za-z0-9]*?(__[A-Za-z]\w*)")
Step = Literal["attribute", "item", "cell"]


@dataclass(frozen=True)
class Path:
    """Where something is found from ``root``: steps ("attribute" | "item" | "cell", key). Read anew at every use."""

    root: Any = field(compare=False)  # may be a dict, which has no hash
    steps: tuple[tuple[Step, Any], ...]

    def get(self) -> Any:
        """What is there now, or ``MISSING``."""
        value = self.root
        for kind, key in self.steps:
            value = _step(value, kind, key)
            if value is MISSING:
                return MISSING
        return value

    def set(self, new: Any) -> None:
        """Put ``new`` there; behind a property that only reads, where that reads it from."""
        holder = Path(self.root, self.steps[:-1]).get()
        kind, key = self.steps[-1]
        if kind == "attribute":
            if isinstance(holder, type):
                type.__setattr__(holder, key, new)
            elif _is_fixed(holder, key):
                _set_behind(holder, key, new)
            else:
                object.__setattr__(holder, key, new)
        elif kind == "cell":
            holder.cell_contents = new
        elif isinstance(holder, tuple):
            items = list(holder)
            items[key] = new
            Path(self.root, self.steps[:-1]).set(
                type(holder)._make(items) if hasattr(holder, "_make") else tuple(items)
            )
        elif isinstance(holder, dict):
            dict.__setitem__(holder, key, new)
        else:
            holder[key] = new

    def slot(self) -> Slot:
        """The place as a slot."""
        kind, key = self.steps[-1]
        holder = Path(self.root, self.steps[:-1]).get()
        return Slot(holder, key, "class" if isinstance(holder, type) else kind, self.text)

    def __deepcopy__(self, memo: dict[int, Any]) -> Path:
        # a copy of a problem works on copies of objects, but on the same globals and closures, as their functions do
        shared = isinstance(self.root, types.FunctionType | types.CellType | types.ModuleType | type) or (
            isinstance(self.root, dict) and "__builtins__" in self.root
        )
        return Path(self.root if shared else copy.deepcopy(self.root, memo), self.steps)

    @property
    def text(self) -> str:
        """As the user would write it, without the ``self.``: ``layers[0].W``, ``params['W']``."""
        text = ""
        for kind, key in self.steps:
            if kind == "attribute":
                text += f".{_as_written(key)}"
            elif not text and isinstance(key, str):  # a key of the root dict, a global, or a closure's variable
                text = key
            else:
                text += f"[{key!r}]"
        return text.removeprefix(".")

    @property
    def keys(self) -> tuple[Any, ...]:
        """The names and indices along the way."""
        return tuple(key for _, key in self.steps)

    def words(self) -> tuple[str, ...]:
        """The path of a parameter without the words that only say "parameters"."""
        keys = [_as_written(key) for key in self.keys]
        return tuple(key for key in keys if key.strip("_").lower() not in _PARAM_WORDS)

    def gradient_of(self) -> list[tuple[str, ...]]:
        """Every path that this one may hold the gradient of: "grads['dW']" -> ("W",), "layers[0].dW" -> ("0", "W")."""
        forms: list[tuple[tuple[str, ...], bool]] = [((), False)]
        for key in self.keys:
            word = _as_written(key)
            low = word.strip("_").lower()
            options: list[tuple[tuple[str, ...], bool]] = []
            if low in GRADIENT_WORDS:
                options.append(((), True))
            if low in _PARAM_WORDS:
                options.append(((), False))
            else:
                options.append(((word,), False))
            if isinstance(key, str):
                bases = gradient_bases(word)
                options += [(() if base.strip("_").lower() in _PARAM_WORDS else (base,), True) for base in bases]
            forms = [(done + new, mark or marked) for done, mark in forms for new, marked in options]
        return [form for form, marked in dict.fromkeys(forms) if marked and form]


def _as_written(key: Any) -> str:
    """``self.__W`` is kept as ``_Dense__W``: what the user wrote."""
    word = str(key)
    mangled = _MANGLED.fullmatch(word)
    return mangled[1] if mangled else word


def arrays_of(*starts: Path) -> list[tuple[Path, Any]]:
    """Arrays and Python floats at and below ``starts`` with their paths, outermost and first defined first."""
    return [(path, value) for path, value in nodes_of(*starts) if is_array(value) or isinstance(value, float)]


def nodes_of(*starts: Path) -> list[tuple[Path, Any]]:
    """Everything at and below ``starts``: also the containers, and places that hold None."""
    found: list[tuple[Path, Any]] = []
    seen: set[int] = set()
    level = list(starts)
    for _ in range(_DEEPEST):
        below: list[Path] = []
        for path in level:
            value = path.get()
            if path.steps:
                found.append((path, value))
            if is_array(value) or value is None or isinstance(value, bool | int | float | str):
                continue
            if id(value) in seen:
                continue
            seen.add(id(value))
            below += [Path(path.root, (*path.steps, step)) for step in children(value)]
        level = below
    return found


def children(value: Any) -> Iterator[tuple[Step, Any]]:
    """The steps that lead one level down from ``value``."""
    if isinstance(value, dict):
        yield from (("item", key) for key in dict.keys(value))
    elif isinstance(value, list | tuple):
        if hasattr(value, "_fields"):
            yield from (("attribute", name) for name in value._fields)
        else:
            yield from (("item", i) for i in range(len(value)))
    elif _is_users(value):
        own = getattr(value, "__dict__", {})
        yield from (("attribute", name) for name in own)
        for base in user_classes(type(value)):
            for name, item in vars(base).items():
                if name in own or name.startswith("__"):
                    continue
                if (
                    isinstance(item, types.MemberDescriptorType)
                    or is_array(item)
                    or (isinstance(item, property) and _is_worth_reading(name))
                ):
                    yield "attribute", name


def _is_worth_reading(name: str) -> bool:
    """A property runs the user's code: only those are read that are called like parameters or gradients."""
    return name in _PROPERTIES or any(looks_like_parameter(word) for word in (name, *gradient_bases(name)))


def _is_fixed(holder: Any, key: str) -> bool:
    found = getattr(type(holder), key, None)
    return isinstance(found, property) and found.fset is None


def _set_behind(holder: Any, key: str, new: Any) -> None:
    """A property that only reads: set what it reads, an attribute or an item of one; a value computed stays."""
    shown = _step(holder, "attribute", key)
    own = getattr(holder, "__dict__", {})
    for place in (own, *(item for item in own.values() if isinstance(item, dict))):
        for name, held in place.items():
            if held is shown and held is not None:
                dict.__setitem__(place, name, new)
                return


def _is_users(value: Any) -> bool:
    if isinstance(value, types.ModuleType | types.FunctionType | types.MethodType | type | str | bytes | None | int):
        return False
    return isinstance(value, types.SimpleNamespace) or is_user_module(type(value).__module__)


def _step(value: Any, kind: str, key: Any) -> Any:
    try:
        if kind == "attribute":
            return getattr(value, key)
        if kind == "cell":
            return value.cell_contents
        return dict.__getitem__(value, key) if isinstance(value, dict) else value[key]
    except Exception:  # a property is the user's code: one that raises has nothing to show now, whatever it raises
        return MISSING
