"""How often the error bar of a numeric derivative covers the true one, and how wide it is."""

import math
import statistics
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from tables import Table

from gradcheck.layers import adapt
from gradcheck.witnesses.derivative import Estimate
from gradcheck.witnesses.numeric import Numeric
from gradcheck.witnesses.numpy_subject import NumpySubject

Array = np.ndarray[Any, Any]

# f and f′, smooth around the points from 0.3 to 3 in size that they are taken at
FUNCTIONS: dict[str, tuple[Callable[[Array], Array], Callable[[Array], Array]]] = {
    "x²": (np.square, lambda x: 2 * x),
    "x³ − 2x": (lambda x: x**3 - 2 * x, lambda x: 3 * x**2 - 2),
    "sin 7x": (lambda x: np.sin(7 * x), lambda x: 7 * np.cos(7 * x)),
    "exp x": (np.exp, np.exp),
    "log |x|": (lambda x: np.log(np.abs(x)), lambda x: 1 / x),
    "1 / (x² + 0.01)": (lambda x: 1 / (x * x + 0.01), lambda x: -2 * x / (x * x + 0.01) ** 2),
    "tanh 5x": (lambda x: np.tanh(5 * x), lambda x: 5 / np.cosh(5 * x) ** 2),
    "√|x|": (lambda x: np.sqrt(np.abs(x)), lambda x: np.sign(x) / (2 * np.sqrt(np.abs(x)))),
    "x + 100": (lambda x: x + 100, np.ones_like),
    "4": (lambda x: 4 + 0 * x, np.zeros_like),
}
PRECISIONS = ("float64", "float32", "float16", "float32 inside", "float16 inside")
DISTURBANCES = ("none", "noise", "jump beside", "corner beside")


class Case(NamedTuple):
    """One function of four numbers at one scale of its argument and its value, and how it is disturbed."""

    function: str
    argument: float
    value: float
    precision: str
    disturbance: str
    size: float
    """The noise relative to the value, or how far the jump or corner is, relative to the argument."""
    seed: int


def cases(precision: str, disturbance: str, count: int) -> Iterator[Case]:
    """``count`` of them, over twelve orders of magnitude of the argument and of the value."""
    rng = np.random.default_rng([PRECISIONS.index(precision), DISTURBANCES.index(disturbance)])
    names = list(FUNCTIONS)
    for seed in range(count):
        reach = 6.0 if "16" not in precision else 1.0  # float16 has five orders in all
        argument, value = 10.0 ** rng.uniform(-reach, reach, 2)
        low, high = (-12, -2) if disturbance == "noise" else (-5, 0)
        yield Case(
            names[seed % len(names)], argument, value, precision, disturbance, 10.0 ** rng.uniform(low, high), seed
        )


def told(case: Case) -> tuple[Estimate, float, float]:
    """What is said of one entry, the truth, and the size of the four derivatives."""
    rng = np.random.default_rng(case.seed)
    x = rng.uniform(0.3, 3, 4) * rng.choice([-1, 1], 4)
    upstream = rng.standard_normal(4)
    function, slope = FUNCTIONS[case.function]
    dtype = np.dtype(case.precision.partition(" ")[0])
    beside = x * (1 + case.size * rng.choice([-1, 1], 4))

    def forward(x: Array) -> Array:
        u = x / case.argument
        out = function(u)
        if case.disturbance == "noise":
            out = out * (1 + case.size * _scrambled(u))
        if case.disturbance == "jump beside":
            out = out + 0.1 * (u > beside)
        if case.disturbance == "corner beside":
            out = out + np.where(beside > here, np.maximum(u - beside, 0), np.minimum(u - beside, 0))
        with np.errstate(all="ignore"):
            out = (case.value * out).astype(dtype)
        return out.astype(np.float64) if "inside" in case.precision else out

    here = x
    subject = NumpySubject(adapt((forward, lambda dout, x: dout, x * case.argument)), seed=0)
    values = {"x": x * case.argument}
    known = [forward(x * case.argument)] if case.precision in ("float64", "float32 inside", "float16 inside") else None
    numeric = Numeric(subject, values, [upstream], known)
    scale = case.value / case.argument
    true = upstream * slope(x) * scale
    length = float(np.linalg.norm(true))
    found = numeric.entry("x", (1,), 1e-7 * length / 2)
    subject.restore()
    return found, float(true[1]), float(np.linalg.norm(upstream * np.maximum(np.abs(slope(x)), 1.0))) * scale


def _scrambled(x: Array) -> Array:
    """A number in ±1 for every float, that changes with its last digit."""
    bits = np.ascontiguousarray(x, np.float64).view(np.uint64)
    with np.errstate(over="ignore"):
        mixed = (bits ^ (bits >> np.uint64(31))) * np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
    return (mixed >> np.uint64(11)).astype(np.float64) * 2.0**-52 - 1.0


class Coverage(NamedTuple):
    """How many derivatives there were, of how many something was said, how many bars missed, and the median bar."""

    total: int
    told: int
    missed: list[tuple[Case, float]]
    width: float


def coverage(precision: str, disturbance: str, count: int) -> Coverage:
    """Over ``count`` cases; each miss with how many bars away the truth was."""
    said, missed, widths = 0, [], []
    for case in cases(precision, disturbance, count):
        found, true, scale = told(case)
        if not math.isfinite(found.error):
            continue
        said += 1
        widths.append(found.error / scale)
        if not found.fits(true, 4e-16 * abs(true)):
            missed.append((case, abs(found.value - true) / max(found.error, 1e-300)))
    return Coverage(count, said, missed, statistics.median(widths) if widths else math.nan)


def table(count: int) -> Table:
    """Every precision with every disturbance."""
    made = Table(
        f"Error bars of numeric derivatives, {count:,} each",
        ["forward", "disturbed by", "told", "covered", "of those told", "median bar / |f′|"],
    )
    for precision in PRECISIONS:
        for disturbance in DISTURBANCES:
            found = coverage(precision, disturbance, count)
            covered = found.told - len(found.missed)
            share = f"{100 * covered / found.told:.2f} %" if found.told else "-"
            made.rows.append([precision, disturbance, f"{found.told:,}", f"{covered:,}", share, f"{found.width:.0e}"])
            for case, times in sorted(found.missed, key=lambda one: -one[1])[:2]:
                made.remarks.append(
                    f"missed by {times:.1f} bars: {case.function} of {case.precision}, {case.disturbance} "
                    f"{case.size:.0e}, argument {case.argument:.0e}, value {case.value:.0e}"
                )
    made.remarks.append(
        "told: a finite bar was given. A derivative beside a jump or corner that no step resolves may be told wrong: "
        "there the verdict rests on autograd and on other points."
    )
    return made
