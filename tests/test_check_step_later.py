"""Faults of an update that the first step does not show, and scales that several parameters share."""

import numpy as np
import pytest
import torch

from gradcheck import check_step


class Problem:
    """A least-squares problem with two parameters."""

    def __init__(self, move):
        rng = np.random.default_rng(0)
        self.x, self.y = rng.normal(size=(9, 4)), rng.normal(size=(9, 3))
        self.W, self.b = rng.normal(size=(4, 3)), rng.normal(size=3)
        self.velocity = {"W": 0.0, "b": 0.0}
        self.calls = 0
        self.move = move

    def loss(self):
        return ((self.x @ self.W + self.b - self.y) ** 2).sum() / 18

    def step(self):
        delta = (self.x @ self.W + self.b - self.y) / 9
        self.calls += 1
        for name, g in {"W": self.x.T @ delta, "b": delta.sum(0)}.items():
            setattr(self, name, self.move(self, name, getattr(self, name), g))


def momentum(self, name, w, g):
    self.velocity[name] = 0.9 * self.velocity[name] - 0.1 * g
    return w + self.velocity[name]


def forgetful(self, name, w, g):
    self.velocity[name] = 0.9 * 0.0 - 0.1 * g
    return w + self.velocity[name]


def adding_up(self, name, w, g):
    self.velocity[name] = self.velocity[name] + g
    return w - 0.1 * self.velocity[name]


def every_other(self, name, w, g):
    return w - 0.1 * g * (self.calls % 2)


def decayed(self, name, w, g):
    return w - 0.1 * g / (1 + 0.5 * (self.calls - 1))


@pytest.mark.parametrize(
    ("move", "options", "code", "words"),
    [
        (momentum, {}, "GC407", "momentum that was not stated"),
        (forgetful, {"momentum": 0.9}, "GC407", "without the momentum of 0.9 that was stated"),
        (adding_up, {}, "GC336", "never set to zero"),
        (every_other, {}, "GC403", "do not move at step 2 and 4 of 4"),
    ],
)
def test_what_only_a_later_step_shows(move, options, code, words):
    problem = Problem(move)
    report = check_step(problem.step, params=problem, loss=problem.loss, lr=0.1, **options)
    assert not report.ok
    [finding] = report.findings
    assert finding.code == code
    assert words in finding.title
    assert "W" in finding.gradient


@pytest.mark.parametrize(("move", "options"), [(momentum, {"momentum": 0.9}), (forgetful, {}), (decayed, {})])
def test_what_is_right_at_every_step(move, options):
    problem = Problem(move)
    assert check_step(problem.step, params=problem, loss=problem.loss, lr=0.1, **options).ok


def network(**options):
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(6, 5), torch.nn.Tanh(), torch.nn.Linear(5, 3))
    x, y = torch.randn(8, 6), torch.randint(3, (8,))
    return (
        model,
        torch.optim.SGD(model.parameters(), 0.1, **options),
        lambda: torch.nn.functional.cross_entropy(model(x), y),
    )


def test_gradients_that_torch_adds_up():
    model, optimizer, loss = network()

    def step():
        loss().backward()
        optimizer.step()

    for options in ({"loss": loss}, {}):
        report = check_step(step, params=model, lr=0.1, **options)
        assert [f.code for f in report.findings] == ["GC336"]
        assert {u.verdict for u in report.updates} == {"wrong"}
    assert all(p.grad is None for p in model.parameters())


def test_one_clipping_is_one_finding_in_float32_too():
    model, optimizer, loss = network()

    def step():
        optimizer.zero_grad()
        loss().backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.01)
        optimizer.step()

    [finding] = check_step(step, params=model, loss=loss, lr=0.1).findings
    assert (finding.code, finding.severity) == ("GC408", "warning")


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_an_optimizer_that_is_to_maximize_goes_up(decay):
    _, optimizer, loss = network(maximize=True, weight_decay=decay)
    loss().backward()
    assert check_step(optimizer.step).ok


def test_a_step_after_step_report_names_the_step():
    problem = Problem(forgetful)
    report = check_step(problem.step, params=problem, loss=problem.loss, lr=0.1, momentum=0.9)
    assert {u.verdict for u in report.updates} == {"wrong"}
    assert report.updates[0].reason.startswith("step 2: ")


def nesterov(self, name, w, g):
    self.velocity[name] = 0.9 * self.velocity[name] + g
    return w - 0.1 * (g + 0.9 * self.velocity[name])


def weaker(self, name, w, g):
    self.velocity[name] = 0.5 * self.velocity[name] - 0.1 * g
    return w + self.velocity[name]


def stale(self, name, w, g):
    last, self.velocity[name] = self.velocity[name], g
    return w - 0.1 * (g if self.calls == 1 else last)


def turning(self, name, w, g):
    return w - 0.1 * g * (1 if self.calls < 3 else -1)


def decay_of_what_was_zero(self, name, w, g):
    return w - 0.1 * (g + 0.02 * w)


@pytest.mark.parametrize(
    ("move", "options", "code", "words"),
    [
        (weaker, {"momentum": 0.9}, "GC407", "have a momentum of 0.5, not 0.9"),
        (stale, {}, "GC409", "by the gradient of the step before"),
        (turning, {}, "GC401", "up the gradient in step 3"),
        (decay_of_what_was_zero, {}, "GC407", "W and b shrink by weight decay of 0.02"),
    ],
)
def test_other_things_that_a_later_step_shows(move, options, code, words):
    problem = Problem(move)
    problem.b[...] = 0
    report = check_step(problem.step, params=problem, loss=problem.loss, lr=0.1, **options)
    [finding] = report.findings
    assert finding.code == code
    assert words in finding.title
    assert not report.ok


def test_nesterov_momentum_that_is_stated_is_right_at_every_step():
    problem = Problem(nesterov)
    assert check_step(problem.step, params=problem, loss=problem.loss, lr=0.1, momentum=0.9).ok


def test_a_step_on_other_data_is_undecided_and_says_what_to_do():
    problem = Problem(
        lambda self, name, w, g: w - 0.1 * (g if self.calls == 1 else g + np.sin(np.arange(g.size)).reshape(g.shape))
    )
    report = check_step(problem.step, params=problem, loss=problem.loss, lr=0.1)
    assert {u.verdict for u in report.updates} == {"undecided"}
    assert "steps=1" in report.findings[0].help[0]
    assert check_step(problem.step, params=problem, loss=problem.loss, lr=0.1, steps=1).ok
