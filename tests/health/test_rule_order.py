"""Findings are read from the root of the worst on, and say what they follow from."""

import pytest
from made_samples import layer, parameter, sample

from gradcheck.health.monitor import Monitor
from gradcheck.health.order import ordered
from gradcheck.report import Finding

LAYERS = ("0", "1", "2", "3")


def finding(code: str, severity: str = "warning", layer: str = "", step: int | None = 0, **more) -> Finding:
    return Finding(code, severity, f"{code} was found", layer=layer, step=step, **more)


def codes(*findings: Finding) -> list[str]:
    return [f.code for f in ordered(findings, LAYERS)]


def test_without_causes_errors_come_first_then_steps():
    assert codes(
        finding("GC324", "info", step=0), finding("GC323", step=9), finding("GC334", step=2), finding("GC301", "error")
    ) == ["GC301", "GC334", "GC323", "GC324"]


def test_a_cause_goes_before_its_effect_and_the_effect_names_it():
    found = ordered([finding("GC312", layer="0", step=2), finding("GC321", layer="1", step=1)], LAYERS)
    assert [f.code for f in found] == ["GC321", "GC312"]
    assert found[0].cause == ()
    assert found[1].cause == ("the saturation in layer 1 (GC321): that is why the gradients vanish",)


def test_a_warning_stands_before_the_error_that_it_causes():
    update = finding("GC330", layer="fc1", gradient="fc1.weight", step=3)
    found = ordered([finding("GC311", "error", layer="fc2", step=4), update, finding("GC302", step=9)])
    assert [f.code for f in found] == ["GC330", "GC311", "GC302"]
    assert found[1].cause == (
        "an update too large in fc1.weight at step 3 (GC330): that is why the activations explode",
    )
    assert found[2].cause == (
        "activations that explode in layer fc2 (GC311): that is why values come close to overflow",
    )


def test_an_explosion_and_an_update_go_by_time():
    grown, update = finding("GC311", "error", layer="1", step=0), finding("GC330", layer="2", step=0)
    assert codes(update, grown) == ["GC311", "GC330"]
    assert codes(finding("GC311", "error", layer="1", step=1), update) == ["GC330", "GC311"]


def test_only_the_nearest_causes_are_named_and_the_root_comes_first():
    found = ordered(
        [
            finding("GC341", "error", step=300),
            finding("GC321", "error", layer="1"),
            finding("GC325", "error", layer="1"),
            finding("GC314", layer="0"),
        ],
        LAYERS,
    )
    assert [f.code for f in found] == ["GC314", "GC321", "GC325", "GC341"]
    assert found[-1].cause == ("the gradient that is stopped in layer 1 (GC325): that is why the loss does not fall",)


@pytest.mark.parametrize(
    ("cause", "effect"),
    [
        (finding("GC330", step=50), finding("GC310", step=4)),
        (finding("GC321", layer="0"), finding("GC333", layer="2")),
        (finding("GC320", layer="1"), finding("GC325", layer="2")),
        (finding("GC330", "info"), finding("GC343", "error")),
        (finding("GC334"), finding("GC300", "error")),
    ],
    ids=["later", "before the parameter", "another layer", "passed", "has nothing to do with it"],
)
def test_what_is_no_cause(cause, effect):
    assert all(f.cause == () for f in ordered([cause, effect], LAYERS))


def test_the_order_of_layers_comes_from_the_calls():
    monitor = Monitor()
    for step in range(6):
        layers = [layer("in", gradient=1e-12), layer("act", "tanh", slope=1e-5, flat=1.0), layer("out", gradient=1.0)]
        lost = [parameter("in.weight", gradient=0.0), parameter("out.weight")]
        monitor.observe(sample(step, layers=layers, parameters=lost, loss=2.3))
    found = monitor.findings()
    assert [f.code for f in found] == ["GC321", "GC333"]
    assert found[1].cause == ("the saturation in layer act (GC321): that is why no gradient arrives",)
    watched = monitor.watched(found)
    assert {h.name: h.codes for h in watched.layers} == {"in": ("GC333",), "act": ("GC321",), "out": ()}
    assert {h.name: h.codes for h in watched.parameters} == {"in.weight": ("GC333",), "out.weight": ()}
