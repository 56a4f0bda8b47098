"""check_module leaves the model, its gradients, hooks, mode and random state as they were, also where it ends early."""

import random

import model_zoo as zoo
import numpy as np
import pytest
import torch
from torch import nn

from gradcheck import GradcheckError, check_module

IDS = torch.randint(0, 11, (2, 5), generator=torch.Generator().manual_seed(1))


class Counting(nn.Module):
    """It has everything that a step changes: running statistics, a counter, a list, an output that is kept."""

    def __init__(self, fails=""):
        super().__init__()
        self.model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), zoo.Wrapped(zoo.Gelu))
        self.steps, self.seen, self.last, self.fails = 0, [], None, fails

    def forward(self, x):
        self.steps += 1
        self.seen.append(len(x))
        self.last = self.model(x)
        if self.fails == "forward":
            raise ValueError("no")
        return self.last


def state(model):
    return {
        **{f"p {n}": p.detach().clone() for n, p in model.named_parameters()},
        **{f"g {n}": None if p.grad is None else p.grad.clone() for n, p in model.named_parameters()},
        **{f"b {n}": b.clone() for n, b in model.named_buffers()},
        "mode": [m.training for m in model.modules()],
        "own": (model.steps, list(model.seen), model.last),
        "random": (torch.get_rng_state(), np.random.get_state()[1], random.getstate()),
    }


def same(left, right):
    if isinstance(left, torch.Tensor):
        return torch.equal(left, right)
    if isinstance(left, np.ndarray):
        return np.array_equal(left, right)
    if isinstance(left, tuple | list):
        return len(left) == len(right) and all(map(same, left, right))
    return left == right


@pytest.mark.parametrize("fails", ["", "forward", "loss", "keyboard"])
@pytest.mark.parametrize("training", [True, False])
def test_nothing_is_left_behind(fails, training):
    torch.manual_seed(0)
    model = Counting(fails).train(training)
    x = torch.randn(6, 3)
    steps = []
    model.model[0].weight.register_post_accumulate_grad_hook(lambda p: p.data.zero_())
    model.model[0].weight.register_hook(lambda g: steps.append("seen"))
    model.model[0].weight.grad = torch.ones(4, 3)
    held = model.model[0].weight.grad
    hooks = dict(model.model[0].weight._post_accumulate_grad_hooks)
    before = state(model)

    def loss(out):
        if fails == "keyboard":
            raise KeyboardInterrupt
        return out.sum() if fails != "loss" else out

    if fails:
        with pytest.raises((GradcheckError, KeyboardInterrupt)):
            check_module(model, x, loss=loss)
    else:
        assert check_module(model, x, loss=loss).ok
    after = state(model)
    assert [key for key in before if not same(before[key], after[key])] == []
    assert model.model[0].weight.grad is held
    assert dict(model.model[0].weight._post_accumulate_grad_hooks) == hooks
    assert "apply" not in vars(torch.autograd.Function.__mro__[1])


def test_a_graph_that_the_caller_holds_goes_on():
    torch.manual_seed(0)
    model = zoo.Transformer(1)
    out = model(IDS)
    assert check_module(model, IDS).ok
    out.sum().backward()
    assert model.head.weight.grad is not None


def test_the_callers_inputs_and_their_gradients_are_left_alone():
    torch.manual_seed(0)
    model = Counting()
    x = torch.randn(6, 3, requires_grad=True)
    y = 2 * x
    assert check_module(model, y).ok
    assert x.grad is None
    y.sum().backward()
    assert torch.equal(x.grad, torch.full((6, 3), 2.0))


def test_under_no_grad_of_the_caller_it_works_all_the_same():
    torch.manual_seed(0)
    with torch.no_grad():
        assert check_module(Counting(), torch.randn(6, 3)).ok
        assert not torch.is_grad_enabled()
    with torch.inference_mode(), pytest.raises(GradcheckError, match="make the check outside of it"):
        check_module(Counting(), torch.randn(6, 3))
