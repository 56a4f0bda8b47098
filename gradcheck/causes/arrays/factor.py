"""A gradient that is a constant times the true one."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator

import numpy as np

from gradcheck.causes.candidate import Array, Candidate, Sized
from gradcheck.causes.case import Case
from gradcheck.causes.factors import Factor, factor
from gradcheck.causes.stage import Stage
from gradcheck.difference import nearest_multiple

__all__ = ["candidates", "meant", "scaled"]


def candidates(stage: Stage, name: str) -> Iterator[Candidate]:
    """The factor that comes closest, with what it may stand for."""
    true, yours = stage.prediction[name], stage.case.yours[name]
    if yours.shape != true.shape or yours.size < 2:
        return  # a single number is a multiple of any other: that explains nothing
    ratio = nearest_multiple(true, yours)
    if ratio is None or not 1e-9 < abs(ratio) < 1e9 or abs(abs(ratio) - 1) < 1e-5:
        return
    told = meant(stage.case, name, ratio)
    yield Candidate(
        "GC201",
        f"is {told.shown} times the true gradient{told.meaning}",
        (name,),
        transform=functools.partial(scaled, ratio=ratio),
        help=(*([told.help] if told.help else []), *_beside(stage.case, name, ratio, told)),
        short="a constant factor",
        size=Sized(ratio, told.meaning, functools.partial(_at, name)),
        cost=0.6 if told.help else 2.0,
        is_remark=not told.help,
    )


def _at(name: str, case: Case) -> float | None:
    return nearest_multiple(case.true[name], case.yours[name]) if name in case.yours else None


def _beside(case: Case, name: str, ratio: float, told: Factor) -> Iterator[str]:
    """What the right gradients of the same layer say: they and this one are not treated alike."""
    batch = re.search(r"the batch size, (\d+)", told.meaning)
    if batch is None or "times" in told.meaning:
        return
    one_loss = all(np.ndim(u) == 0 for u in case.upstreams)
    if abs(ratio) > 1 and not one_loss:
        return
    for other, true in case.true.items():
        if other == name or _layer(other) != _layer(name) or other not in case.yours or not np.any(true):
            continue
        of_samples = np.ndim(true) > 0 and len(true) == int(batch[1])
        if not of_samples and case.explains(other, true):
            how = ("once more than" if one_loss else "unlike") if abs(ratio) < 1 else "once less than"
            yield (
                f"{case.called(name)} is averaged over the batch {how} {case.called(other)}, which is right: "
                "treat both alike"
            )
            return


def _layer(name: str) -> str:
    """What the names of one layer's arrays share: W1 and b1, layers[0].W and layers[0].b."""
    owner, dot, last = name.rpartition(".")
    return owner + dot + "".join(c for c in last if c.isdecimal())


def meant(case: Case, name: str, ratio: float) -> Factor:
    """What a factor may stand for, by the sizes of the arrays around it."""
    upstream = case.upstreams[0] if len(case.upstreams) == 1 else None
    return factor(ratio, case.called(name), dict(case.values), upstream, lambda: case.result_shapes)


def scaled(case: Case, name: str, true: Array, ratio: float) -> Array | None:
    """The multiple found at first, or the one that means the same where sizes are others."""
    if name not in case.yours:
        return None
    if not np.any(true):
        return ratio * true  # another batch may have no sample that counts
    here = nearest_multiple(true, case.yours[name]) or 0.0
    if abs(here - ratio) <= 1e-6 * abs(ratio):
        return ratio * true
    by_chance_one = abs(here - 1) <= 1e-6  # 4 samples over 3 classes, and a sample fewer
    return here * true if by_chance_one or meant(case, name, here).meaning else None
