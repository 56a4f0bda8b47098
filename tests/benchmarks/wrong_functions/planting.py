"""Mistakes planted one at a time in the backward of a Function, each with the codes that name its cause."""

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

__all__ = ["Planted", "Wrong", "normal", "planted"]

Function = type[torch.autograd.Function]


class Wrong(NamedTuple):
    """A Function with one mistake ("" for none), what it is checked with, and the codes that are right for it."""

    name: str
    mistake: str
    function: Function
    inputs: Sequence[Any]
    codes: frozenset[str]
    constants: tuple[str, ...]


class Planted(NamedTuple):
    """A Function by the mistake in its backward, what it is checked with, and the codes by the mistake."""

    make: Callable[[str], Function]
    inputs: Sequence[Any]
    codes: Mapping[str, str]
    constants: tuple[str, ...]

    def each(self) -> Iterator[Wrong]:
        """It without a mistake, then with each."""
        for mistake in ("", *self.codes):
            function = self.make(mistake)
            codes = frozenset(self.codes.get(mistake, "").split())
            yield Wrong(function.__name__, mistake, function, self.inputs, codes, self.constants)


def planted(
    into: list[Planted], inputs: Sequence[Any], codes: Mapping[str, str], constants: str = ""
) -> Callable[[Callable[[str], Function]], Callable[[str], Function]]:
    """Put what makes a Function by its mistake ``into`` a list.

    ``codes`` are those of a mistake between blanks, ``constants`` the names of inputs that get no gradient.
    """

    def put(make: Callable[[str], Function]) -> Callable[[str], Function]:
        into.append(Planted(make, inputs, codes, tuple(constants.split())))
        return make

    return put


def normal(name: str, *shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    """Normal numbers, the same ones for a name and a shape."""
    seed = torch.Generator().manual_seed(zlib.crc32(f"{name} {shape}".encode()))
    return torch.randn(*shape, generator=seed, dtype=torch.float64).to(dtype)
