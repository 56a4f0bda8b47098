"""Adaptive optimizers that are written by hand with settings that nobody else has: they are fitted to the moves."""

import functools

import numpy as np
import pytest
from step_problem import Problem

from gradcheck import check_step


def adam(self, name, w, g, beta=0.87, gamma=0.973, epsilon=3e-4, inside=False, corrected="mv", t=None, lr=0.01):
    t = t or self.t
    m = self.m[name] = beta * self.m[name] + (1 - beta) * g
    v = self.v[name] = gamma * self.v[name] + (1 - gamma) * g**2
    m = m / (1 - beta**t) if "m" in corrected else m
    v = v / (1 - gamma**t) if "v" in corrected else v
    return w - lr * m / (np.sqrt(v + epsilon) if inside else np.sqrt(v) + epsilon)


def rmsprop(self, name, w, g):
    self.v[name] = 0.77 * self.v[name] + 0.23 * g**2
    return w - 0.01 * g / (np.sqrt(self.v[name]) + 2e-3)


def adagrad(self, name, w, g):
    self.v[name] = self.v[name] + g**2
    return w - 0.01 * g / (np.sqrt(self.v[name]) + 2e-3)


def checked(move, before=0, **options):
    problem = Problem(move, **options)
    for _ in range(before):
        problem.step()
    return check_step(problem.step, params=problem, loss=problem.loss, lr=0.01)


@pytest.mark.parametrize("before", [0, 3])
@pytest.mark.parametrize(
    ("move", "said"),
    [
        (adam, "Adam (likely β1 = 0.87, β2 = 0.973, ε = 0.0003)"),
        (functools.partial(adam, inside=True), "Adam (likely β1 = 0.87, β2 = 0.973, ε = 0.0003 under the root)"),
        (functools.partial(adam, beta=0.33, gamma=0.6, epsilon=0.05), "Adam (likely β1 = 0.33, β2 = 0.6, ε = 0.05"),
        (functools.partial(adam, beta=0.0, gamma=0.999, epsilon=1e-8), "Adam (likely β1 = 0, β2 = 0.999, ε = 1e-08)"),
        (rmsprop, "RMSprop (likely decay 0.77, ε = 0.002)"),
        (adagrad, "AdaGrad (likely ε = 0.002)"),
    ],
    ids=["adam", "under the root", "fast", "no momentum", "rmsprop", "adagrad"],
)
def test_what_is_right(move, said, before):
    report = checked(move, before)
    assert report.ok
    assert report.findings == ()
    assert any(f"W, b: judged by what {said}" in note for note in report.notes)


def test_in_single_precision_the_settings_are_close():
    report = checked(adam, dtype=np.float32)
    assert report.ok
    [note] = [note for note in report.notes if "Adam (likely β1 = 0.87" in note]
    assert "β2 = 0.97" in note


@pytest.mark.parametrize(
    ("move", "severity", "words"),
    [
        (
            functools.partial(adam, corrected=""),
            "warning",
            "as Adam does without the correction of its moments' bias",
        ),
        (
            functools.partial(adam, corrected="v"),
            "warning",
            "as Adam does without the correction of its first moment's bias",
        ),
        (
            functools.partial(adam, corrected="m"),
            "warning",
            "as Adam does without the correction of its second moment's bias",
        ),
        (functools.partial(adam, t=1), "error", "as Adam does whose count of steps stays at 1"),
    ],
)
def test_what_is_left_out_is_told(move, severity, words):
    finding = checked(move).findings[0]
    assert (finding.code, finding.severity) == ("GC409", severity)
    assert words in finding.title
    assert (
        "Adam (likely β1 = 0.87, β2 = 0.973, ε = 0.0003) so explains 4 steps to within rounding" in finding.evidence[0]
    )


def test_where_nothing_is_left_to_be_corrected_both_ways_are_said():
    report = checked(functools.partial(adam, corrected=""), before=50)
    assert any("its correction of the moments' bias at 1" in note for note in report.notes)


def test_decays_in_each_others_place_are_asked_about():
    report = checked(functools.partial(adam, beta=0.999, gamma=0.9), before=5)
    assert any("β1 = 0.999, β2 = 0.9, ε = 0.0003; are β1 and β2 swapped?" in note for note in report.notes)


def of_the_transpose(self, name, w, g):
    return adam(self, name, w, g[::-1].copy() if g.ndim == 2 else g)


def no_square(self, name, w, g):
    return w - 0.01 * g / (np.abs(g) ** 0.7 + 0.1)


def averaged(self, name, w, g):
    self.m[name] = 0.9 * self.m[name] + 0.1 * g
    return w - 0.01 * self.m[name]


def half_of_the_entries(self, name, w, g):
    return adam(self, name, w, g * np.where(np.arange(g.size).reshape(g.shape) % 2, 1.0, 0.5))


def noisy(self, name, w, g):
    return adam(self, name, w, g + 1e-3 * np.random.default_rng(self.t).normal(size=g.shape))


@pytest.mark.parametrize(
    ("move", "before"),
    [
        (of_the_transpose, 0),
        (no_square, 0),
        (averaged, 0),
        (averaged, 5),
        (half_of_the_entries, 5),
        (noisy, 0),
        (functools.partial(adam, lr=0.02), 0),
    ],
    ids=["transpose", "no square", "averaged", "averaged later", "half", "noisy", "rate"],
)
def test_nothing_else_is_fitted(move, before):
    report = checked(move, before)
    assert not report.ok
    assert not any("W" in note.partition(":")[0] and "likely" in note for note in report.notes)
    assert [update.verdict for update in report.updates if update.name == "W"] != ["right"]


def test_a_float_that_begins_at_zero_is_no_decaying_rate():
    """It was divided by what it was at first."""
    report = checked(lambda self, name, w, g: averaged(self, name, w, 1e-9 * g))
    assert not report.ok


@pytest.mark.parametrize("epsilon", [0.1, 1.0, 2.5])
@pytest.mark.parametrize("decays", [(0.9, 0.999), (0.87, 0.973)])
@pytest.mark.parametrize("before", [0, 3])
def test_a_large_epsilon_is_right(decays, epsilon, before):
    report = checked(functools.partial(adam, beta=decays[0], gamma=decays[1], epsilon=epsilon), before)
    assert report.ok
    assert report.findings == ()
    assert any(f"β2 = {decays[1]}, ε = {epsilon:g})" in note for note in report.notes)
