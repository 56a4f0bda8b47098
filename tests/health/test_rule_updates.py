"""Parameters that move too much, too little, not at all, or have nothing to move by."""

import pytest
from made_samples import found, lasting, layer, parameter, sample, stats

from gradcheck.health.rules.added_up_gradients import AddedUpGradients
from gradcheck.health.rules.equal_units import EqualUnits
from gradcheck.health.rules.large_updates import LargeUpdates
from gradcheck.health.rules.missing_gradients import MissingGradients
from gradcheck.health.rules.outside_optimizer import OutsideOptimizer
from gradcheck.health.rules.small_updates import SmallUpdates
from gradcheck.health.rules.unchanged_parameters import UnchangedParameters


def moved(ratio: float, name: str = "fc1.weight", **more):
    return parameter(name, weight=0.1, update=0.1 * ratio, **more)


def test_an_update_as_large_as_the_weights():
    [finding] = lasting(LargeUpdates(), parameters=[moved(0.6, lr=3.0), moved(0.5, "fc2.weight")])
    assert (finding.code, finding.severity) == ("GC330", "warning")
    assert (finding.layer, finding.gradient) == ("fc1", "fc1.weight")
    assert "a step changes fc1.weight by 0.6 times its size (learning rate 3)" in finding.title
    assert "likewise fc2.weight" in finding.evidence
    assert "lower the learning rate: 0.05 instead of 3" in finding.help[0]


def test_one_update_of_twice_the_weights_is_enough():
    samples = [sample(k, parameters=[moved(2.1 if k == 3 else 1e-3)]) for k in range(12)]
    [finding] = found(LargeUpdates(), samples)
    assert finding.step == 3
    assert "by 2.1 times its size" in finding.title
    assert any(line.startswith("it passed") for line in finding.evidence)


def test_an_update_far_larger_than_the_others():
    parameters = [moved(0.2), *(moved(1e-4, f"fc{k}.weight") for k in (2, 3, 4))]
    [finding] = lasting(LargeUpdates(), parameters=parameters)
    assert finding.gradient == "fc1.weight"


@pytest.mark.parametrize(
    "made",
    [
        moved(0.1),
        moved(5.0, "fc1.bias", role="bias"),
        moved(5.0, "bn.weight", role="norm", shape=(64,)),
        moved(5.0, "words.weight", role="embedding", sparse=True),
        parameter("fc1.weight", weight=1e-9, update=1e-3),
    ],
    ids=["warm", "a bias", "a norm", "an embedding", "zero-initialised"],
)
def test_updates_in_health(made):
    assert lasting(LargeUpdates(), parameters=[made]) == []


def test_updates_that_come_to_nothing():
    [finding] = lasting(SmallUpdates(), parameters=[moved(1e-9, lr=1e-9)], loss=2.3)
    assert (finding.code, finding.severity, finding.gradient) == ("GC331", "warning", "fc1.weight")
    assert "fc1.weight hardly moves: a step changes it by 1e-09 of its size (learning rate 1e-09)" in finding.title


def test_an_update_that_would_be_tiny_and_is_rounded_to_0_is_small():
    tiny = parameter("fc1.weight", weight=0.1, gradient=1e-2, update=0.0, lr=1e-8)
    [finding] = lasting(SmallUpdates(), parameters=[tiny], loss=2.3)
    assert "changes it by 1e-09 of its size" in finding.title
    assert lasting(UnchangedParameters(), parameters=[tiny], loss=2.3) == []


@pytest.mark.parametrize(
    "samples",
    [
        [sample(k, loss=2.3, parameters=[moved(1e-4)]) for k in range(8)],
        [sample(k, loss=2.3 if k == 0 else 1e-4, parameters=[moved(1e-3 if k == 0 else 1e-9)]) for k in range(8)],
        [sample(k, loss=2.3, parameters=[moved(1e-9, lr=1e-8 * (k + 1))]) for k in range(5)],
        [sample(k, loss=2.3, parameters=[moved(0.0)]) for k in range(8)],
    ],
    ids=["usual", "converged", "warm-up", "unchanged (another rule)"],
)
def test_small_updates_in_health(samples):
    assert found(SmallUpdates(), samples) == []


def test_parameters_that_do_not_change():
    parameters = [moved(0.0), moved(0.0, "fc2.weight"), moved(1e-3, "fc3.weight")]
    [finding] = lasting(UnchangedParameters(), parameters=parameters, loss=2.3)
    assert (finding.code, finding.severity) == ("GC332", "warning")
    assert finding.title == "fc1.weight and fc2.weight do not change, although there is a gradient"
    assert "does not land" in finding.evidence[0]


def test_nothing_changes_with_a_learning_rate_of_0():
    [finding] = lasting(UnchangedParameters(), parameters=[moved(0.0, lr=0.0)], loss=2.3)
    assert finding.severity == "error"
    assert "no parameter changes (the first is fc1.weight)" in finding.title
    assert "learning rate is 0" in finding.evidence[0]


def test_an_update_that_rounding_takes():
    made = parameter("fc1.weight", weight=0.1, gradient=1e-3, update=0.0, lr=1e-3)
    made.weight = stats(0.1, dtype="bfloat16")
    [finding] = lasting(UnchangedParameters(), parameters=[made], loss=2.3)
    assert "bfloat16 holds here, and rounded away" in finding.evidence[0]


@pytest.mark.parametrize(
    "made",
    [
        moved(1e-3),
        parameter("fc1.weight", update=None),
        moved(0.0, frozen=True),
        moved(0.0, trained=False),
        parameter("fc1.weight", gradient=None, update=0.0),
    ],
    ids=["moves", "a skipped step", "frozen", "not trained", "no gradient (another rule)"],
)
def test_parameters_that_may_stand(made):
    assert lasting(UnchangedParameters(), parameters=[made], loss=2.3) == []


@pytest.mark.parametrize(("gradient", "stored"), [(None, "nothing is stored"), (0.0, "exactly 0")])
def test_parameters_without_a_gradient(gradient, stored):
    parameters = [parameter("fc1.weight", gradient=gradient, update=0.0), parameter("fc2.weight")]
    [finding] = lasting(MissingGradients(), parameters=parameters, loss=2.3)
    assert (finding.code, finding.severity, finding.layer) == ("GC333", "warning", "fc1")
    assert finding.title == "fc1.weight gets no gradient"
    assert stored in finding.evidence[0]


def test_no_parameter_at_all_gets_a_gradient():
    parameters = [parameter(f"fc{k}.weight", gradient=0.0) for k in range(3)]
    [finding] = lasting(MissingGradients(), parameters=parameters, loss=2.3)
    assert finding.severity == "error"
    assert "no parameter gets a gradient" in finding.title
    assert "3 parameters in all" in finding.evidence[1]


@pytest.mark.parametrize(
    "made",
    [
        parameter("conv.bias", role="bias", gradient=0.0, before_norm=True),
        parameter("words.weight", role="embedding", gradient=0.0),
        parameter("fc1.weight", gradient=None, frozen=True),
        parameter("fc1.weight", gradient=None, trained=False),
        parameter("fc1.weight", gradient=None, update=1e-3),
    ],
    ids=["before a norm", "an embedding", "frozen", "not trained", "moves by one that is not seen"],
)
def test_gradients_that_may_be_missing(made):
    assert lasting(MissingGradients(), parameters=[made, parameter("fc2.weight")], loss=2.3) == []


def test_a_gradient_missing_now_and_then():
    samples = [
        sample(k, parameters=[parameter("g.weight", gradient=None if k % 2 else 0.1, update=0.0)]) for k in range(12)
    ]
    assert found(MissingGradients(), samples) == []


def test_a_loss_at_0_has_no_gradient():
    samples = [sample(k, loss=1.0 if k == 0 else 0.0, parameters=[parameter("w", gradient=0.0)]) for k in range(8)]
    assert found(MissingGradients(), samples) == []


def test_a_parameter_that_no_optimizer_has():
    parameters = [parameter("fc1.weight"), parameter("fc2.weight", trained=False, update=0.0)]
    [finding] = lasting(OutsideOptimizer(), parameters=parameters)
    assert (finding.code, finding.severity, finding.gradient) == ("GC334", "warning", "fc2.weight")
    assert finding.title == "fc2.weight is not in the optimizer, and so never updated"


@pytest.mark.parametrize(
    "parameters",
    [
        [parameter("fc1.weight", trained=False)],
        [parameter("fc1.weight"), parameter("fc2.weight", trained=False, frozen=True)],
        [parameter("fc1.weight"), parameter("fc2.weight", trained=False, gradient=None)],
    ],
    ids=["no optimizer is known", "frozen", "no gradient"],
)
def test_parameters_that_need_no_optimizer(parameters):
    assert lasting(OutsideOptimizer(), parameters=parameters) == []


@pytest.mark.parametrize(("weight", "phrase"), [(0.05, "equal in all units"), (0.0, "fc1.weight: 0")])
def test_units_that_begin_equal(weight, phrase):
    parameters = [parameter("fc1.weight", weight, equal_columns=True), parameter("out.weight", weight)]
    parameters[1].equal_columns = weight == 0
    [finding] = lasting(EqualUnits(), parameters=parameters)
    assert (finding.code, finding.severity, finding.layer) == ("GC335", "error", "fc1")
    assert "all units of layer fc1 begin with the same weights (fc1.weight" in finding.title
    assert phrase in finding.evidence[0]


@pytest.mark.parametrize(
    "parameters",
    [
        [parameter("fc1.weight"), parameter("out.weight", 0.0, equal_columns=True)],
        [parameter("a.weight"), parameter("b.weight", 0.0, equal_columns=True), parameter("out.weight")],
        [parameter("fc1.bias", 0.0, role="bias", equal_columns=True), parameter("out.weight")],
    ],
    ids=["the last layer", "a zero-initialised branch", "a bias"],
)
def test_layers_that_may_begin_equal(parameters):
    assert lasting(EqualUnits(), parameters=parameters, layers=[layer("fc1")]) == []


def test_gradients_that_are_never_set_to_zero():
    parameters = [parameter("fc1.weight", carried=True), parameter("fc1.bias", role="bias", carried=True)]
    [finding] = lasting(AddedUpGradients(), parameters=parameters)
    assert (finding.code, finding.severity, finding.gradient) == ("GC336", "error", "fc1.weight")
    assert "added up from step to step, of fc1.weight and fc1.bias: they are never set to zero" in finding.title


@pytest.mark.parametrize(
    "made",
    [parameter("w"), parameter("w", carried=True, trained=False), parameter("w", carried=True, frozen=True)],
    ids=["set to zero", "not trained", "frozen"],
)
def test_gradients_that_are_not_added_up(made):
    assert lasting(AddedUpGradients(), parameters=[made]) == []


def test_a_step_that_is_a_search_along_many_lines_may_go_far():
    assert [f.code for f in lasting(LargeUpdates(), parameters=[parameter("w", update=0.9)])] == ["GC330"]
    assert lasting(LargeUpdates(), parameters=[parameter("w", update=0.9)], evaluations=20) == []


def test_a_parameter_that_moved_by_a_gradient_that_is_not_seen_may_come_to_rest():
    rule = MissingGradients()
    for step in range(20):
        rule.observe(sample(step, parameters=[parameter("w", gradient=None, update=1e-3 if step < 3 else 0.0)]))
    assert list(rule.findings()) == []
