"""The kinds of wrong gradient that can be made of a right one, whatever the layer."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from layers.catalogue import Layer

Array = np.ndarray[Any, Any]
Arrays = tuple[Array, ...]


@dataclass(frozen=True)
class Point:
    """Where the gradient was taken, for the mistakes that need to know more than the gradient."""

    layer: Layer
    index: int  # which of the gradients is spoilt
    inputs: Arrays  # all of them, integers too
    upstreams: Arrays
    gradients: Arrays
    cache: Any

    @property
    def value(self) -> Array:
        """The array whose gradient is spoilt."""
        return differentiable(self.inputs)[self.index]

    def rng(self) -> np.random.Generator:
        """The same numbers at every call, for a backward that answers differently each time is another mistake."""
        return np.random.default_rng(7)

    def at_upstreams(self, upstreams: Arrays) -> Array:
        """The right gradient for other upstream gradients."""
        return as_tuple(self.layer.backward(*upstreams, self.cache))[self.index]

    def of_sample(self, k: int) -> Array | None:
        """The right gradient when only sample ``k`` counts; None for a layer that gives one number."""
        if not all(u.ndim for u in self.upstreams):
            return None
        kept = tuple(np.zeros_like(u) for u in self.upstreams)
        for new, old in zip(kept, self.upstreams, strict=True):
            new[k] = old[k]
        return self.at_upstreams(kept)


def as_tuple(gradients: Any) -> Arrays:
    """One gradient or several, as a tuple."""
    return gradients if isinstance(gradients, tuple) else (gradients,)


def differentiable(inputs: Arrays) -> Arrays:
    """The floating-point ones."""
    return tuple(x for x in inputs if x.dtype.kind == "f")


def _rms(g: Array) -> float:
    return float(np.sqrt(np.mean(np.square(g, dtype=np.float64))))


def _permuted(g: Array) -> Array | None:
    if g.ndim < 3:
        return None
    return g.transpose(*range(1, g.ndim), 0).reshape(g.shape)


def _transposed(g: Array) -> Array | None:
    return g.T.reshape(g.shape) if g.ndim == 2 and min(g.shape) > 1 else None


def _rotated(g: Array) -> Array | None:
    return g[..., ::-1, ::-1] if g.ndim >= 2 else None


def _one_entry(g: Array, factor: float) -> Array:
    spoilt = g.copy()
    # one that counts: in a max-pool most are zero
    order = np.argsort(np.abs(g), axis=None)
    chosen = order[(3 * order.size) // 4]
    where = np.unravel_index(chosen if g.flat[chosen] != 0 else order[-1], g.shape)
    spoilt[where] *= factor
    return spoilt


def _last_row_zero(g: Array) -> Array:
    spoilt = g.copy()
    spoilt[-1] = 0
    return spoilt


def _batch(at: Point) -> int:
    return at.upstreams[0].shape[0] if at.upstreams[0].ndim else at.inputs[0].shape[0]


def _clipped_by_norm(g: Array, at: Point) -> Array:
    # a limit that does not move with the upstream gradient: half the length at upstreams of ones
    limit = 0.5 * np.linalg.norm(at.at_upstreams(tuple(np.ones_like(u) for u in at.upstreams)).ravel())
    length = np.linalg.norm(g.ravel())
    return g * min(1.0, limit / length) if length > 0 else g


def _unsummed(_: Array, at: Point) -> Array | None:
    if at.value.ndim != 1 or at.upstreams[0].ndim == 0:
        return None
    return np.stack([g for k in range(_batch(at)) if (g := at.of_sample(k)) is not None])


def _copied(g: Array, at: Point) -> Array | None:
    others = [h for k, h in enumerate(at.gradients) if k != at.index and h.shape == g.shape]
    return others[0] if others else None


def _stale_upstream(_: Array, at: Point) -> Array:
    rng = at.rng()
    return at.at_upstreams(tuple(rng.standard_normal(u.shape).astype(u.dtype) for u in at.upstreams))


def _stale_cache(_: Array, at: Point) -> Array:
    rng = at.rng()
    other = [x + rng.standard_normal(x.shape).astype(x.dtype) if x.dtype.kind == "f" else x for x in at.inputs]
    *_, cache = at.layer.forward(*other, **at.layer.options)
    return as_tuple(at.layer.backward(*at.upstreams, cache))[at.index]


_OF_THE_ARRAY: dict[str, Callable[[Array], Array | None]] = {
    "negated": lambda g: -g,
    "doubled": lambda g: 2 * g,
    "halved": lambda g: g / 2,
    "1 % too large": lambda g: 1.01 * g,
    "0.001 % too large": lambda g: (1 + 1e-5) * g,
    "transposed": _transposed,
    "axes permuted": _permuted,
    "flipped along the first axis": lambda g: g[::-1],
    "flipped along the last axis": lambda g: g[..., ::-1],
    "rotated by 180°": _rotated,
    "rolled by one": lambda g: np.roll(g, 1, axis=-1),
    "zero": np.zeros_like,
    "one entry doubled": lambda g: _one_entry(g, 2),
    "one entry zero": lambda g: _one_entry(g, 0),
    "one entry negated": lambda g: _one_entry(g, -1),
    "last row zero": _last_row_zero,
    "clipped by value": lambda g: np.clip(g, -np.abs(g).max() / 2, np.abs(g).max() / 2),
    "rounded to float16": lambda g: g.astype(np.float16),
    "its sign": np.sign,
    "its absolute value": np.abs,
    "normalised": lambda g: g / max(float(np.linalg.norm(g.ravel())), 1e-300),
    "a constant added": lambda g: g + 1e-4 * _rms(g),
}

_OF_THE_POINT: dict[str, Callable[[Array, Point], Array | None]] = {
    "divided by the batch": lambda g, at: g / _batch(at),
    "times the batch": lambda g, at: g * _batch(at),
    "first sample only": lambda _, at: at.of_sample(0),
    "last sample only": lambda _, at: at.of_sample(-1),
    "clipped by norm": _clipped_by_norm,
    "weight decay added": lambda g, at: g + 1e-2 * at.value,
    "another array's": _copied,
    "times its array": lambda g, at: g * at.value,
    "stale upstream gradient": _stale_upstream,
    "stale cache": _stale_cache,
    "upstream gradient ignored": lambda _, at: at.at_upstreams(tuple(np.ones_like(u) for u in at.upstreams)),
    "not summed over the batch": _unsummed,
    "noise of 0.001 %": lambda g, at: g + 1e-5 * _rms(g) * at.rng().standard_normal(g.shape),
}

KINDS = (*_OF_THE_ARRAY, *_OF_THE_POINT)


def spoilt(gradient: Array, kind: str, at: Point) -> Array | None:
    """``gradient`` made wrong; None where this kind does not fit it."""
    found = _OF_THE_ARRAY[kind](gradient) if kind in _OF_THE_ARRAY else _OF_THE_POINT[kind](gradient, at)
    return None if found is None else np.array(found, dtype=gradient.dtype)
