"""The layers at four sizes: the catalogue's own, a middle one, about 100,000 numbers, and 20 ms or more a pass."""

from typing import Any

import numpy as np
from layers.catalogue import Layer, entries

Array = np.ndarray[Any, Any]

SIZES = ("small", "middle", "100,000", "20 ms")
# The layers whose cost is measured; the others are only checked.
TIMED = (
    "linear",
    "conv_naive",
    "conv_im2col",
    "max_pool",
    "batch_norm",
    "layer_norm",
    "softmax_cross_entropy",
    "lstm_cell",
    "attention",
)
_LOOPS = ("conv_naive", "max_pool")
_WINDOWS = {"stride": 2, "pad": 1}

# Shapes of the floating-point inputs, in the order of the forward's arguments, and the options.
_SHAPES: dict[str, dict[str, tuple[list[tuple[int, ...]], dict[str, Any]]]] = {
    "linear": {
        "middle": ([(16, 20), (20, 12), (12,)], {}),
        "100,000": ([(200, 256), (256, 190), (190,)], {}),
        "20 ms": ([(1024, 512), (512, 512), (512,)], {}),
    },
    "relu": {
        "middle": ([(16, 20)], {}),
        "100,000": ([(400, 250)], {}),
        "20 ms": ([(4000, 1000)], {}),
    },
    "conv_naive": {
        "middle": ([(3, 2, 9, 8), (4, 2, 3, 3), (4,)], _WINDOWS),
        "100,000": ([(4, 16, 40, 39), (4, 16, 5, 4), (4,)], {"stride": 4, "pad": 0}),
        "20 ms": ([(2, 3, 20, 20), (4, 3, 3, 3), (4,)], {"stride": 1, "pad": 1}),
    },
    "conv_im2col": {
        "middle": ([(5, 3, 12, 11), (6, 3, 3, 3), (6,)], _WINDOWS),
        "100,000": ([(8, 8, 38, 40), (16, 8, 3, 3), (16,)], {"stride": 1, "pad": 1}),
        "20 ms": ([(16, 16, 32, 32), (32, 16, 3, 3), (32,)], {"stride": 1, "pad": 1}),
    },
    "max_pool": {
        "middle": ([(4, 3, 9, 9)], {"size": 3, "stride": 2}),
        "100,000": ([(8, 8, 40, 40)], {"size": 4, "stride": 4}),
        "20 ms": ([(16, 8, 56, 56)], {"size": 4, "stride": 4}),
    },
    "batch_norm": {
        "middle": ([(20, 16), (16,), (16,)], {}),
        "100,000": ([(400, 250), (250,), (250,)], {}),
        "20 ms": ([(8000, 500), (500,), (500,)], {}),
    },
    "layer_norm": {
        "middle": ([(20, 16), (16,), (16,)], {}),
        "100,000": ([(400, 250), (250,), (250,)], {}),
        "20 ms": ([(8000, 500), (500,), (500,)], {}),
    },
    "softmax_cross_entropy": {
        "middle": ([(24, 10)], {}),
        "100,000": ([(1000, 100)], {}),
        "20 ms": ([(20000, 250)], {}),
    },
    "lstm_cell": {
        "middle": ([(8, 10), (8, 12), (8, 12), (10, 48), (12, 48), (48,)], {}),
        "100,000": ([(64, 100), (64, 100), (64, 100), (100, 400), (100, 400), (400,)], {}),
        "20 ms": ([(384, 256), (384, 256), (384, 256), (256, 1024), (256, 1024), (1024,)], {}),
    },
    "attention": {
        "middle": ([(3, 7, 8), (3, 9, 8), (3, 9, 6)], {}),
        "100,000": ([(8, 64, 64), (8, 64, 64), (8, 64, 64)], {}),
        "20 ms": ([(20, 256, 64), (20, 256, 64), (20, 256, 64)], {}),
    },
    "dropout": {
        "middle": ([(16, 20)], {"keep": 0.6}),
        "100,000": ([(400, 250)], {}),
        "20 ms": ([(2000, 1000)], {}),
    },
    "embedding": {
        "middle": ([(30, 8)], {}),
        "100,000": ([(1000, 100)], {}),
        "20 ms": ([(4000, 500)], {}),
    },
}


def has_loops(name: str) -> bool:
    """Whether the layer is written in Python loops over positions."""
    return name in _LOOPS


def layers(size: str) -> list[Layer]:
    """Every layer at ``size``; the inputs are the same at every call."""
    return [layer if size == "small" else _sized(layer, size) for layer in entries()]


def _sized(layer: Layer, size: str) -> Layer:
    shapes, options = _SHAPES[layer.name][size]
    rng = np.random.default_rng(11)
    arrays = [_drawn(layer.name, k, shape, rng) for k, shape in enumerate(shapes)]
    if layer.name == "softmax_cross_entropy":
        arrays.append(rng.integers(0, shapes[0][1], shapes[0][0]))
    if layer.name == "embedding":
        arrays.insert(0, rng.integers(0, shapes[0][0], (shapes[0][0] // 2, 2)))
    return layer._replace(inputs=tuple(arrays), options=options)


def _drawn(name: str, place: int, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    drawn = rng.standard_normal(shape)
    if name.endswith("_norm"):
        return drawn * 3 + 1 if place == 0 else drawn + 2 if place == 1 else drawn
    if name == "softmax_cross_entropy":
        return drawn * 3
    fan_in = {"linear": 1, "lstm_cell": 3}.get(name)
    if (fan_in is not None and place >= fan_in and len(shape) == 2) or (name.startswith("conv") and place == 1):
        drawn /= np.sqrt(np.prod(shape[1:] if name.startswith("conv") else shape[:1]))
    return drawn
