"""λmax of networks against the eigenvalues of their whole Hessians."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy, mse_loss

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "fixtures"))

from numpy_mlp.network_repaired import Network
from numpy_mlp.task import load_even_odd

from gradcheck import check_learning_rate


def hessian_of(loss, tensors):
    first = torch.autograd.grad(loss(), tensors, create_graph=True)
    flat = torch.cat([g.reshape(-1) for g in first])
    rows = [torch.cat([h.reshape(-1) for h in torch.autograd.grad(e, tensors, retain_graph=True)]) for e in flat]
    return torch.stack(rows).detach().numpy()


def conv_net():
    return torch.nn.Sequential(
        torch.nn.Unflatten(1, (1, 2, 2)),
        torch.nn.Conv2d(1, 3, 2),
        torch.nn.GELU(),
        torch.nn.Flatten(),
        torch.nn.Linear(3, 3),
    )


MODELS = {
    "tanh": lambda: torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.Tanh(), torch.nn.Linear(5, 3)),
    "relu": lambda: torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3)),
    "conv": conv_net,
    "norm": lambda: torch.nn.Sequential(
        torch.nn.Linear(4, 6), torch.nn.BatchNorm1d(6), torch.nn.Sigmoid(), torch.nn.Linear(6, 3)
    ),
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", MODELS)
def test_torch(kind, seed, dtype):
    torch.manual_seed(seed)
    model, x, y = MODELS[kind]().double(), torch.randn(20, 4).double(), torch.randint(0, 3, (20,))
    whole = np.linalg.eigvalsh(hessian_of(lambda: cross_entropy(model(x), y), list(model.parameters())))
    model, x = model.to(dtype), x.to(dtype)
    size = check_learning_rate(lambda: cross_entropy(model(x), y), model, lr=0.01, seed=seed).step_size
    close = 1e-6 if dtype == torch.float64 else 1e-4
    assert size.lambda_max == pytest.approx(whole[-1], rel=close)
    assert abs(size.lambda_max - whole[-1]) <= max(size.lambda_error, close * whole[-1])
    assert size.lambda_min == pytest.approx(whole[0], rel=1e-2, abs=1e-4 * whole[-1])


@pytest.mark.parametrize("hidden", [3, 12])
def test_numpy_against_the_hessian_by_differences(hidden):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(15, 4)), rng.normal(size=(15, 2))
    params = {"W1": rng.normal(size=(4, hidden)), "b1": np.zeros(hidden), "W2": rng.normal(size=(hidden, 2))}

    def loss():
        return np.mean((np.tanh(x @ params["W1"] + params["b1"]) @ params["W2"] - y) ** 2)

    tensors = [torch.tensor(p, requires_grad=True) for p in params.values()]
    w1, b1, w2 = tensors
    inputs, targets = torch.tensor(x), torch.tensor(y)
    whole = np.linalg.eigvalsh(hessian_of(lambda: mse_loss(torch.tanh(inputs @ w1 + b1) @ w2, targets), tensors))
    size = check_learning_rate(loss, params, lr=0.01).step_size
    assert size.lambda_max == pytest.approx(whole[-1], rel=1e-6)
    assert size.lambda_min == pytest.approx(whole[0], rel=1e-2, abs=1e-4 * whole[-1])


def test_float32_arrays_are_followed_in_float64():
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(9, 4)).astype(np.float32), rng.normal(size=4).astype(np.float32)
    size = check_learning_rate(lambda: np.sum((x @ w) ** 2) / 2, {"w": w}, lr=0.01).step_size
    assert size.lambda_max == pytest.approx(np.linalg.eigvalsh(x.astype(float).T @ x)[-1], rel=1e-6)
    assert w.dtype == np.float32


def test_the_repaired_network_with_its_own_gradient():
    x, y, _, _ = load_even_odd()
    x, y, net = x[:32], y[:32], Network()
    report = check_learning_rate(lambda: net.loss(x, y), net, lr=0.01, gradient=lambda: net.backward(x, y))
    assert report.ok
    assert report.step_size.rho_small == pytest.approx(1, rel=1e-6)
    assert report.step_size.verdict == "below the edge"


class NoSecondDerivative(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient):
        return 3 * ctx.saved_tensors[0] ** 2 * gradient


def test_a_function_without_a_second_derivative_is_differenced():
    w = torch.tensor([1.0, 2.0, 0.5], dtype=torch.float64, requires_grad=True)
    report = check_learning_rate(lambda: NoSecondDerivative.apply(w).sum(), w, lr=0.01)
    assert report.step_size.lambda_max == pytest.approx(12, rel=1e-5)
    assert any("differences of the gradient" in note for note in report.notes)


def test_a_loss_that_leaves_numpy_is_differenced():
    w = np.array([1.0, 2.0, 0.5])

    def loss():
        return sum(float(str(v)) ** 4 for v in w)

    report = check_learning_rate(loss, {"w": w}, lr=0.01)
    assert report.step_size.lambda_max == pytest.approx(48, rel=1e-3)
    assert any("differences of its values" in note for note in report.notes)


def test_many_single_reads():
    w = np.linspace(0.5, 1.5, 80)

    def loss():
        total = 0.0
        for _ in range(2):
            for k in range(len(w)):
                total = total + w[k] ** 2 * (k + 1) / 4
        return total

    size = check_learning_rate(loss, {"w": w}, lr=0.001).step_size
    assert size.lambda_max == pytest.approx(80, rel=1e-5)
    assert 80 - size.lambda_max <= size.lambda_error


def test_dropout_is_drawn_alike_each_time():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Dropout(0.5), torch.nn.Linear(8, 1)).double()
    x = torch.randn(10, 4).double()
    first, second = (check_learning_rate(lambda: model(x).square().mean(), model, lr=0.01) for _ in range(2))
    assert first.step_size == second.step_size
    assert first.step_size.lambda_error < 1e-3 * first.step_size.lambda_max


def test_a_budget_that_is_too_small_is_said():
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(60, 50)), rng.normal(size=50)
    largest = np.linalg.eigvalsh(x.T @ x)[-1]
    report = check_learning_rate(lambda: np.sum((x @ w) ** 2) / 2, {"w": w}, lr=1.8 / largest, budget=2)
    assert report.step_size.products == 2
    assert report.step_size.verdict == "undecided"
    assert any("give a larger budget" in note for note in report.notes)
