"""A learning rate beside λmax: known spectra, exact statements for quadratics, momentum, and what ρ says."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "fixtures"))

from cnn.one_neuron import Neuron

from gradcheck import GradcheckError, check_learning_rate, load_report


def with_spectrum(eigenvalues, seed=0):
    rng = np.random.default_rng(seed)
    q, _ = np.linalg.qr(rng.normal(size=(len(eigenvalues),) * 2))
    return q @ np.diag(eigenvalues) @ q.T


def quadratic(eigenvalues, seed=0):
    """A loss with this Hessian, and weights away from its minimum."""
    hessian = with_spectrum(eigenvalues, seed)
    centre, w = np.random.default_rng(seed + 1).normal(size=(2, len(eigenvalues)))
    return (lambda w: (w - centre) @ hessian @ (w - centre) / 2), w


SPECTRA = [
    [14.0],
    [1.0, 2.0, 3.0],
    [5.0, 5.0, 5.0, 5.0],
    [1e-3, 1e3],
    [0.0, 0.0, 7.0],
    [1e-8, 2e-8],
    [1e6, 1.0, 2.0],
    [10.0, 9.9, 9.8, 1.0, 0.1],
    list(np.linspace(0.01, 2, 60)),
    list(np.geomspace(1e-4, 50, 200)),
]


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("spectrum", SPECTRA, ids=lambda s: f"{len(s)} to {max(s):g}")
def test_the_largest_eigenvalue_of_a_quadratic(spectrum, seed):
    loss, w = quadratic(spectrum, seed)
    size = check_learning_rate(loss, w, lr=1.9 / max(spectrum), seed=seed).step_size
    assert size.lambda_max == pytest.approx(max(spectrum), rel=1e-6)
    assert size.quadratic
    assert size.verdict == "converges"
    assert size.limit == pytest.approx(2 / max(spectrum), rel=1e-6)
    assert size.suggested == pytest.approx(1 / max(spectrum), rel=1e-6)
    assert size.products <= 30
    above = check_learning_rate(loss, w, lr=2.1 / max(spectrum), seed=seed)
    assert above.step_size.verdict == "diverges"
    assert [f.code for f in above.findings] == ["GC410"]
    assert not above.ok


def test_the_one_neuron_puzzle():
    neuron = Neuron()
    report = check_learning_rate(neuron.loss, neuron, lr=0.25, gradient=neuron.backward)
    size = report.step_size
    assert size.lambda_max == pytest.approx(14, rel=1e-12)
    assert size.limit == pytest.approx(1 / 7, rel=1e-12)
    assert size.suggested == pytest.approx(1 / 14, rel=1e-12)
    assert size.rho == pytest.approx(-0.75)
    assert size.rho_small == pytest.approx(1)
    [finding] = report.findings
    assert finding.title == "the learning rate 0.25 > 0.142857 = 2/λmax: gradient descent diverges"
    assert "1 - 0.25·14 = -2.5" in finding.cause[0]
    assert "1/14 = 0.07143" in finding.help[0]
    assert check_learning_rate(neuron.loss, neuron, lr=1 / 14).ok


@pytest.mark.parametrize("given", ["array", "dict", "list", "object", "argument", "arguments by name", "one dict"])
def test_the_ways_to_give_the_parameters(given):
    neuron, x = Neuron(), np.array([1.0, 2.0, 3.0])
    w = neuron.weights
    loss, params = {
        "array": (neuron.loss, w),
        "dict": (neuron.loss, {"weights": w}),
        "list": (neuron.loss, [w]),
        "object": (lambda: neuron.loss(), neuron),
        "argument": (lambda w: (x @ w) ** 2 / 2, w),
        "arguments by name": (lambda b, w: (x @ w) ** 2 / 2 + 0 * b, {"w": w, "b": np.zeros(())}),
        "one dict": (lambda params: (x @ params["w"]) ** 2 / 2, {"w": w}),
    }[given]
    assert check_learning_rate(loss, params, lr=0.25).step_size.lambda_max == pytest.approx(14)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_puzzle_in_torch(dtype):
    x, w = torch.tensor([1.0, 2.0, 3.0], dtype=dtype), torch.tensor([3.0, 2.0, 1.0], dtype=dtype, requires_grad=True)
    linear = torch.nn.Linear(3, 1, bias=False, dtype=dtype)
    for loss, params in [
        (lambda: (x @ w) ** 2 / 2, w),
        (lambda w: (x @ w) ** 2 / 2, w),
        (lambda: (linear(x) ** 2 / 2).sum(), linear),
        (lambda: (linear(x) ** 2 / 2).sum(), linear.parameters()),
        (lambda: (linear(x) ** 2 / 2).sum(), dict(linear.named_parameters())),
    ]:
        size = check_learning_rate(loss, params, lr=0.25).step_size
        assert size.lambda_max == pytest.approx(14, rel=1e-6)
        assert (size.verdict, size.quadratic) == ("diverges", True)


# -- momentum ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("beta", [0.0, 0.5, 0.9, 0.99])
@pytest.mark.parametrize(("share", "verdict"), [(0.98, "converges"), (1.02, "diverges")])
def test_the_limit_with_momentum_is_where_descent_really_turns(beta, share, verdict):
    spectrum = [0.5, 3.0, 8.0]
    loss, w = quadratic(spectrum)
    lr = share * 2 * (1 + beta) / 8.0
    size = check_learning_rate(loss, w, lr=lr, momentum=beta).step_size
    assert size.verdict == verdict
    assert size.limit == pytest.approx(2 * (1 + beta) / 8.0, rel=1e-6)
    hessian = with_spectrum(spectrum)
    centre, _ = np.random.default_rng(1).normal(size=(2, 3))
    velocity, at = np.zeros(3), w
    distances = []
    for _ in range(6000):
        velocity = beta * velocity + hessian @ (at - centre)
        at = at - lr * velocity
        distances.append(np.linalg.norm(at - centre))
        if distances[-1] > 1e12:
            break
    assert (distances[-1] > 1e6) == (verdict == "diverges")
    assert (distances[-1] < 1e-6) == (verdict == "converges")


def test_the_limit_itself_is_undecided():
    loss, w = quadratic([4.0])
    report = check_learning_rate(loss, w, lr=0.5)
    assert report.step_size.verdict == "undecided"
    assert not report.ok
    assert any("the limit itself" in note for note in report.notes)


# -- where there is no bowl ----------------------------------------------------------------------------------------


def test_a_linear_loss_sets_no_limit():
    report = check_learning_rate(lambda w: 3 * w.sum(), np.ones(3), lr=5.0)
    assert report.step_size.verdict == "undecided"
    assert report.step_size.limit == np.inf
    assert any("no limit" in note for note in report.notes)
    assert not report.findings
    assert not report.ok


def test_a_hill_sets_no_limit():
    report = check_learning_rate(lambda w: -np.sum(w**2), np.ones(3), lr=0.1)
    assert report.step_size.limit == np.inf
    assert report.findings[0].code == "GC413"
    assert not report.ok


def test_a_quadratic_saddle_has_no_minimum():
    loss, w = quadratic([3.0, 1.0, -5.0])
    report = check_learning_rate(loss, w, lr=0.1)
    assert report.step_size.lambda_max == pytest.approx(3, rel=1e-6)
    assert report.step_size.lambda_min == pytest.approx(-5, rel=1e-6)
    [finding] = report.findings
    assert (finding.code, finding.severity) == ("GC413", "error")
    assert "no minimum" in finding.cause[0]
    assert "larger of the two ends" in finding.cause[1]


def test_at_the_minimum():
    report = check_learning_rate(lambda w: np.sum(w**2), np.zeros(3), lr=0.1)
    assert report.ok
    assert report.step_size.rho is None
    assert any("gradient is zero" in note for note in report.notes)


@pytest.mark.parametrize(
    "loss",
    [
        lambda w: np.sum(w**4),
        lambda w: np.sum(np.cosh(w)),
        lambda w: np.sum(w**2) + 1e-3 * np.sum(w**3),
        lambda w: np.sum(np.maximum(w, 0.0) ** 2),
        lambda w: np.sum(w**2) * w[0],
    ],
)
def test_what_is_no_quadratic_is_not_taken_for_one(loss):
    size = check_learning_rate(loss, np.array([1.0, 0.5, -0.3]), lr=0.01).step_size
    assert not size.quadratic
    assert size.verdict == "below the edge"


def test_above_the_edge_is_a_warning_where_the_loss_falls_and_an_error_where_it_does_not():
    w = np.array([1.5])
    report = check_learning_rate(lambda w: np.sum(w**4) / 4, w, lr=0.32)  # λmax = 3·1.5² = 6.75, the limit 0.296
    assert [(f.code, f.severity) for f in report.findings] == [("GC411", "warning")]
    assert report.ok
    report = check_learning_rate(lambda w: np.sum(w**4) / 4, w, lr=2.0)
    assert [(f.code, f.severity) for f in report.findings] == [("GC411", "error")]
    assert not report.ok
    assert "Cohen et al. 2021" in report.findings[0].cause[1]


# -- ρ -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("factor", "limit", "words"),
    [
        (2.0, 0.5, "2 times the true gradient"),
        (0.5, 2.0, "0.5 times the true gradient"),
        (-1.0, -1.0, "the wrong sign"),
        (32.0, 1 / 32, "32 times"),
        (-3.0, -1 / 3, "the wrong sign, and is 3 times as long"),
    ],
)
def test_rho_names_a_gradient_that_is_a_multiple(factor, limit, words):
    loss, w = quadratic([1.0, 2.0, 3.0])
    true = gradient_of(loss, w)
    report = check_learning_rate(loss, w, lr=1e-3, gradient=factor * true)
    assert report.step_size.rho_small == pytest.approx(limit, rel=1e-5)
    [finding] = report.findings
    assert finding.code == "GC412"
    assert words in finding.cause[0]
    assert not report.ok


def test_rho_of_a_right_gradient_goes_to_one_with_the_step():
    loss, w = quadratic([1.0, 2.0, 3.0])
    true = gradient_of(loss, w)
    for lr in (1e-1, 1e-2, 1e-3):
        report = check_learning_rate(loss, w, lr=lr, gradient=true)
        assert report.ok
        assert report.step_size.rho == pytest.approx(1, abs=2 * lr)
        assert report.step_size.rho_small == pytest.approx(1, rel=1e-6)


def test_rho_finds_a_gradient_of_another_direction():
    loss, w = quadratic([1.0, 2.0, 3.0])
    report = check_learning_rate(loss, w, lr=1e-3, gradient=np.roll(gradient_of(loss, w), 1))
    assert "no multiple of the true gradient" in report.findings[0].cause[0]


def gradient_of(loss, w):
    steps = 1e-6 * np.eye(len(w))
    return np.array([(loss(w + h) - loss(w - h)) / 2e-6 for h in steps])


# -- the report ----------------------------------------------------------------------------------------------------


def test_the_report_goes_through_json_and_is_printed(tmp_path):
    loss, w = quadratic([1.0, 2.0])
    for lr in (0.5, 2.0):
        report = check_learning_rate(loss, w, lr=lr, momentum=0.5, name="a bowl")
        assert report.subject == "a bowl"
        assert report.kind == "learning rate"
        assert load_report(report.to_json()).step_size == report.step_size
        assert "λmax" in str(report)


def test_a_sum_over_a_batch_is_asked_about():
    rng = np.random.default_rng(0)
    x, y, w = rng.normal(size=(32, 3)), rng.normal(size=32), rng.normal(size=3)
    report = check_learning_rate(lambda: np.sum((x @ w - y) ** 2) / 2, {"w": w}, lr=0.5)
    assert any("a sum over the batch, 32" in line for line in report.findings[0].help)


# -- what a user may meet ------------------------------------------------------------------------------------------


def first_line(report):
    return str(report).splitlines()[0]


def test_an_undecided_margin_is_told_as_such():
    loss, w = quadratic([4.0])
    assert "0.5 is the limit itself" in first_line(check_learning_rate(loss, w, lr=0.5))
    hessian = np.concatenate([np.linspace(1, 99, 99), [100.0]])
    w = np.random.default_rng(0).normal(size=100)
    report = check_learning_rate(lambda w: (hessian * w * w).sum() / 2, w, lr=0.01995)
    assert report.step_size.verdict == "undecided"
    assert "0.01995 is near the limit 0.02000, which may be lower" in first_line(report)
    assert "no limit could be found" in first_line(check_learning_rate(lambda w: w.sum(), np.ones(3), lr=1.0))


def test_curvature_beyond_the_root_of_the_largest_float():
    size = check_learning_rate(lambda w: 1e200 * (w**2).sum(), np.ones(3), lr=1e-201).step_size
    assert size.limit == pytest.approx(1e-200)
    assert size.verdict == "converges"
    assert check_learning_rate(lambda w: 1e200 * (w**2).sum(), np.ones(3), lr=0.1).step_size.verdict == "diverges"


@pytest.mark.parametrize("budget", [0, -1, 2.5, True, "many"])
def test_a_budget_that_is_no_number_of_products(budget):
    with pytest.raises(GradcheckError, match="whole number of products H·v from 1 up"):
        check_learning_rate(lambda w: (w**2).sum(), np.ones(3), lr=0.1, budget=budget)


@pytest.mark.parametrize("value", [None, "a", 1j])
def test_a_loss_that_gives_no_number(value):
    with pytest.raises(GradcheckError, match=r"^loss: it gives .*; it must return one number, the loss"):
        check_learning_rate(lambda w: value, np.ones(3), lr=0.1)


def test_what_takes_too_long_is_left_out_and_said(monkeypatch):
    monkeypatch.setattr("gradcheck.learning_rate._CLOSER", 0.0)
    loss, w = quadratic([1.0, 2.0, 3.0])
    report = check_learning_rate(loss, w, lr=0.1)
    assert report.ok
    assert (report.step_size.verdict, report.step_size.quadratic) == ("below the edge", False)
    assert any("was not tried: it takes too long" in note for note in report.notes)
    above = check_learning_rate(loss, w, lr=1.0)
    assert any("1 of 10 steps" in note for note in above.notes)
    monkeypatch.setattr("gradcheck.learning_rate._LONGEST", 0.0)
    report = check_learning_rate(loss, w, lr=0.1)
    assert any("no more than 1 products" in note or "budget=" in note for note in report.notes)
    assert check_learning_rate(loss, w, lr=0.1, budget=30).step_size.lambda_max == pytest.approx(3)


def test_a_torch_loss_that_changes_from_call_to_call():
    calls = iter(range(100))
    with pytest.raises(GradcheckError, match="does not change from call to call"):
        check_learning_rate(lambda w: (w**2).sum() * (1 + next(calls)), torch.ones(3), lr=0.1)
