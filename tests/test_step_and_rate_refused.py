"""Mistakes in calls of check_step and check_learning_rate: each names the argument and what would be right."""

import numpy as np
import pytest
import torch

from gradcheck import GradcheckError, check_learning_rate, check_step

w, g = np.ones(3), np.ones(3)
module, frozen = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2).requires_grad_(False)
optimizer = torch.optim.SGD(module.parameters(), lr=0.1)


def step():
    w[...] -= 0.1 * g


def loss():
    return np.sum(w**2)


def fault(*_):
    raise RuntimeError("boom")


def takes(x):
    return x


class Empty:
    pass


class Net:
    def __init__(self):
        self.W = np.ones((2, 2))

    def loss(self):
        return np.sum(self.W**2)


net = Net()
STEP = {"params": {"w": w}, "gradients": {"w": g}, "lr": 0.1}

STEPS = [
    (None, {}, "step: it is None; give a callable"),
    (3, {}, "step: it is the int 3"),
    (takes, {}, r"step: it takes arguments \(x\)"),
    (fault, {}, r"step\(\) raised RuntimeError: boom"),
    (step, {"params": None}, "params: say what the step is to move"),
    (step, {"params": {}}, "params: it is empty"),
    (step, {"params": []}, "params: it is empty"),
    (step, {"params": "w"}, "params: it is the str 'w'"),
    (step, {"params": {w.tobytes()}}, "params: a set has no order"),
    (step, {"params": {"w": [1.0, 2.0]}}, "params: w is a list of 2: give the very array"),
    (step, {"params": [w, None]}, r"params: params\[1\] is None"),
    (step, {"params": {"w": np.ones(3, int)}}, "params: w has dtype int64: gradients need floats"),
    (step, {"params": {"w": np.ones(0)}}, r"params: w is empty \(shape \(0,\)\)"),
    (step, {"params": {"w": np.array([1.0, np.nan])}}, "params: w holds NaN"),
    (step, {"params": {"w": 1j * w}}, "params: w is complex"),
    (step, {"params": {"w": w, "t": torch.ones(3)}}, "params: NumPy arrays and torch tensors are mixed"),
    (step, {"params": Empty()}, "params: no parameters were found in Empty"),
    (step, {"params": frozen}, "no parameter of Linear asks for a gradient"),
    (step, {"params": torch.nn.ReLU()}, "params: the module ReLU has no parameters"),
    (step, {"params": torch.ones(3, dtype=torch.int64)}, "params has dtype torch.int64"),
    (step, {"gradients": None}, "gradients: none are known; give them"),
    (step, {"gradients": {"x": g}}, "gradients: none of 'x' is the gradient of a parameter; the parameters are w"),
    (step, {"gradients": {"w": np.ones(4)}}, r"gradients: that of w has shape \(4,\); w has \(3,\)"),
    (step, {"gradients": {"w": None}}, "gradients: that of w is None"),
    (step, {"gradients": "g"}, "gradients: it is the str 'g'"),
    (step, {"gradients": [g, g]}, r"gradients: there are 2 of them for 1 parameters \(w\)"),
    (step, {"gradients": {}}, "gradients: there are 0 of them"),
    (step, {"gradients": lambda: None}, "gradients: it returned nothing"),
    (step, {"gradients": fault}, r"gradients\(\) raised RuntimeError: boom"),
    (step, {"gradients": step}, "gradients: calling it moved w"),
    (step, {"lr": None}, "lr: give the learning rate"),
    (step, {"lr": 0}, "lr: it must be a finite number that is not 0, not 0"),
    (step, {"lr": float("nan")}, "lr: it must be a finite number that is not 0, not nan"),
    (step, {"lr": "0.1"}, "lr: it must be a finite number that is not 0, not '0.1'"),
    (step, {"lr": True}, "lr: it must be a finite number"),
    (step, {"lr": {"v": 0.1}}, "lr: it names 'v', which is no parameter; there are w"),
    (step, {"lr": {}}, "lr: it is empty"),
    (step, {"momentum": 1.5}, "momentum: it must be a number from 0 up to"),
    (step, {"weight_decay": -1}, "weight_decay: it must be a finite number from 0 up"),
    (step, {"steps": 0}, "steps: it must be a whole number from 1 up"),
    (step, {"seed": -1}, "seed: it must be a whole number from 0 up"),
    (step, {"name": 3}, "name: it must be a string"),
    (step, {"gradients": None, "loss": 3}, "loss: it is the int 3; give a callable"),
    (step, {"gradients": None, "loss": lambda: 3.0}, "params: w is not an array that the loss uses"),
    (step, {"gradients": None, "loss": lambda a, b: 3.0}, r"loss: it takes \(a, b\), and params are 1"),
    (step, {"gradients": None, "loss": lambda: 1 * w}, "loss: it gives"),
]


@pytest.mark.parametrize(("made", "options", "words"), STEPS, ids=[words[:50] for *_, words in STEPS])
def test_check_step(made, options, words):
    with pytest.raises(GradcheckError, match=words):
        check_step(made, **(STEP | options))
    assert np.array_equal(w, np.ones(3))


def test_a_torch_step_before_any_backward():
    with pytest.raises(GradcheckError, match="gradients: none are known: the step leaves none"):
        check_step(optimizer.step)


def at(value):
    return lambda: module(torch.ones(2)).sum() * value


RATES = [
    ((None, w, 0.1), {}, "loss: it is None; give a callable"),
    ((loss, None, 0.1), {}, "params: it is None"),
    ((loss, {}, 0.1), {}, "params: it is empty"),
    ((loss, w, 0), {}, "lr: it must be a finite number above 0, not 0"),
    ((loss, w, -0.1), {}, "lr: it must be a finite number above 0"),
    ((loss, w, float("inf")), {}, "lr: it must be a finite number above 0, not inf"),
    ((loss, w, "a"), {}, "lr: it must be a finite number above 0, not 'a'"),
    ((loss, w, 0.1), {"momentum": 1}, r"momentum: it must be a number from 0 up to \(not including\) 1"),
    ((loss, w, 0.1), {"momentum": -0.1}, "momentum: it must be a number"),
    ((loss, w, 0.1), {"seed": 1.5}, "seed: it must be a whole number"),
    ((loss, w, 0.1), {"budget": 0}, "budget: it must be a whole number of products"),
    ((loss, w, 0.1), {"budget": -1}, "budget: it must be a whole number"),
    ((loss, w, 0.1), {"name": 1}, "name: it must be a string"),
    ((loss, w.copy(), 0.1), {}, "params is not an array that the loss uses: give the very object, not a copy"),
    ((loss, np.ones(3, int), 0.1), {}, "params has dtype int64"),
    ((fault, net, 0.1), {}, r"loss\(\) raised RuntimeError: boom"),
    ((lambda: 1 * w, w, 0.1), {}, r"loss: it gives \(3,\); it must return one number"),
    ((lambda: np.sum(w) / np.float64(0), w, 0.1), {}, "loss: it is inf|raised RuntimeWarning"),
    ((lambda a, b: 0.0, w, 0.1), {}, r"loss: it takes \(a, b\), and params are 1"),
    ((loss, w, 0.1), {"gradient": np.ones(4)}, r"gradient: that of params has shape \(4,\)"),
    ((loss, w, 0.1), {"gradient": {"x": w}}, "gradient: none of 'x' is the gradient of a parameter"),
    ((loss, w, 0.1), {"gradient": np.array([1.0, np.nan, 1.0])}, "gradient: it has NaN or infinite entries"),
    ((loss, w, 0.1), {"gradient": fault}, r"gradient\(\) raised RuntimeError: boom"),
    ((net.loss, Empty(), 0.1), {}, "params: no parameters were found in Empty"),
    ((net.loss, Net(), 0.1), {}, "params: the loss uses none of the arrays of Net"),
    ((lambda: 1.0, module, 0.1), {}, "loss: it gives float; it must return one number, as a tensor"),
    ((lambda: module(torch.ones(2)), module, 0.1), {}, r"loss: it gives \(2,\)"),
    ((lambda: at(1)().detach(), module, 0.1), {}, "loss: it does not depend on the parameters"),
    ((at(1), torch.nn.Linear(2, 2), 0.1), {}, "loss: it does not depend on the parameters"),
    ((at(float("inf")), module, 0.1), {}, "loss: it is (-?inf|nan) at these weights"),
    ((fault, module, 0.1), {}, "loss: the loss raised RuntimeError: boom"),
    ((at(1), frozen, 0.1), {}, "no parameter of Linear asks for a gradient"),
    ((at(1), module.parameters, 0.1), {}, "params: it is a method"),
]


@pytest.mark.parametrize(("given", "options", "words"), RATES, ids=[words[:50] for *_, words in RATES])
def test_check_learning_rate(given, options, words):
    with pytest.raises(GradcheckError, match=words):
        check_learning_rate(*given, **options)
    assert np.array_equal(w, np.ones(3))


def test_a_part_that_autograd_does_not_see_is_said():
    x = torch.tensor([1.0, 2.0], dtype=torch.float64, requires_grad=True)
    report = check_learning_rate(lambda: (x**2).sum() + (x.detach() ** 3).sum(), x, lr=0.1)
    assert any("autograd's gradient is not how the loss changes" in note for note in report.notes)
