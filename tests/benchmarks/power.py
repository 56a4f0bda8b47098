"""The smallest error caught, as a function of size and dtype, against the power that the report states."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from tables import Table

from gradcheck import check_layer
from gradcheck.power import Power, rounded_up
from gradcheck.report import Report

Array = np.ndarray[Any, Any]

RATIOS = (0.1, 0.5, 1.0, 2.0, 10.0)
SIZES = (10, 32, 100, 316, 1000)  # of a square weight: 1e2 to 1e6 entries
# So little above what is stated that rounding of the numbers themselves does not decide.
_JUST = 1 + 1e-6


@dataclass
class _Linear:
    """x @ w with a backward whose dw is off as ``spoil`` says; one forward can be traced, one cannot."""

    spoil: Callable[[Array], Array] | None = None

    def forward(self, x: Array, w: Array) -> Any:
        return x @ w, (x, w)

    def opaque(self, x: Array, w: Array) -> Any:
        def plain(a: Array) -> Array:
            return np.frombuffer(a.tobytes(), a.dtype).reshape(a.shape)

        return plain(x) @ plain(w), (x, w)

    def backward(self, dout: Array, cache: Any) -> Any:
        x, w = cache
        dw = x.T @ dout
        return dout @ w.T, dw if self.spoil is None else self.spoil(dw)


def table(trials: int, sizes: tuple[int, ...] = SIZES) -> Table:
    """Errors planted at multiples of what is stated: the share of them that was caught."""
    made = Table(
        "Errors planted at multiples of the stated power: caught, in per cent",
        ["compared", "dtype", "entries", "planted", "stated", *[f"{r:g} ×" for r in RATIOS], "trials each"],
    )
    missed = planted = 0
    cases = [("entry by entry", d) for d in ("float64", "float32", "float16")]
    cases += [("by probes", d) for d in ("float64", "float32")]
    for how, dtype in cases:
        for size in sizes:
            count = max(2, min(trials, trials * 100 // size))
            for kind in ("one entry", "all entries", "of the entry itself"):
                row, power = [], None
                for ratio in RATIOS:
                    caught = 0
                    for trial in range(count):
                        found = _trial(how, dtype, size, kind, ratio, trial)
                        if found is None:
                            break
                        power, seen = found
                        caught += seen
                    else:
                        row.append(f"{100 * caught / count:.4g}")
                        if ratio >= 1:
                            planted, missed = planted + count, missed + count - caught
                if power is not None:
                    stated = power.each if kind == "of the entry itself" else power.norm
                    if kind == "one entry":
                        stated = power.typical
                    made.rows.append(
                        [how, dtype, f"{size * size:,}", kind, rounded_up(stated or 0.0), *row, str(count)]
                    )
    made.remarks.append(f"planted at 1 × and above: {planted}; missed: {missed} ({100 * missed / planted:.3g} %)")
    made.remarks.append(
        "stated: one entry, as a share of a typical entry (root mean square); all entries, as a share of the norm"
    )
    return made


def _trial(how: str, dtype: str, size: int, kind: str, ratio: float, seed: int) -> tuple[Power, bool] | None:
    """The power stated by a check of the right layer, and whether the error was caught; None where none is stated."""
    power = _stated(how, dtype, size, seed)
    if kind == "of the entry itself" and power.each is None:
        return None
    share = ratio * (_JUST if ratio >= 1 else 1)

    def spoil(dw: Array) -> Array:
        rng = np.random.default_rng([seed, 7])  # the same error at each call, as a fault in the code would be
        off = dw.astype(np.result_type(dw, np.float64))
        where = tuple(rng.integers(0, size, 2))
        sign = rng.choice([-1.0, 1.0])
        if kind == "one entry":
            off[where] += sign * share * power.entry
        elif kind == "all entries":
            noise = rng.standard_normal(dw.shape)
            off += noise * (share * (power.norm or 0.0) * np.linalg.norm(off) / np.linalg.norm(noise))
        else:
            off[where] *= 1 + sign * share * (power.each or 0.0)
        return off.astype(dw.dtype)

    report = _check(how, dtype, size, seed, _Linear(spoil))
    return power, any(g.name == "dw" and g.verdict == "wrong" for g in report.gradients)


@functools.cache
def _stated(how: str, dtype: str, size: int, seed: int) -> Power:
    right = _check(how, dtype, size, seed, _Linear())
    power = next(g for g in right.gradients if g.name == "dw").power
    if power is None or power.norm is None or not right.ok:
        raise AssertionError(f"{how}, {dtype}, {size}: a right layer states no power: {right}")
    return power


def _check(how: str, dtype: str, size: int, seed: int, layer: _Linear) -> Report:
    rng = np.random.default_rng([seed, size])
    arrays = rng.standard_normal((4, size)).astype(dtype), rng.standard_normal((size, size)).astype(dtype)
    forward = layer.forward if how == "entry by entry" else layer.opaque
    return check_layer(forward, layer.backward, *arrays, seed=seed, budget=0, raises=False)
