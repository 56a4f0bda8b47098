"""Every kind of wrong gradient is caught in every layer, and no right gradient beside it is blamed."""

import pytest
from layers.catalogue import entries
from planted import Plant, check, draw_upstreams, misjudged, names, plants, redrawn
from planted_kinds import KINDS

from gradcheck.report import GradientResult, Report, Verdict

LAYERS = {layer.name: layer for layer in entries()}
PLANTS = [
    made
    for layer in (redrawn(layer, 1) for layer in LAYERS.values())
    for made in plants(layer, draw_upstreams(layer, 1))
    if not made.is_skipped
]
ROUNDED = [(dtype, seed) for dtype, count in (("float64", 3), ("float32", 3), ("float16", 2)) for seed in range(count)]


@pytest.mark.parametrize("made", PLANTS, ids=lambda made: f"{made.layer.name}: {made.kind}")
def test_a_planted_wrong_gradient_is_caught_and_only_that_one(made: Plant) -> None:
    report = check(made.layer, made.upstreams, made, budget=0)  # the causes are looked for by a benchmark
    assert misjudged(made, report) == []
    assert not report.ok


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize(("dtype", "seed"), ROUNDED)
def test_a_right_layer_raises_no_alarm(name: str, dtype: str, seed: int) -> None:
    layer = redrawn(LAYERS[name], seed, dtype)
    report = check(layer, draw_upstreams(layer, seed))
    compared = [g for g in report.gradients if g.verdict != "not differentiated"]
    assert [g.of for g in compared] == names(layer)
    assert [f"{g.name} {g.verdict}: {g.reason}" for g in compared if g.verdict != "right"] == []
    assert report.findings == ()
    assert report.ok


@pytest.mark.parametrize("verdicts", [["undecided"], ["right", "undecided"], ["undecided", "not differentiated"], []])
def test_undecided_never_passes(verdicts: list[Verdict]) -> None:
    gradients = tuple(GradientResult("", f"d{k}", str(k), (2,), "float64", v) for k, v in enumerate(verdicts))
    assert not Report("layer", "layer", "a pair", "float64", 0, gradients).ok


def test_the_plants_are_many() -> None:
    layers = {made.layer.name for made in PLANTS}
    planted = {(made.layer.name, made.kind.split(", d")[0]) for made in PLANTS}
    assert len(KINDS) >= 25
    assert layers == set(LAYERS)
    assert all(sum(name == layer for layer, _ in planted) >= 20 for name in layers)
