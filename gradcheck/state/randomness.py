"""The sources of randomness a forward may draw from: remembered, seeded, put back."""

from __future__ import annotations

import functools
import math
import random
import sys
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

__all__ = ["Randomness", "gaussian", "is_generator", "own_generator", "random_direction", "seed_everything"]

# Whoever seeds with 0 draws the inputs from the same stream as a check seeded with 0: the upstream gradient would then
# be the input itself, number for number, and a transposed xᵀx passes for xᵀx. So every stream of ours begins elsewhere.
_ELSEWHERE = 0x67726164


def is_generator(value: object) -> bool:
    """Whether ``value`` is a random generator object whose state can be read and put back."""
    if isinstance(value, np.random.Generator | np.random.RandomState | np.random.BitGenerator | random.Random):
        return True
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Generator)


def own_generator(seed: int) -> np.random.Generator:
    """The generator that a check seeded with ``seed`` draws from; no stream that a user's seed gives."""
    return np.random.default_rng([seed, _ELSEWHERE])


# From so many numbers on, PyTorch's generator is used: it is three times as fast.
_MANY = 8192
_PERIOD = 4099


def gaussian(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Standard normal numbers; many of them in single precision, for directions and upstream gradients need no more."""
    if math.prod(shape) < _MANY:
        return np.asarray(rng.standard_normal(shape))
    import torch

    drawing = torch.Generator().manual_seed(int(rng.integers(2**62)))
    return np.asarray(torch.randn(shape, generator=drawing).numpy().astype(np.float64))


def random_direction(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Normal numbers to move an array by; of a large one, a few thousand that come again and again.

    Each time they come with another sign and another length, so that no two parts of an array are moved alike and
    what differs in any pattern of entries is seen: only numbers on a set of measure zero would hide it. The period is a
    prime, and so no row's.
    """
    size = math.prod(shape)
    if size < 2 * _PERIOD:
        return np.asarray(rng.standard_normal(shape))
    count = -(-size // _PERIOD)
    lengths = rng.uniform(0.75, 1.25, count) * rng.choice([-1.0, 1.0], count)
    rows = np.asarray(lengths[:, None] * rng.standard_normal(_PERIOD), dtype=np.float64)
    return rows.reshape(-1)[:size].reshape(shape)


def seed_everything(seed: int) -> None:
    """Seed the global generators of NumPy, ``random`` and (when it is loaded) PyTorch."""
    seed = (seed + _ELSEWHERE) % 2**32
    np.random.seed(seed)
    random.seed(seed)
    torch = sys.modules.get("torch")
    if torch is not None:
        # torch.manual_seed also queues a call for each kind of device that is not there, with a formatted stack: 2 ms
        torch.default_generator.manual_seed(seed)
        for seed_device in _devices():
            seed_device(seed)


@functools.cache
def _devices() -> tuple[Callable[[int], None], ...]:
    """How the accelerators of this machine are seeded."""
    import torch

    kinds = [
        (torch.cuda.is_available(), torch.cuda.manual_seed_all),
        (torch.backends.mps.is_available(), torch.mps.manual_seed),
    ]
    return tuple(seed for present, seed in kinds if present)


def _read(generator: Any) -> Any:
    if isinstance(generator, np.random.Generator):
        return generator.bit_generator.state
    if isinstance(generator, np.random.BitGenerator):
        return generator.state
    if isinstance(generator, random.Random):
        return generator.getstate()
    return generator.get_state()


def _write(generator: Any, state: Any) -> None:
    if isinstance(generator, np.random.Generator):
        generator.bit_generator.state = state
    elif isinstance(generator, np.random.BitGenerator):
        generator.state = state
    elif isinstance(generator, random.Random):
        generator.setstate(state)
    else:
        generator.set_state(state)


class Randomness:
    """The state of the global generators and of those in ``generators`` at the time of making."""

    def __init__(self, generators: Iterable[Any] = ()) -> None:
        self._own = [(generator, _read(generator)) for generator in generators]
        self._numpy = np.random.get_state()
        self._python = random.getstate()
        torch = sys.modules.get("torch")
        self._torch = None if torch is None else torch.get_rng_state()
        cuda = torch is not None and torch.cuda.is_initialized()
        self._cuda = torch.cuda.get_rng_state_all() if torch is not None and cuda else None

    def restore(self, own_only: bool = False) -> None:
        """Put every remembered state back; with ``own_only`` those of the user's own generators alone."""
        for generator, state in self._own:
            _write(generator, state)
        if own_only:
            return
        np.random.set_state(self._numpy)
        random.setstate(self._python)
        torch = sys.modules.get("torch")
        if torch is not None and self._torch is not None:
            torch.set_rng_state(self._torch)
            if self._cuda is not None:
                torch.cuda.set_rng_state_all(self._cuda)
