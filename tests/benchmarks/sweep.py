"""Planted wrong gradients: how many of them are caught, and every one that is not."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from layers.catalogue import Layer
from planted import check, draw_upstreams, misjudged, plants, redrawn
from sizes import layers
from tables import Table

_HEADER = ["layer", "truth", "dtype", "planted", "caught", "right ones blamed", "changed too little"]
# A gradient counts as wrong when it is changed by more than this share of its norm: where autograd can follow the
# forward, in either precision (float32 rounds more in longer sums); and where only numerical differences are to be had.
_SMALLEST = {"middle": {"float64": 1e-6, "float32": 2e-5}, "100,000": {"float64": 1e-6, "float32": 1e-4}}
_SMALLEST_NUMERIC = 1e-4


def table(seeds: int, size: str = "middle", quick: bool = False) -> Table:
    """All kinds in all layers, a few seeds each, with autograd and (at middle size) with numerical differences alone.

    ``quick``: in float64 with autograd only.
    """
    made = Table(f"Planted wrong gradients, {size}, {seeds} seed{'s' if seeds > 1 else ''}", _HEADER)
    limits = _SMALLEST[size]
    for layer in layers(size):
        for dtype, smallest in limits.items():
            if not (quick and dtype != "float64"):
                made.rows.append(_row(layer, "autograd", dtype, smallest, seeds, made.remarks))
        if size == "middle" and not quick:
            opaque = layer._replace(forward=_opaque(layer))
            made.rows.append(_row(opaque, "numeric alone", "float64", _SMALLEST_NUMERIC, 1, made.remarks))
    planted, caught, blamed = (sum(int(row[k]) for row in made.rows) for k in (3, 4, 5))
    made.rows.append(["all", "", "", str(planted), str(caught), str(blamed), ""])
    made.remarks.append(
        "counted: plants that change a gradient by more than "
        + ", ".join(f"{limit:g} of its norm in {dtype}" for dtype, limit in limits.items())
        + f", {_SMALLEST_NUMERIC:g} with numerical differences alone"
    )
    return made


def _row(base: Layer, truth: str, dtype: str, smallest: float, seeds: int, remarks: list[str]) -> list[str]:
    planted = caught = blamed = skipped = 0
    for seed in range(seeds):
        layer = redrawn(base, seed, dtype)
        for made in plants(layer, draw_upstreams(layer, seed), first=seed):
            if all(change <= smallest for change in made.changes.values()):
                skipped += 1
                continue
            faults = misjudged(made, check(layer, made.upstreams, made), smallest)
            missed = [fault for fault in faults if "is right" in fault or "undecided" in fault or "is ok" in fault]
            planted += 1
            caught += not missed
            blamed += len(faults) > len(missed)
            remarks += [f"{layer.name} ({truth}, {dtype}, seed {seed}): {made.kind}: {fault}" for fault in faults]
    return [base.name, truth, dtype, str(planted), str(caught), str(blamed), str(skipped)]


def _opaque(layer: Layer) -> Any:
    """The layer's forward behind a wall: its inputs leave the trace as bytes."""

    def forward(*inputs: Any, **options: Any) -> Any:
        return layer.forward(*_through_bytes(inputs), **options)

    forward.__wrapped__ = layer.forward  # type: ignore[attr-defined]  # the names of the arguments
    return forward


def _through_bytes(inputs: tuple[Any, ...]) -> Iterator[Any]:
    for x in inputs:
        yield np.frombuffer(x.tobytes(), x.dtype).reshape(x.shape).copy()
