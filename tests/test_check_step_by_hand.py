"""Adaptive optimizers that are written by hand are held against their own rule, over several steps."""

import functools

import numpy as np
import pytest
import torch
from step_problem import Problem

from gradcheck import check_step


def adam(self, name, w, g, beta=0.9, gamma=0.999, t=None):
    t = t or self.t
    self.m[name] = beta * self.m[name] + (1 - beta) * g
    self.v[name] = gamma * self.v[name] + (1 - gamma) * g**2
    return w - 0.01 * (self.m[name] / (1 - beta**t)) / (np.sqrt(self.v[name] / (1 - gamma**t)) + 1e-8)


def other_betas(self, name, w, g):
    return adam(self, name, w, g, 0.8, 0.99)


def decoupled(self, name, w, g):
    return adam(self, name, w, g) - 0.01 * 0.1 * w


def rmsprop(self, name, w, g):
    self.v[name] = 0.9 * self.v[name] + 0.1 * g**2
    return w - 0.01 * g / np.sqrt(self.v[name] + 1e-6)


def adagrad(self, name, w, g):
    self.v[name] = self.v[name] + g**2
    return w - 0.01 * g / (np.sqrt(self.v[name]) + 1e-8)


def uncorrected(self, name, w, g):
    self.m[name] = 0.9 * self.m[name] + 0.1 * g
    self.v[name] = 0.999 * self.v[name] + 0.001 * g**2
    return w - 0.01 * self.m[name] / (np.sqrt(self.v[name]) + 1e-8)


def mean_uncorrected(self, name, w, g):
    return w + (adam(self, name, w, g) - w) * (1 - 0.9**self.t)


def squares_uncorrected(self, name, w, g):
    self.m[name] = 0.9 * self.m[name] + 0.1 * g
    self.v[name] = 0.999 * self.v[name] + 0.001 * g**2
    return w - 0.01 * (self.m[name] / (1 - 0.9**self.t)) / (np.sqrt(self.v[name]) + 1e-8)


def uncounted(self, name, w, g):
    return adam(self, name, w, g, t=1)


def forgotten(self, name, w, g):
    self.m[name], self.v[name] = 0.0, 0.0
    return adam(self, name, w, g, t=1)


def swapped(self, name, w, g):
    return adam(self, name, w, g[::-1].copy() if g.ndim == 2 else g)


@pytest.mark.parametrize("before", [0, 3])
@pytest.mark.parametrize(
    ("move", "said", "options"),
    [
        (adam, "Adam (β1 = 0.9, β2 = 0.999, ε = 1e-08)", {}),
        (other_betas, "Adam (β1 = 0.8, β2 = 0.99, ε = 1e-08)", {}),
        (decoupled, "Adam (β1 = 0.9, β2 = 0.999, ε = 1e-08)", {"weight_decay": 0.1}),
        (rmsprop, "RMSprop (decay 0.9, ε = 1e-06 under the root)", {}),
        (adagrad, "AdaGrad (ε = 1e-08)", {}),
    ],
)
def test_what_is_right(move, said, options, before):
    problem = Problem(move)
    for _ in range(before):
        problem.step()
    report = check_step(problem.step, params=problem, loss=problem.loss, lr=0.01, **options)
    assert report.ok
    assert report.findings == ()
    assert {update.verdict for update in report.updates} == {"right"}
    assert any(f"W, b: judged by what {said} does" in note for note in report.notes)


@pytest.mark.parametrize(
    ("move", "severity", "words"),
    [
        (uncorrected, "warning", "without the correction of its moments' bias"),
        (uncounted, "error", "as Adam does whose count of steps stays at 1"),
        (forgotten, "warning", "by the same amount, at each step"),
        (swapped, "error", "W moves by no multiple of the gradient"),
    ],
)
def test_what_is_not(move, severity, words):
    problem = Problem(move)
    report = check_step(problem.step, params=problem, loss=problem.loss, lr=0.01)
    assert not report.ok
    finding = report.findings[0]
    assert (finding.code, finding.severity) == ("GC409", severity)
    assert words in finding.title


@pytest.mark.parametrize("before", [0, 3])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(
    ("move", "words", "first"),
    [
        (mean_uncorrected, "its first moment's bias", "m begins at 0 and is not divided by 1 - β^t: the first step is "
                                                      "only 0.1 times as long"),
        (squares_uncorrected, "its second moment's bias", "v begins at 0 and is not divided by 1 - β^t: the first step "
                                                          "is 31.6 times too long"),
    ],
)  # fmt: skip
def test_one_of_the_two_corrections_left_out(move, words, first, dtype, before):
    problem = Problem(move, dtype)
    for _ in range(before):
        problem.step()
    report = check_step(problem.step, params=problem, loss=problem.loss, lr=0.01)
    [finding] = report.findings
    assert (finding.code, finding.severity) == ("GC409", "warning")
    assert finding.title == f"W and b move as Adam does without the correction of {words}"
    assert finding.cause[0] == first
    assert {update.verdict for update in report.updates} == {"wrong"}


def test_of_one_step_alone_both_possibilities_are_said():
    for move, said in (
        (squares_uncorrected, "RMSprop's first step is lr/√(1-0.999)·sign(g): that fits (Adam's does, too, without"),
        (mean_uncorrected, "as Adam's is without the correction of its first moment (β1 = 0.9)"),
    ):
        problem = Problem(move)
        report = check_step(problem.step, params=problem, loss=problem.loss, lr=0.01, steps=1)
        assert said in report.findings[0].cause[0]


def test_entries_that_are_all_cut_are_a_clipping_where_others_are_not_all_cut():
    def clipped(self, name, w, g):
        return w - 0.01 * np.clip(g, -0.1, 0.1)

    problem = Problem(clipped)
    report = check_step(problem.step, params=problem, loss=problem.loss, lr=0.01)
    assert [f.title for f in report.findings] == ["W and b move by the gradient clipped to ±0.1"]


def test_one_step_alone_tells_nothing():
    problem = Problem(adam)
    report = check_step(problem.step, params=problem, loss=problem.loss, lr=0.01, steps=1)
    assert {update.verdict for update in report.updates} == {"undecided"}


def test_in_single_precision():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(6, 5), torch.nn.Tanh(), torch.nn.Linear(5, 2))
    x, y = torch.randn(20, 6), torch.randn(20, 2)
    moments, count = {}, [0]

    def loss():
        return ((model(x) - y) ** 2).mean()

    def step():
        model.zero_grad()
        loss().backward()
        count[0] += 1
        with torch.no_grad():
            for name, p in model.named_parameters():
                m, v = moments.get(name, (0.0, 0.0))
                moments[name] = m, v = 0.9 * m + 0.1 * p.grad, 0.999 * v + 0.001 * p.grad**2
                p -= 0.01 * (m / (1 - 0.9 ** count[0])) / ((v / (1 - 0.999 ** count[0])).sqrt() + 1e-8)

    report = check_step(step, params=model, loss=loss, lr=0.01)
    assert report.ok
    assert {update.verdict for update in report.updates} == {"right"}


def test_a_holder_that_is_only_called_like_moments_is_a_layer():
    class Attention:
        def __init__(self):
            rng = np.random.default_rng(0)
            self.q, self.v = ({"W": rng.normal(size=(3, 3)), "b": np.zeros(3)} for _ in range(2))
            self.k = {"W": rng.normal(size=(3, 3))}
            self.x = rng.normal(size=(4, 3))

        def loss(self):
            q, k = self.x @ self.q["W"] + self.q["b"], self.x @ self.k["W"]
            return np.tanh(q @ k.T @ (self.x @ self.v["W"] + self.v["b"])).mean()

        def step(self):
            self.q["W"] = self.q["W"] * 0.999

    net = Attention()
    report = check_step(net.step, params=net, loss=net.loss, lr=0.01)
    assert {"v['W']", "q['W']", "k['W']"} <= {update.name for update in report.updates}


def decayed_first(self, name, w, g):
    w = w - 0.01 * 0.1 * w
    return adam(self, name, w, g)


def unusual_and_decayed(self, name, w, g):
    w = w - 0.01 * 0.1 * w
    return adam(self, name, w, g, 0.871, 0.9731)


def unusual_and_one_decayed(self, name, w, g):
    return adam(self, name, w, g, 0.871, 0.9731) - (0.001 * w if name == "W" else 0.0)


@pytest.mark.parametrize("before", [0, 3])
@pytest.mark.parametrize(
    ("move", "stated", "words"),
    [
        (decoupled, {}, "W and b shrink by weight decay of 0.1 that was not stated"),
        (decayed_first, {}, "W and b shrink by weight decay of 0.1 that was not stated"),
        (decoupled, {"weight_decay": 0.05}, "W and b have a weight decay of 0.1, not 0.05"),
    ],
)
def test_a_weight_decay_that_was_not_stated_is_told(move, stated, words, before):
    problem = Problem(move)
    for _ in range(before):
        problem.step()
    report = check_step(problem.step, params=problem, loss=problem.loss, lr=0.01, **stated)
    [finding] = report.findings
    assert (finding.code, finding.severity) == ("GC407", "warning")
    assert finding.title == words
    assert "what Adam (β1 = 0.9, β2 = 0.999, ε = 1e-08) makes of g" in finding.cause[0]


def test_a_decay_of_weights_that_were_zero_shows_later():
    problem = Problem(lambda self, name, w, g: adam(self, name, w, g) - (0.001 * w if name == "b" else 0))
    problem.b[...] = 0
    report = check_step(problem.step, params=problem, loss=problem.loss, lr=0.01)
    assert [(u.name, u.verdict) for u in report.updates] == [("W", "right"), ("b", "wrong")]
    assert report.findings[0].title == "b shrinks by weight decay of 0.1 that was not stated"


@pytest.mark.parametrize("move", [adam, lambda self, name, w, g: w - 0.01 * g], ids=["adam", "plain"])
def test_a_weight_decay_that_was_stated_and_is_not_there_is_told(move):
    problem = Problem(move)
    report = check_step(problem.step, params=problem, loss=problem.loss, lr=0.01, weight_decay=0.05)
    [finding] = report.findings
    assert (finding.code, finding.severity) == ("GC407", "error")
    assert finding.title == "W and b move without the weight decay of 0.05 that was stated"


def test_settings_of_ones_own_are_known_by_what_has_no_decay():
    problem = Problem(unusual_and_one_decayed)
    report = check_step(problem.step, params=problem, loss=problem.loss, lr=0.01)
    [finding] = report.findings
    assert finding.title == "W shrinks by weight decay of 0.1 that was not stated"
    assert "Adam (likely β1 = 0.871, β2 = 0.9731, ε = 1e-08)" in finding.cause[0]


def test_a_decay_on_a_line_of_its_own_is_no_piece_of_the_gradient():
    problem = Problem(unusual_and_decayed)
    report = check_step(problem.step, params=problem, loss=problem.loss, lr=0.01)
    assert not report.ok
    assert {finding.code for finding in report.findings} <= {"GC407", "GC409"}


def up(rule):
    return lambda self, name, w, g: 2 * w - rule(self, name, w, g)


@pytest.mark.parametrize("before", [0, 3])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (adam, "what Adam (β1 = 0.9, β2 = 0.999, ε = 1e-08) takes away"),
        (lambda self, name, w, g: adam(self, name, w, g, 0.871, 0.9731), "what Adam (likely β1 = 0.871"),
        (rmsprop, "what RMSprop (decay 0.9, ε = 1e-06 under the root) takes away"),
        (adagrad, "what AdaGrad (ε = 1e-08) takes away"),
    ],
    ids=["adam", "fitted", "rmsprop", "adagrad"],
)
def test_up_the_gradient(rule, said, dtype, before):
    problem = Problem(up(rule), dtype)
    for _ in range(before):
        problem.step()
    report = check_step(problem.step, params=problem, loss=problem.loss, lr=0.01)
    [finding] = report.findings
    assert (finding.code, finding.severity) == ("GC401", "error")
    assert finding.title == "W and b move up the gradient"
    if dtype is np.float64:  # in single precision other settings are as near
        assert said in finding.cause[0]


@pytest.mark.parametrize("rule", [adam, lambda self, name, w, g: w - 0.01 * np.sign(g)], ids=["adam", "sign"])
def test_one_step_alone_shows_that_it_goes_up(rule):
    problem = Problem(up(rule))
    report = check_step(problem.step, params=problem, loss=problem.loss, lr=0.01, steps=1)
    [finding] = report.findings
    assert (finding.code, finding.severity) == ("GC401", "error")
    assert "up the gradient: every entry by the same amount" in finding.title


@pytest.mark.parametrize("rule", [adam, rmsprop])
def test_up_is_right_where_the_rate_is_negative(rule):
    problem = Problem(up(rule))
    report = check_step(problem.step, params=problem, loss=problem.loss, lr=-0.01)
    assert report.ok
    assert report.findings == ()
    problem = Problem(rule)
    report = check_step(problem.step, params=problem, loss=problem.loss, lr=-0.01)
    assert [finding.code for finding in report.findings] == ["GC401"]


def penalised(rule, decay, self, name, w, g):
    return rule(self, name, w, g + decay * w)


def square_root(self, name, w, g):
    return adam(self, name, w, g, 0.7, 0.97)


@pytest.mark.parametrize(
    ("rule", "before", "decay", "ok"),
    [(adam, 0, 0.1, True), (adagrad, 3, 0.1, True), (square_root, 0, 0.1, True), (adagrad, 0, 0.2, False)],
)
def test_a_weight_decay_in_the_gradient_of_an_adaptive_rule(rule, before, decay, ok):
    problem = Problem(functools.partial(penalised, rule, decay))
    for _ in range(before):
        problem.step()
    report = check_step(problem.step, params=problem, loss=problem.loss, lr=0.01, weight_decay=0.1, raises=False)
    assert report.ok == ok
    assert any("of g + 0.1·w) does with this gradient" in note for note in report.notes) == ok


def momentum(ahead, decay, self, name, w, g):
    self.v[name] = 0.9 * self.v[name] + g
    return w - 0.01 * ((g + 0.9 * self.v[name] if ahead else self.v[name]) + decay * w)


@pytest.mark.parametrize("before", [0, 3])
@pytest.mark.parametrize("ahead", [False, True])
@pytest.mark.parametrize(("decay", "ok"), [(0.1, True), (0.2, False)])
def test_a_weight_decay_beside_momentum(ahead, before, decay, ok):
    problem = Problem(functools.partial(momentum, ahead, decay))
    for _ in range(before):
        problem.step()
    report = check_step(
        problem.step, params=problem, loss=problem.loss, lr=0.01, momentum=0.9, weight_decay=0.1, raises=False
    )
    assert report.ok == ok
