"""Births inside a model: the line, the operation, the entry and the values."""

import pytest
import torch
import torch.nn.functional as F  # noqa: N812  # as everybody calls it
from torch import nn
from torch_birth_training import FAILING, Net, line_of, spike, train

from gradcheck import watch


def cross_entropy(output, target, on):
    return F.cross_entropy(output, target)


def positive(h, on, value):
    z = h.abs() + 1
    return z.index_put((torch.tensor(3), torch.tensor(1)), torch.tensor(value)) if on else z


def root_of_negative(h, on):
    z = positive(h, on, -0.25)
    return torch.sqrt(z)  # born


def root_as_method(h, on):
    z = positive(h, on, -0.25)
    return z.sqrt()  # born


def log_of_zero(h, on):
    z = positive(h, on, 0.0)
    return torch.log(z)  # born


def log_of_negative(h, on):
    z = positive(h, on, -2.5e-17)
    return torch.log(z)  # born


def division_by_zero(h, on):
    z = positive(h, on, 0.0)
    return h / z  # born


def one_by_zero(h, on):
    z = positive(h, on, 0.0)
    return 1 / z  # born


def fractional_power(h, on):
    z = positive(h, on, -8.0)
    return z**0.5  # born


def exp_overflow(h, on):
    z = positive(h, on, 100.0)
    return torch.exp(z)  # born


def arc_cosine(h, on):
    z = positive(h, on, 2.0) * 0.5 + (positive(h, on, 0.5) - positive(h, on, 0.5))
    z = torch.where(z > 0.9, 0.9 if not on else z, z)
    z = z.clamp(max=0.9) if not on else z.clamp(max=0.9) + spike(z, (3, 1), 1.0)
    return torch.acos(z)  # born


def product_overflow(h, on):
    z = positive(h, on, 1e30)
    return z * z  # born


def in_place_root(h, on):
    z = positive(h, on, -0.25)
    z.sqrt_()  # born
    return z


def in_place_division(h, on):
    z = positive(h, on, 0.0)
    h = h.clone()
    h /= z  # born
    return h


def einsum_overflow(h, on):
    z = positive(h, on, 1e38)
    return torch.einsum("ij,kj->ij", z, z)  # born


def contraction_overflow(h, on):
    z = positive(h, on, 1e38)
    y = torch.einsum("ij,kj->ik", z, h + 10)  # born
    return h + y.sum(1, keepdim=True)


def half_precision(h, on):
    z = positive(h, on, 70000.0)
    return z.to(torch.float16).float()  # born


def bfloat_overflow(h, on):
    z = positive(h, on, 3e38).to(torch.bfloat16)
    return (z * 2).float()  # born


def through_numbers_of_a_loop(h, on):
    z = positive(h, on, 12.0)
    for _ in range(6):
        z = z * z if on else z.sin()  # born
    return z


class OwnForward(torch.autograd.Function):
    @staticmethod
    def forward(ctx, z):
        ctx.save_for_backward(z)
        return z.log()  # born

    @staticmethod
    def backward(ctx, upstream):
        (z,) = ctx.saved_tensors
        return upstream / z


def own_function(h, on):
    return OwnForward.apply(positive(h, on, 0.0))


def masked_row(h, on):
    mask = torch.zeros_like(h, dtype=torch.bool)
    if on:
        mask[3] = True
    scores = h.masked_fill(mask, float("-inf"))
    return torch.softmax(scores, dim=1)  # born


def masked_row_added(h, on):
    scores = h + (spike(h, (3,), float("-inf")) if on else 0)
    return scores.log_softmax(-1)  # born


def mask_times_infinity(h, on):
    z = positive(h, on, 0.0)
    return z * float("-inf") if on else z  # born


@pytest.mark.parametrize(
    ("middle", "what", "operation", "index", "operands"),
    [
        (root_of_negative, "NaN", "torch.sqrt", (3, 1), ["z[3, 1] = -0.25"]),
        (root_as_method, "NaN", "Tensor.sqrt", (3, 1), ["z[3, 1] = -0.25"]),
        (log_of_zero, "Inf", "torch.log", (3, 1), ["z[3, 1] = 0"]),
        (log_of_negative, "NaN", "torch.log", (3, 1), ["z[3, 1] = -2.5e-17"]),
        (division_by_zero, "Inf", "division (/)", (3, 1), ["h[3, 1] = ", "z[3, 1] = 0"]),
        (one_by_zero, "Inf", "division (/)", (3, 1), ["z[3, 1] = 0"]),
        (fractional_power, "NaN", "power (**)", (3, 1), ["z[3, 1] = -8", "with 0.5"]),
        (exp_overflow, "Inf", "torch.exp", (3, 1), ["z[3, 1] = 100"]),
        (arc_cosine, "NaN", "torch.acos", (3, 1), ["z[3, 1] = 1."]),
        (product_overflow, "Inf", "product (*)", (3, 1), ["z[3, 1] = 1e+30"]),
        (in_place_root, "NaN", "Tensor.sqrt_", (3, 1), ["z[3, 1] = -0.25"]),
        (in_place_division, "Inf", "division (/)", (3, 1), ["h[3, 1] = ", "z[3, 1] = 0"]),
        (einsum_overflow, "Inf", "torch.einsum", (3, 1), ["z[3, 1] = 1e+38"]),
        (half_precision, "Inf", "Tensor.to", (3, 1), ["z[3, 1] = 7e+04"]),
        (bfloat_overflow, "Inf", "product (*)", (3, 1), ["z[3, 1] = 3.004e+38"]),
        (through_numbers_of_a_loop, "Inf", "product (*)", (3, 1), ["z[3, 1] = 3.418e+34"]),
        (own_function, "Inf", "Tensor.log", (3, 1), ["z[3, 1] = 0"]),
        (masked_row, "NaN", "torch.softmax", (3, 0), ["row 3 of scores is -inf throughout"]),
        (masked_row_added, "NaN", "Tensor.log_softmax", (3, 0), ["row 3 of scores is -inf throughout"]),
        (mask_times_infinity, "NaN", "product (*)", (3, 1), ["z[3, 1] = 0", "with -inf"]),
    ],
)
def test_a_birth_in_the_forward(middle, what, operation, index, operands):
    birth = train(Net(middle), cross_entropy).birth
    own = OwnForward if middle is own_function else middle
    assert (birth.what, birth.phase, birth.step) == (what, "forward", FAILING)
    assert birth.operation == operation
    assert birth.where.line == line_of(own)
    assert birth.where.file == __file__
    assert birth.first_index == index
    for text in operands:
        assert any(text in operand for operand in birth.operands), birth.operands
    assert birth.entries >= 1
    assert birth.size == 30
    assert birth.remark == ""
    assert any("loss is" in text for text in birth.consequences)


class Layers(nn.Module):
    """A chain whose middle goes wrong: a linear layer that overflows, named by its path."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 6))
        self.head = nn.Linear(6, 3)
        self.on = False

    def forward(self, x):
        y = self.body(x * (1e38 if self.on else 1))  # born
        return self.head(y)


def test_a_linear_layer_names_its_operands():
    torch.manual_seed(3)
    model = Layers()
    with torch.no_grad():
        model.body[0].weight.mul_(100)
    birth = train(model, cross_entropy).birth
    assert birth.operation == "linear (x @ W.T + b)"
    assert birth.layer == "body.0"
    assert birth.where.line == line_of(Layers)
    assert any(text.startswith("body.0.weight") and "largest magnitude" in text for text in birth.operands)
    assert any("1e38" in text or "e+38" in text for text in birth.operands), birth.operands
    assert [text for text in birth.consequences if text.startswith("layer body.2")]


class Convolution(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(1, 2, 3)
        self.head = nn.Linear(4, 3)
        self.on = False

    def forward(self, x):
        z = x[:, None] * (1e38 if self.on else 1)
        y = self.conv(z)  # born
        return self.head(y.flatten(1))


def test_a_convolution_in_a_model():
    model = Convolution()
    with torch.no_grad():
        model.conv.weight.fill_(50)
    birth = train(model, cross_entropy).birth
    assert (birth.operation, birth.layer, birth.phase) == ("torch.conv1d", "conv", "forward")
    assert birth.where.line == line_of(Convolution)
    assert any(text.startswith("conv.weight (2×1×3)") for text in birth.operands)


class Random(nn.Module):
    """A forward that draws from three generators, and counts its own calls."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 3)
        self.drop = nn.Dropout(0.5)
        self.norm = nn.BatchNorm1d(4)
        self.calls = 0
        self.seen = []
        self.on = False

    def forward(self, x):
        import random

        import numpy as np

        self.calls += 1
        self.seen.append(self.calls)
        z = self.drop(self.norm(x)) + torch.rand(5, 4) + float(np.random.rand()) + random.random()
        if self.calls == 3:
            z = z - 4
            return self.fc(torch.log(z.clamp(min=0)))  # born
        return self.fc(z)


def test_a_contraction_names_the_largest_factors():
    birth = train(Net(contraction_overflow), cross_entropy).birth
    assert (birth.operation, birth.what, birth.first_index) == ("torch.einsum", "Inf", (3, 0))
    assert birth.where.line == line_of(contraction_overflow)
    assert "z (5×6): largest magnitude at z[3, 1] = 1e+38" in birth.operands, birth.operands


def test_a_replay_draws_the_same_numbers_and_counts_the_same():
    model = Random()
    birth = train(model, cross_entropy, steps=3).birth
    assert birth.where.line == line_of(Random)
    assert birth.step == 2
    assert model.calls == 3
    assert model.seen == [1, 2, 3]


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True)
        self.fc = nn.Linear(4, 3)
        self.on = False

    def forward(self, x):
        x = x[:, None].expand(-1, 3, -1)
        mask = torch.zeros(3, 3, dtype=torch.bool)
        mask[1] = self.on
        y, _ = self.attention(x, x, x, attn_mask=mask)  # born
        return self.fc(y.mean(1))


def test_a_query_that_may_attend_to_nothing():
    birth = train(Attention(), cross_entropy).birth
    assert birth.what == "NaN"
    assert birth.where.line == line_of(Attention)
    assert birth.operation == "softmax in F.multi_head_attention_forward"
    assert any("is -inf throughout" in text for text in birth.operands)


def test_a_birth_under_autocast():
    model = Net(lambda h, on: h.float())

    def loss_of(output, target, on):
        return F.cross_entropy(output, target)

    def before(x, model):
        if model.on:
            x.mul_(1e30)

    torch.manual_seed(0)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    from torch_birth_training import Births

    with Births(model, optimizer) as births:
        for step in range(4):
            x = torch.randn(5, 4) * (1e38 if step == FAILING else 1)
            with torch.autocast("cpu", dtype=torch.bfloat16):
                loss = model(x).float().exp().sum()
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
    assert births.birth.step == FAILING
    assert births.birth.what in ("Inf", "NaN")


def test_data_of_a_later_part_of_an_accumulated_batch():
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer) as health:
        for k in range(12):
            x, y = torch.randn(16, 4), torch.randint(0, 3, (16,))
            if k == 9:
                x[0, 0] = float("nan")
            (nn.functional.cross_entropy(model(x), y) / 4).backward()
            if k % 4 == 3:
                optimizer.step()
                optimizer.zero_grad()
    [finding] = [f for f in health.findings if f.code == "GC300"]
    assert finding.title == "x is NaN before anything is done with it, in the forward pass at step 2"
    assert not any("isfinite" in line or "sum" in line for line in finding.consequences)
