"""One place that holds a value and can be made to hold another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["MISSING", "Slot"]


class _Missing:
    def __repr__(self) -> str:
        return "<missing>"


MISSING = _Missing()


@dataclass(frozen=True, slots=True, eq=False)
class Slot:
    """A dict or list item, an attribute, a closure cell, a class attribute or an argument of a partial.

    A dict's item may be one that is not there yet: it holds ``MISSING``, and is taken away where that is put back.

    Reading and writing go past anything the user's class overrides (``__setattr__`` of a frozen dataclass,
    ``__setitem__`` of a dict subclass): putting a value aside and back must not run user code.
    """

    container: Any
    key: Any
    kind: Literal["item", "attribute", "cell", "class", "partial"]
    path: str

    def get(self) -> Any:
        """The value held now, or ``MISSING`` when the place no longer exists."""
        try:
            if self.kind == "item":
                if isinstance(self.container, dict):
                    return dict.__getitem__(self.container, self.key)
                return self.container[self.key]
            if self.kind == "cell":
                return self.container.cell_contents
            if self.kind == "class":
                return vars(self.container)[self.key]
            if self.kind == "partial":
                return self.container.args[self.key]
            return object.__getattribute__(self.container, self.key)
        except (KeyError, IndexError, ValueError, AttributeError):
            return MISSING

    def set(self, value: Any) -> None:
        """Make the place hold ``value``."""
        if self.kind == "item":
            if isinstance(self.container, dict) and value is MISSING:
                dict.pop(self.container, self.key, None)
            elif isinstance(self.container, dict):
                dict.__setitem__(self.container, self.key, value)
            elif isinstance(self.container, list):
                list.__setitem__(self.container, self.key, value)
            else:
                self.container[self.key] = value
        elif self.kind == "cell":
            self.container.cell_contents = value
        elif self.kind == "class":
            type.__setattr__(self.container, self.key, value)
        elif self.kind == "partial":
            args = list(self.container.args)
            args[self.key] = value
            part = self.container
            part.__setstate__((part.func, tuple(args), part.keywords, part.__dict__))
        else:
            object.__setattr__(self.container, self.key, value)
