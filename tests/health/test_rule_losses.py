"""What the course of the loss tells, and the predictions."""

import math

import numpy as np
import pytest
from made_samples import found, lasting, output, sample

from gradcheck.health.rules.class_collapse import ClassCollapse
from gradcheck.health.rules.double_softmax import DoubleSoftmax
from gradcheck.health.rules.initial_loss import InitialLoss
from gradcheck.health.rules.loss_diverging import LossDiverging
from gradcheck.health.rules.loss_not_falling import LossNotFalling
from gradcheck.health.rules.loss_oscillating import LossOscillating
from gradcheck.health.rules.unequal_shapes import UnequalShapes
from gradcheck.health.sample import Birth

LN10 = math.log(10)
EVEN = [6, 7, 6, 7, 6, 7, 6, 7, 6, 6]


def noise(n: int, seed: int = 0):
    return np.random.default_rng(seed).normal(size=n)


def first(loss: float, classes: int = 10, kind: str = "cross-entropy", **more):
    return [sample(loss=loss, output=output(classes=classes, loss_kind=kind), **more)]


@pytest.mark.parametrize(("loss", "severity"), [(12.0, "warning"), (4.0, "info")])
def test_a_first_loss_far_above_chance(loss, severity):
    [finding] = found(InitialLoss(), first(loss))
    assert (finding.code, finding.severity, finding.step) == ("GC340", severity, 0)
    assert f"the first loss is {loss:.3g}; a network that prefers no class of 10 has 2.30" in finding.title
    assert "std 0.01" in finding.help[0]


def test_a_first_loss_that_is_a_sum():
    [finding] = found(InitialLoss(), first(64 * 2.4))
    assert finding.severity == "info"
    assert "about 64 · ln 10: a sum over the batch" in finding.title


@pytest.mark.parametrize(
    "samples",
    [first(2.35), first(3.1), first(0.01), first(0.9, 2), first(50.0, kind="squared error"), first(9.0, first=False)],
    ids=["chance", "He's", "trained before", "two classes", "another loss", "not the first"],
)
def test_first_losses_in_health(samples):
    assert found(InitialLoss(), samples) == []


def labelled(steps=range(5), loss=2.3):
    return [sample(k, loss=loss, output=output(labels=EVEN)) for k in steps]


def test_a_loss_that_stays_at_chance():
    [finding] = found(LossNotFalling(), labelled(), 2.31 + 0.02 * noise(300))
    assert (finding.code, finding.severity, finding.likely) == ("GC341", "error", False)
    assert "the loss does not fall: 2.3" in finding.title
    assert "which is chance: the entropy of the labels is 2.3" in finding.title


def test_a_loss_that_falls_to_chance_and_stays():
    losses = 2.303 + 8 * np.exp(-np.arange(400) / 20) + 0.01 * noise(400)
    [finding] = found(LossNotFalling(), labelled(), losses)
    assert finding.severity == "error"
    assert "the loss stays at 2.3, which is chance" in finding.title


def test_a_loss_of_another_kind_that_does_not_fall_is_likely_a_fault():
    [finding] = found(LossNotFalling(), [], 0.9 + 0.01 * noise(300))
    assert (finding.severity, finding.likely) == ("warning", True)


def course(n: int, tau: float, low: float = 0.02, spread: float = 0.02, seed: int = 0):
    return low + 2.3 * np.exp(-np.arange(n) / tau) + spread * np.abs(noise(n, seed))


@pytest.mark.parametrize(
    "losses",
    [
        course(300, 80),
        course(300, 2000),
        course(20_000, 30),
        course(90, 1e9),
        2.3 + 1.5 * noise(300),
        0.3 + 0.02 * noise(300),
        [2.3, math.nan, *[2.3] * 300],
        [2.3, *[30.0] * 300],
    ],
    ids=[
        "falls",
        "slowly",
        "long converged",
        "too short to say",
        "too noisy to say",
        "trained before",
        "after a NaN",
        "diverges",
    ],
)
def test_losses_that_fall_or_may_do(losses):
    assert found(LossNotFalling(), labelled(), losses) == []


def test_after_a_birth_nothing_is_said_of_the_loss():
    rule = LossNotFalling()
    rule.birth(Birth(0, "forward", "NaN", "log", None))
    assert found(rule, labelled(), [2.3] * 300) == []


def test_a_loss_that_swings_at_every_step():
    losses = [2.0 + 0.5 * (-1) ** k for k in range(150)]
    [finding] = found(LossOscillating(), [], losses)
    assert (finding.code, finding.severity) == ("GC342", "warning")
    assert "jumps to and fro around" in finding.title
    assert "it turns at 100 % of them" in finding.evidence[0]


@pytest.mark.parametrize(("batch", "told"), [(64, True), (2, False), (0, False)])
def test_a_loss_that_jumps_by_more_than_its_batches_can_differ(batch, told):
    rule = LossOscillating()
    rule.observe(sample(samples=batch))
    assert bool(found(rule, [], np.exp(1.2 * noise(1000)) * 3)) == told


def test_a_loss_that_comes_down_in_the_end_is_forgiven():
    rule = LossOscillating()
    assert found(rule, [], [2.0 + 0.5 * (-1) ** k for k in range(200)])
    assert found(rule, [], [0.2] * 64) == []


@pytest.mark.parametrize("seed", range(5))
def test_noise_around_a_floor_is_no_oscillation(seed):
    rule = LossOscillating()
    rule.observe(sample(samples=32))
    batches = np.random.default_rng(seed).normal(size=(20_000, 32))
    assert found(rule, [], [1.2, *(batches**2).mean(axis=1).tolist()]) == []


@pytest.mark.parametrize(
    "losses",
    [
        course(500, 100),
        course(500, 30, spread=0.1),
        2.3 + 0.1 * noise(1000),
        [2.0 + 0.05 * (-1) ** k for k in range(200)],
        [2.3, *(0.2 + 0.1 * (-1) ** k for k in range(300))],
        np.linspace(2.3, 0.9, 64) + 0.05 * noise(64),
        -50 + noise(300),
    ],
    ids=["falls", "noisy", "noise", "two batches an epoch", "came down", "steep", "negative"],
)
def test_losses_that_do_not_swing(losses):
    assert found(LossOscillating(), [], losses) == []


def test_a_loss_that_diverges_fast():
    [finding] = found(LossDiverging(), [], [2.3 * 1.8**k for k in range(20)])
    assert (finding.code, finding.severity, finding.step) == ("GC343", "error", 4)
    assert "the loss diverges: 2.3 at first, 1.63e+05 at its highest" in finding.title


def test_a_loss_that_diverges_slowly():
    [finding] = found(LossDiverging(), [], [2.3 + 0.1 * k for k in range(120)])
    assert finding.severity == "error"
    assert finding.step >= 46


@pytest.mark.parametrize(
    "losses",
    [[2.3, 60.0, 40.0, 2.0, *[1.0] * 50], [0.01, *[0.05] * 50], [-40.0, *[-20.0] * 50], [2.3, *[4.0] * 100]],
    ids=["a spike of two steps", "trained before", "negative", "above the first"],
)
def test_losses_that_do_not_diverge(losses):
    assert found(LossDiverging(), [sample(output=output())], []) == []
    rule = LossDiverging()
    rule.observe(sample(output=output()))
    assert found(rule, [], losses) == []


@pytest.mark.parametrize("born", [False, True])
def test_a_loss_that_is_not_finite_counts_where_no_birth_was_found(born):
    rule = LossDiverging()
    if born:
        rule.birth(Birth(3, "forward", "NaN", "log", None))
    findings = found(rule, [], [2.3, 2.2, math.nan])
    assert [f.title for f in findings] == ([] if born else ["the loss is not finite at step 2"])


def predicted(counts, labels=EVEN, steps=range(0, 300, 50), loss=2.3):
    return [sample(k, loss=loss, output=output(counts, labels)) for k in steps]


ONE = [0, 0, 0, 64, 0, 0, 0, 0, 0, 0]


def test_one_class_for_every_sample():
    [finding] = found(ClassCollapse(), predicted(ONE))
    assert (finding.code, finding.severity, finding.step) == ("GC344", "warning", 50)
    assert finding.title == "the network says class 3 for every sample, while the labels have 10 classes"
    assert "class 3 is 11 % of the labels" in finding.evidence[0]


@pytest.mark.parametrize(
    "samples",
    [
        predicted([1, 0, 0, 63, 0, 0, 0, 0, 0, 0]),
        predicted(ONE, steps=range(20)),
        predicted(ONE, steps=range(30, 60)),
        predicted(ONE, [2, 0, 0, 60, 0, 0, 0, 0, 0, 2]),
        predicted([0, 0, 0, 4, 0, 0, 0, 0, 0, 0], [1, 1, 1, 1, 0, 0, 0, 0, 0, 0]),
        predicted(ONE, loss=0.5),
    ],
    ids=["two classes", "the first steps", "a short plateau", "mostly one label", "a small batch", "learns"],
)
def test_predictions_in_health(samples):
    assert found(ClassCollapse(), samples) == []


@pytest.mark.parametrize(("maximized", "codes"), [(False, {"GC341"}), (True, set())])
def test_a_loss_that_is_to_be_maximized_may_rise(maximized, codes):
    found_ = set()
    for rule in (LossNotFalling(), LossDiverging()):
        for step in range(300):
            rule.step(step, -2.3 + 0.005 * step)
            if step % 20 == 0:
                rule.observe(sample(step, maximized=maximized))
        found_ |= {f.code for f in rule.findings()}
    assert found_ == codes


@pytest.mark.parametrize(("batch", "severity"), [(1, "warning"), (16, "error")])
def test_a_plateau_of_few_samples_is_no_error(batch, severity):
    rule = LossNotFalling()
    labels = np.full(10, 100)
    for step in range(400):
        rule.step(step, math.log(10))
        if step % 20 == 0:
            rule.observe(sample(step, samples=batch, output=output(labels, labels), loss=math.log(10)))
    [finding] = rule.findings()
    assert (finding.code, finding.severity, finding.likely) == ("GC341", severity, severity == "warning")


@pytest.mark.parametrize(("batch", "codes"), [(1, []), (16, ["GC341"])])
def test_a_loss_that_fell_to_a_plateau_is_told_once_enough_samples_were_seen(batch, codes):
    rule = LossNotFalling()
    labels = np.full(10, 100)
    for step in range(400):
        rule.step(step, 2.6 if step < 20 else 2.21)
        if step % 20 == 0:
            rule.observe(sample(step, samples=batch, output=output(labels, labels), loss=2.21))
    assert [finding.code for finding in rule.findings()] == codes


@pytest.mark.parametrize(
    ("rule", "facts", "code"),
    [(DoubleSoftmax, {"probabilities": True}, "GC345"), (UnequalShapes, {"broadcast": "(64, 1) and (64,)"}, "GC346")],
)
def test_a_loss_that_is_given_what_it_does_not_take(rule, facts, code):
    given = output()
    assert lasting(rule(), output=given) == []
    for name, value in facts.items():
        setattr(given, name, value)
    [finding] = lasting(rule(), output=given)
    assert (finding.code, finding.severity) == (code, "warning")
