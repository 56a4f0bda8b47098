"""What a sample says is what NumPy says of the same arrays."""

import numpy as np
import pytest
import torch
from torch import nn
from torch_watched import data, layer, parameter, sampled, stepper

from gradcheck.watching.pytorch.slopes import slope_of
from gradcheck.watching.pytorch.stats import merged, norm_of, stats_of

X, Y = data()


def by_hand():
    """A 6-8-3 network with logistic units, its first step of SGD with rate 0.5, everything in NumPy."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 8), nn.Sigmoid(), nn.Linear(8, 3))
    W1, b1, W2, b2 = (p.detach().double().numpy().copy() for p in model.parameters())
    x, y = X.double().numpy(), Y.numpy()
    z1 = x @ W1.T + b1
    a1 = 1 / (1 + np.exp(-z1))
    z2 = a1 @ W2.T + b2
    p = np.exp(z2) / np.exp(z2).sum(1, keepdims=True)
    loss = -np.log(p[np.arange(len(y)), y]).mean()
    dz2 = (p - np.eye(3)[y]) / len(y)
    da1 = dz2 @ W2
    dz1 = da1 * a1 * (1 - a1)
    gradients = {"0.weight": dz1.T @ x, "0.bias": dz1.sum(0), "2.weight": dz2.T @ a1, "2.bias": dz2.sum(0)}
    weights = {"0.weight": W1, "0.bias": b1, "2.weight": W2, "2.bias": b2}
    return model, {"0": (z1, dz1), "1": (a1, da1), "2": (z2, dz2)}, gradients, weights, loss, z2


def test_a_sample_has_the_numbers_of_its_step():
    model, layers, gradients, weights, loss, scores = by_hand()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    (sample,) = sampled(model, stepper(model, optimizer), optimizer=optimizer)
    assert (sample.step, sample.first, sample.samples) == (0, True, 32)
    assert sample.loss == pytest.approx(loss, rel=1e-5)
    assert [each.name for each in sample.layers] == ["0", "1", "2"]
    assert [each.kind for each in sample.layers] == ["linear", "logistic", "linear"]
    for name, (value, gradient) in layers.items():
        found = layer(sample, name)
        assert found.shape == value.shape
        assert found.activation.norm == pytest.approx(np.linalg.norm(value), rel=1e-5)
        assert found.activation.mean == pytest.approx(value.mean(), abs=1e-6)
        assert (found.activation.low, found.activation.high) == pytest.approx((value.min(), value.max()), rel=1e-5)
        assert found.activation.std == pytest.approx(value.std(), rel=1e-4)
        assert found.gradient.norm == pytest.approx(np.linalg.norm(gradient), rel=1e-4)
    logistic = layer(sample, "1")
    slope = 4 * layers["1"][0] * (1 - layers["1"][0])
    assert logistic.input_gradient.norm == pytest.approx(np.linalg.norm(layers["0"][1]), rel=1e-4)
    assert logistic.slope == pytest.approx(np.sqrt((slope**2).mean()), rel=1e-5)
    assert logistic.flat == (slope < 0.01).mean()
    for name, gradient in gradients.items():
        found = parameter(sample, name)
        assert found.gradient.norm == pytest.approx(np.linalg.norm(gradient), rel=1e-4)
        assert found.weight.norm == pytest.approx(np.linalg.norm(weights[name]), rel=1e-5)
        assert found.update.norm == pytest.approx(0.5 * np.linalg.norm(gradient), rel=1e-3)
        assert found.lr == 0.5
        assert found.trained
    assert (parameter(sample, "0.weight").fan_in, parameter(sample, "0.weight").fan_out) == (6, 8)
    assert sample.output.loss_kind == "cross-entropy"
    assert sample.output.classes == 3
    assert sample.output.predicted.tolist() == np.bincount(scores.argmax(1), minlength=3).tolist()
    assert sample.output.labels.tolist() == np.bincount(Y.numpy(), minlength=3).tolist()


def test_units_of_a_relu_are_columns_or_channels():
    y = torch.zeros(5, 4, 3, 3)
    y[2, 1, 0, 0] = 7.0
    found = slope_of("relu", y, 1, None)
    assert found.active.tolist() == [False, True, False, False]
    assert found.zeros == y.numel() - 1
    assert found.flat == pytest.approx(1 - 1 / y.numel())
    assert slope_of("relu", torch.tensor([[0.0, 1.0], [0.0, 0.0]]), -1, None).active.tolist() == [False, True]


@pytest.mark.parametrize(
    ("kind", "output", "bounds", "flat"),
    [
        ("tanh", [0.0, 0.5, 0.9999, -0.9999], None, 0.5),
        ("logistic", [0.5, 0.0001, 0.9999, 0.9999], None, 0.75),
        ("clip", [-1.0, 0.3, 1.0, 0.9], (-1.0, 1.0), 0.5),
        ("clip", [0.0, 6.0, 6.0, 3.0], (0.0, 6.0), 0.75),
        ("relu", [0.0, 0.0, 0.0, 3.0], None, 0.75),
    ],
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_what_is_flat(kind, output, bounds, flat, dtype):
    found = slope_of(kind, torch.tensor([output, output], dtype=dtype), -1, bounds)
    assert found.flat == pytest.approx(flat)


def test_a_softmax_is_judged_by_rows():
    rows = torch.tensor([[1.0, 0.0, 0.0, 0.0], [0.25, 0.25, 0.25, 0.25]])
    found = slope_of("softmax", rows, -1, None, -1)
    assert (found.count, found.flat) == (2, 0.5)
    assert found.slope == pytest.approx(np.sqrt(0.5))


@pytest.mark.parametrize("scale", [1e-40, 1e-25, 1e-12, 1.0, 1e12, 1e25, 3e37])
def test_a_norm_neither_overflows_nor_vanishes(scale):
    x = torch.linspace(-1, 1, 101, dtype=torch.float64) * scale
    found = norm_of(x.float())
    assert found == pytest.approx(float(np.linalg.norm(x.float().double().numpy() / scale) * scale), rel=1e-5)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_sixteen_bit_floats_are_added_up_in_more(dtype):
    x = torch.full((300, 300), 0.5, dtype=dtype)
    found = stats_of(x, extremes=True, mean=True, zeros=True)
    assert found.norm == pytest.approx(150.0)
    assert (found.low, found.high, found.mean, found.zeros, found.bad) == (0.5, 0.5, 0.5, 0, 0)
    assert found.dtype == str(dtype).removeprefix("torch.")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_what_is_not_finite_is_counted(value):
    x = torch.ones(4, 5)
    x[1, 2] = x[3, 3] = value
    found = stats_of(x)
    assert found.bad == 2
    assert not np.isfinite(found.norm)


def test_small_numbers_are_looked_at_more_closely():
    found = stats_of(torch.tensor([0.0, 1e-39, 1e-38, -1e-36]))
    assert (found.zeros, found.subnormal) == (1, 2)
    assert found.smallest == pytest.approx(1e-39, rel=1e-3)


def test_numbers_near_the_largest_are_looked_at_more_closely():
    assert stats_of(torch.tensor([1.0, 6e4], dtype=torch.float16)).largest == pytest.approx(6e4, rel=1e-3)
    assert stats_of(torch.tensor([1.0, 6.0])).largest is None


@pytest.mark.parametrize("shape", [(0,), (3, 0), ()])
def test_arrays_without_entries_and_single_numbers(shape):
    x = torch.full(shape, 2.0)
    found = stats_of(x, extremes=True, mean=True, zeros=True)
    assert found.count == x.numel()
    assert found.rms == (2.0 if x.numel() else 0.0)


def test_sparse_and_complex_tensors():
    sparse = torch.sparse_coo_tensor([[0, 3]], [3.0, 4.0], (10,), check_invariants=True)
    assert stats_of(sparse).norm == 5.0
    assert stats_of(torch.tensor([3 + 4j])).norm == pytest.approx(5.0)
    turned = torch.arange(12.0).reshape(3, 4).t()[1:]
    assert stats_of(turned).norm == pytest.approx(np.linalg.norm(turned.numpy()))


def test_two_calls_together_are_as_one_array():
    one, other = torch.randn(7, 3), torch.randn(5, 3)
    both = stats_of(torch.cat([one, other]), extremes=True, mean=True, zeros=True)
    found = merged(*(stats_of(x, extremes=True, mean=True, zeros=True) for x in (one, other)))
    assert (found.count, found.low, found.high, found.zeros) == (both.count, both.low, both.high, both.zeros)
    assert (found.norm, found.mean) == pytest.approx((both.norm, both.mean), rel=1e-5)
