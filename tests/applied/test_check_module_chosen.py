"""Which of many calls from one place are checked: all kinds of arguments, the ends, and some from between."""

import pytest
import torch
from torch import nn
from torch.autograd import Function

from gradcheck import check_module
from gradcheck.applied.chosen import chosen
from gradcheck.applied.kinds import kind_of
from gradcheck.applied.record import BETWEEN, Call, Group
from gradcheck.state import Randomness


class Masked(Function):
    """Its backward forgets a mask that lets nothing through."""

    @staticmethod
    def forward(ctx, x, mask):
        ctx.save_for_backward(mask)
        return torch.where(mask, x.sin(), x)

    @staticmethod
    def backward(ctx, g):
        (mask,) = ctx.saved_tensors
        return (g if mask.any() else 0 * g), None


class Cosine(Function):
    """Right for all but some numbers."""

    bad = float("nan")

    @staticmethod
    def forward(ctx, x, shift):
        ctx.save_for_backward(x, shift)
        return (x + shift).sin()

    @staticmethod
    def backward(ctx, g):
        x, shift = ctx.saved_tensors
        return g * (x + shift).cos() * (2 if float(shift) == Cosine.bad else 1), None


class Loop(nn.Module):
    """One line applies a Function many times."""

    def __init__(self, function, seconds):
        super().__init__()
        torch.manual_seed(0)
        self.fc, self.function, self.seconds = nn.Linear(3, 4), function, seconds

    def forward(self, x):
        h = self.fc(x)
        for second in self.seconds:
            h = h + 0.1 * self.function.apply(h, second)
        return h


X = torch.randn(5, 3, generator=torch.Generator().manual_seed(1))


def shifts(count):
    return [torch.tensor(1.0 + k) for k in range(count)]


def test_a_mask_of_another_kind_in_the_midst_is_checked():
    masks = [torch.arange(20).reshape(5, 4) % 3 > 0 for _ in range(9)]
    masks[4] = torch.zeros(5, 4, dtype=torch.bool)
    report = check_module(Loop(Masked, masks), X)
    wrong = {g.layer for g in report.gradients if g.verdict == "wrong"}
    assert "Loop: Masked (call 5)" in wrong


def test_how_many_of_how_many_is_said():
    report = check_module(Loop(Cosine, shifts(30)), X)
    assert report.ok
    assert (
        "1 custom Function in 1 place, 30 calls: 4 checked; of those from one place with arguments of one kind the "
        "first, the last and 2 drawn from between" in report.notes
    )
    assert "Loop: Cosine (call 1)" in {g.layer for g in report.gradients}
    assert "Loop: Cosine (call 30)" in {g.layer for g in report.gradients}


def test_others_are_drawn_with_another_seed():
    told = {
        tuple(g.layer for g in check_module(Loop(Cosine, shifts(30)), X, seed=seed).gradients) for seed in (0, 0, 1)
    }
    assert len(told) == 2


def test_a_call_that_was_drawn_is_judged(monkeypatch):
    drawn = [g.layer for g in check_module(Loop(Cosine, shifts(30)), X).gradients][1:-1]
    number = int(drawn[0].rpartition(" ")[2].rstrip(")"))
    monkeypatch.setattr(Cosine, "bad", float(number))
    report = check_module(Loop(Cosine, shifts(30)), X)
    assert [g.layer for g in report.gradients if g.verdict == "wrong"] == [f"Loop: Cosine (call {number})"]


def test_kinds_that_are_left_out_are_said():
    masks = [torch.ones(5, 4, dtype=torch.bool), torch.arange(20).reshape(5, 4) % 3 > 0, torch.zeros(5, 4) > 0]
    report = check_module(Loop(Masked, masks), X, calls=1)
    assert (
        "1 custom Function in 1 place, 3 calls: 1 checked; 2 kinds of arguments are left out altogether (calls=)"
        in report.notes
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (torch.zeros(3), torch.ones(3)),
        (torch.ones(3) > 0, torch.ones(3) < 0),
        (torch.ones(3) > 0, torch.tensor([True, False, True])),
        (torch.ones(3), torch.tensor([1.0, -torch.inf, 1.0])),
        (torch.ones(3, 4), torch.ones(4, 3).T),
        (torch.ones(3, 4), torch.ones(3, 1).expand(3, 4)),
        (torch.ones(3), torch.ones(3, dtype=torch.float64)),
        (torch.ones(3), torch.ones(4)),
        (torch.ones(3), torch.ones(3, requires_grad=True)),
        (2, 3),
    ],
)
def test_arguments_of_other_kinds(one, other):
    assert kind_of(one) != kind_of(other)
    assert kind_of(one) == kind_of(one.clone() if isinstance(one, torch.Tensor) else one)


def test_values_alone_make_no_kind():
    assert kind_of(torch.randn(3, 4)) == kind_of(torch.randn(3, 4))
    assert kind_of(torch.randn(1, 3, 4)) == kind_of(torch.randn(3, 1, 4).transpose(0, 1))  # laid out alike
    assert kind_of(torch.empty(0, 3)) == kind_of(torch.empty(0, 3))


def test_each_call_from_between_is_as_likely():
    drawn = dict.fromkeys(range(2, 10), 0)
    for seed in range(400):
        group = Group(("kind",), seed)
        for number in range(1, 11):
            call = Call(Cosine, "net", None, (), (), number, False, Randomness(), False)
            call.upstreams = ()
            group.add(call)
        [calls, offered, left] = chosen([group], 10)
        assert [calls[0].number, calls[-1].number, offered, left, group.count] == [1, 10, 2 + BETWEEN, 0, 10]
        for call in calls[1:-1]:
            drawn[call.number] += 1
    assert min(drawn.values()) > 60  # 100 each
    assert max(drawn.values()) < 140
