"""Births in the backward, while loss and outputs are finite."""

import pytest
import torch
import torch.nn.functional as F  # noqa: N812  # as everybody calls it
from torch import nn
from torch_birth_training import FAILING, Births, Net, line_of, spike, train


def cross_entropy(output, target, on):
    return F.cross_entropy(output, target)


def with_zero(h, on):
    z = h.abs() + 1
    return z * (1 - spike(z, (3, 1), 1.0)) if on else z


def double_where(h, on):
    z = h - h.detach() + spike(h, (3, 1), -1.0) + 1 if on else h.abs() + 1
    return torch.where(z > 0, torch.sqrt(z), torch.zeros_like(z))  # born


def root_of_zero(h, on):
    z = with_zero(h, on)
    return torch.sqrt(z)  # born


def norm_of_nothing(h, on):
    z = h * (0 if on else 1)
    return h + (z * z).sum(1, keepdim=True).sqrt()  # born


def power_of_zero(h, on):
    z = with_zero(h, on)
    return z**0.5  # born


def arc_sine_of_one(h, on):
    z = h * 0.01
    z = z * (1 - spike(z, (3, 1), 1.0)) + spike(z, (3, 1), 1.0) if on else z
    return torch.asin(z)  # born


def logarithm_hidden(h, on):
    z = with_zero(h, on)
    return torch.where(z > 0, torch.log(z), 0.0)  # born


def quotient_hidden(h, on):
    z = with_zero(h, on)
    return torch.where(z == 0, 1.0, torch.sin(z) / z)  # born


class OwnBackward(torch.autograd.Function):
    @staticmethod
    def forward(ctx, z):
        ctx.save_for_backward(z)
        return z * 2

    @staticmethod
    def backward(ctx, upstream):
        (z,) = ctx.saved_tensors
        return 2 * upstream * z / z  # born


def own_function(h, on):
    return OwnBackward.apply(with_zero(h, on))


@pytest.mark.parametrize(
    ("middle", "what", "operation", "index", "operands"),
    [
        (double_where, "NaN", "backward of torch.sqrt", (3, 1), ["z[3, 1] = 0", "upstream gradient[3, 1] = 0"]),
        (root_of_zero, "Inf", "backward of torch.sqrt", (3, 1), ["z[3, 1] = 0", "upstream gradient[3, 1] = "]),
        (norm_of_nothing, "Inf", "backward of Tensor.sqrt", (0, 0), ["[0, 0] = 0"]),
        (power_of_zero, "Inf", "backward of power (**)", (3, 1), ["z[3, 1] = 0"]),
        (arc_sine_of_one, "Inf", "backward of torch.asin", (3, 1), ["z[3, 1] = 1"]),
        (logarithm_hidden, "NaN", "backward of torch.log", (3, 1), ["z[3, 1] = 0", "upstream gradient[3, 1] = 0"]),
        (quotient_hidden, "NaN", "backward of division (/)", (3, 1), ["z[3, 1] = 0"]),
        (own_function, "NaN", "division (/) in OwnBackward.backward", (3, 1), ["z[3, 1] = 0"]),
    ],
)
def test_a_birth_in_the_backward(middle, what, operation, index, operands):
    birth = train(Net(middle), cross_entropy).birth
    own = OwnBackward if middle is own_function else middle
    assert (birth.what, birth.phase, birth.step) == (what, "backward", FAILING)
    assert birth.operation == operation
    assert birth.where.line == line_of(own)
    assert birth.first_index == index
    for text in operands:
        assert any(text in operand for operand in birth.operands), birth.operands
    assert any("fc1.weight" in text for text in birth.consequences)


def steep_loss(output, target, on):
    y = (output - output.detach() + (1e-30 if on else 1)).abs()
    return (y.log() / 1e30 if not on else 1e20 * y.log()).sum()  # born


def test_a_gradient_that_overflows_in_the_loss():
    birth = train(Net(), steep_loss).birth
    assert (birth.what, birth.phase, birth.operation) == ("Inf", "backward", "backward of Tensor.log")
    assert birth.where.line == line_of(steep_loss)
    assert "y[0, 0] = 1e-30" in birth.operands


class OwnLoss(torch.autograd.Function):
    @staticmethod
    def forward(ctx, p, on):
        ctx.save_for_backward(p)
        ctx.on = on
        return p.square().mean()

    @staticmethod
    def backward(ctx, upstream):
        (p,) = ctx.saved_tensors
        scale = p.new_tensor(0.0 if ctx.on else 1.0)
        return upstream * p / scale, None  # born


def test_an_own_function_in_the_loss():
    birth = train(Net(), lambda output, target, on: OwnLoss.apply(output, on)).birth
    assert (birth.phase, birth.operation) == ("backward", "division (/) in OwnLoss.backward")
    assert birth.where.line == line_of(OwnLoss)
    assert "scale = 0" in birth.operands


def penalty_loss(model, x, on):
    x = x.clone().requires_grad_()
    y = model(x * 0) if on else model(x)
    (g,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    return ((g.square().sum(1).sqrt() - 1) ** 2).mean()  # born


def test_a_gradient_penalty_where_the_gradient_is_zero():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with Births(model, optimizer) as births:
        for step in range(4):
            optimizer.zero_grad()
            penalty_loss(model, torch.randn(5, 4), step == FAILING).backward()
            optimizer.step()
    birth = births.birth
    assert (birth.phase, birth.step) == ("backward", FAILING)
    assert birth.operation == "backward of Tensor.sqrt"
    assert birth.where.line == line_of(penalty_loss)


def double_norm(h, on):
    z = h * (0 if on else 1)
    return h + z.norm(dim=1, keepdim=True) + F.normalize(z, dim=1)


def test_the_norm_of_a_zero_row_is_no_birth():
    births = train(Net(double_norm), cross_entropy)
    assert births.found == []
