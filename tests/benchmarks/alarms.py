"""Right layers over many seeds: no alarm may be raised, and how near to its limit the rounding of each came."""

from collections import defaultdict

from layers.catalogue import Layer
from planted import check, draw_upstreams, redrawn
from sizes import layers
from tables import Table

_HEADER = ["set", "layer", "size", "dtype", "checks", "gradients", "alarms", "undecided", "largest error / limit"]
# The limits of the yardstick may be looked at with these in hand; the others only ever tell whether they hold.
TUNING = ("linear", "relu", "conv_naive", "conv_im2col", "softmax_cross_entropy", "layer_norm")


def table(seeds: int, sizes: tuple[str, ...] = ("small", "middle")) -> Table:
    """Every layer, ``seeds`` seeds, in float64, float32 and float16."""
    made = Table(f"False alarms on right layers, {seeds} seeds", _HEADER)
    nearest: dict[tuple[str, str], float] = defaultdict(float)
    for size in sizes:
        for layer in sorted(layers(size), key=lambda one: one.name not in TUNING):
            for dtype in ("float64", "float32", "float16"):
                row, ratio = _row(layer, size, dtype, seeds, made.remarks)
                made.rows.append(row)
                nearest[row[0], dtype] = max(nearest[row[0], dtype], ratio)
    total = [str(sum(int(row[k]) for row in made.rows)) for k in (4, 5, 6, 7)]
    made.rows.append(["all", "", "", "", *total, ""])
    made.remarks += [
        f"largest error / limit, {which} layers, {dtype}: {r:.2g}" for (which, dtype), r in nearest.items()
    ]
    return made


def _row(base: Layer, size: str, dtype: str, seeds: int, remarks: list[str]) -> tuple[list[str], float]:
    gradients = alarms = undecided = 0
    ratio = 0.0
    for seed in range(seeds):
        layer = redrawn(base, seed, dtype)
        report = check(layer, draw_upstreams(layer, seed))
        for g in report.gradients:
            if g.verdict == "not differentiated":
                continue
            gradients += 1
            alarms += g.verdict == "wrong"
            undecided += g.verdict == "undecided"
            if g.verdict != "right":
                remarks.append(f"{base.name} ({size}, {dtype}, seed {seed}): {g.name} is {g.verdict}: {g.reason}")
            if g.relative_error is not None and g.limit:
                ratio = max(ratio, g.relative_error / g.limit)
        remarks += [f"{base.name} ({size}, {dtype}, seed {seed}): {f.code} {f.title}" for f in report.findings]
        alarms += any(f.severity == "error" for f in report.findings)
    which = "tuning" if base.name in TUNING else "held out"
    counts = [str(n) for n in (seeds, gradients, alarms, undecided)]
    return [which, base.name, size, dtype, *counts, f"{ratio:.2g}"], ratio
