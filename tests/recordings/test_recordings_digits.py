"""Recorded arrays with few digits: right gradients pass, the remark says what cannot be seen, wrong ones are found."""

import io

import numpy as np
import pytest
import torch

from gradcheck import check_recorded
from gradcheck.recordings.digits import digits_of

RNG = np.random.default_rng(0)


def printed(form):
    return lambda a: np.array([float(form % v) for v in np.ravel(a)], np.asarray(a).dtype).reshape(np.shape(a))


def saved_as_text(array):
    file = io.StringIO()
    np.savetxt(file, np.atleast_2d(array), fmt="%.6g")
    file.seek(0)
    return np.loadtxt(file, ndmin=2).reshape(np.shape(array))


ROUNDED = {
    "6 significant digits": saved_as_text,
    "4 significant digits": printed("%.4g"),
    "5 decimals": printed("%.5f"),
    "the digits of float16": lambda a: np.asarray(a, np.float16).astype(np.float64),
    "the digits of bfloat16": lambda a: torch.as_tensor(a).bfloat16().float().numpy(),
}


def arrays(seed=0, n=6):
    r = np.random.default_rng(seed)
    x, w, b, dout = r.normal(size=(n, 5)), r.normal(size=(5, 4)), r.normal(size=4), r.normal(size=(n, 4))
    y = np.tanh(x @ w + b)
    dz = dout * (1 - y * y)
    return {"x": x, "w": w, "b": b, "dout": dout, "out": y, "dx": dz @ w.T, "dw": x.T @ dz, "db": dz.sum(0)}


def layer(x, w, b):
    return torch.tanh(x @ w + b)


@pytest.mark.parametrize("told", ROUNDED)
def test_the_digits_are_counted(told):
    assert str(digits_of([ROUNDED[told](RNG.normal(size=(6, 5)))])) == told


@pytest.mark.parametrize(
    "array",
    [
        RNG.normal(size=200),
        RNG.normal(size=200).astype(np.float32),
        np.arange(100.0),
        np.arange(100.0) / 4,
        RNG.choice([0.1, 0.2, 0.25], 50),
        printed("%.4g")(RNG.normal(size=4)),
        np.zeros(20),
        np.arange(20),
    ],
    ids=["float64", "float32", "whole", "quarters", "chosen", "few", "zeros", "integers"],
)
def test_numbers_that_were_not_rounded_are_left_alone(array):
    assert digits_of([array]) is None


@pytest.mark.parametrize("told", ROUNDED)
@pytest.mark.parametrize("seed", range(2))
def test_right_gradients_with_few_digits_pass_and_the_report_says_so(told, seed):
    report = check_recorded({name: ROUNDED[told](a) for name, a in arrays(seed).items()}, layer)
    assert report.ok
    [note] = [n for n in report.notes if "the recorded arrays carry" in n]
    assert f"carry {told}: errors below" in note
    assert all(0 < g.relative_error < g.limit for g in report.gradients if told in g.reason)
    assert any(told in g.reason for g in report.gradients)


@pytest.mark.parametrize("told", ROUNDED)
def test_wrong_ones_do_not(told):
    recorded = arrays()
    recorded["db"] = recorded["db"] / 6
    report = check_recorded({name: ROUNDED[told](a) for name, a in recorded.items()}, layer, raises=False)
    assert {g.name: g.verdict for g in report.gradients} == {"dx": "right", "dw": "right", "db": "wrong"}


def test_with_six_digits_the_cause_is_named_and_one_entry_is_seen():
    recorded = arrays()
    recorded["db"] = recorded["db"] / 6
    recorded["dw"][1, 2] *= 1.01
    report = check_recorded({n: saved_as_text(a) for n, a in recorded.items()}, layer, raises=False)
    assert [g.verdict for g in report.gradients] == ["right", "wrong", "wrong"]
    assert any(f.title.startswith("db is 0.16666") for f in report.findings)


def test_so_few_that_several_causes_fit_none_is_named():
    recorded = arrays()
    recorded["db"] = recorded["db"] / 6
    report = check_recorded({n: printed("%.4g")(a) for n, a in recorded.items()}, layer, raises=False)
    assert not report.ok
    assert not [f for f in report.findings if f.code.startswith("GC2")]
    assert any("no cause is looked for" in note for note in report.notes)


def test_all_digits_get_no_remark():
    assert not [n for n in check_recorded(arrays(), layer).notes if "digits" in n]
    whole = {"x": np.ones((2, 3)), "w": np.ones((3, 4)), "dout": np.arange(8.0).reshape(2, 4)}
    whole |= {"dx": 1.03 * whole["dout"] @ whole["w"].T, "dw": whole["x"].T @ whole["dout"]}
    report = check_recorded(whole, lambda x, w: x @ w, raises=False)
    assert [g.verdict for g in report.gradients] == ["wrong", "right"]


def test_a_reference_in_numpy_is_held_to_the_same():
    def in_numpy(x, w, b):
        return np.tanh(x @ w + b)

    report = check_recorded({n: saved_as_text(a) for n, a in arrays().items()}, in_numpy)
    assert report.ok
    assert any("6 significant digits" in n for n in report.notes)


def normalised(x, w, b):
    return torch.nn.functional.batch_norm(x @ w + b, None, None, training=True)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_gradient_of_zero_that_was_computed_in_float32_is_rounding(dtype):
    tensors = [torch.tensor(a, dtype=torch.float32, requires_grad=True) for a in list(arrays(n=8).values())[:3]]
    out = normalised(*tensors)
    dout = torch.randn(out.shape, generator=torch.Generator().manual_seed(0))
    found = torch.autograd.grad(out, tensors, dout)
    named = dict(zip(("x", "w", "b", "dx", "dw", "db", "dout"), (*tensors, *found, dout), strict=True))
    report = check_recorded({n: t.detach().numpy().astype(dtype) for n, t in named.items()}, normalised)
    assert report.ok


@pytest.mark.parametrize("zeros", [1, 30])
def test_zeros_among_the_inputs_are_no_tie_of_gradients_at_hand(zeros):
    recorded = {"x": RNG.normal(size=(8, 6)), "w": RNG.normal(size=(6, 3)), "dout": RNG.normal(size=(8, 3))}
    recorded["x"].flat[:zeros] = 0
    recorded |= {"dx": recorded["dout"] @ recorded["w"].T, "dw": recorded["x"].T @ recorded["dout"]}
    assert check_recorded(recorded, lambda x, w: x @ w).ok
