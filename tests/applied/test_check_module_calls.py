"""check_module called in many ways: inputs, outputs, losses; what it follows, leaves out and refuses."""

import collections
import dataclasses

import model_zoo as zoo
import pytest
import torch
from torch import nn
from torch.autograd import Function

from gradcheck import GradcheckError, check_layer, check_module

X = torch.randn(5, 3, generator=torch.Generator().manual_seed(1))


class Net(nn.Module):
    """A linear layer, then whatever is given."""

    def __init__(self, rest):
        super().__init__()
        torch.manual_seed(0)
        self.fc, self.rest = nn.Linear(3, 4), rest

    def forward(self, x, scale=1.0):
        return self.rest(self.fc(x) * scale)


class Tripled(Function):
    """Its backward says two."""

    @staticmethod
    def forward(ctx, x):
        return 3 * x

    @staticmethod
    def backward(ctx, g):
        return 2 * g


@dataclasses.dataclass
class Output:
    logits: torch.Tensor
    name: str = "out"


Pair = collections.namedtuple("Pair", "value rest")  # what a model returns in practice


@pytest.mark.parametrize(
    "output",
    [
        lambda y: y,
        lambda y: {"logits": y, "n": 3},
        lambda y: (y, [y * 2], None),
        lambda y: Pair(y, "x"),
        Output,
    ],
)
def test_outputs_of_all_kinds(output):
    report = check_module(Net(lambda y: output(Tripled.apply(y))), X)
    assert [(g.layer, g.name, g.verdict) for g in report.gradients] == [("Net: Tripled", "dx", "wrong")]
    assert check_module(Net(lambda y: output(zoo.Gelu.apply(y))), X).ok


@pytest.mark.parametrize(
    "call",
    [
        lambda m: check_module(m, X),
        lambda m: check_module(m, (X, 2.0)),
        lambda m: check_module(m, [X]),
        lambda m: check_module(m, {"x": X, "scale": 2.0}),
        lambda m: check_module(m, X, kwargs={"scale": 2.0}),
        lambda m: check_module(m, kwargs={"x": X}),
        lambda m: check_module(m, X, loss=lambda out: out.square().mean()),
        lambda m: check_module(m, loss=lambda model: model(X).square().mean()),
        lambda m: check_module(m, X.clone().requires_grad_() * 2),
    ],
)
def test_inputs_and_losses(call):
    report = call(Net(zoo.Gelu.apply))
    assert report.ok, str(report)
    assert [g.layer for g in report.gradients] == ["Net: Gelu"]


def test_a_function_in_the_loss():
    class CrossEntropy(Function):
        @staticmethod
        def forward(ctx, logits, target):
            p = logits.softmax(-1)
            ctx.save_for_backward(p, target)
            return -p[torch.arange(len(target)), target].log().mean()

        @staticmethod
        def backward(ctx, g):
            p, target = ctx.saved_tensors
            d = p.clone()
            d[torch.arange(len(target)), target] -= 1
            return d / len(target), None  # and g is forgotten, which is 1 where it is the loss

    target = torch.tensor([0, 1, 2, 3, 0])
    report = check_module(Net(lambda y: y), X, loss=lambda out: CrossEntropy.apply(out, target))
    assert not report.ok
    assert {g.layer for g in report.gradients} == {"loss: CrossEntropy"}
    assert "GC112" in [f.code for f in report.findings]


def test_an_upstream_gradient_that_hides_mistakes_is_replaced():
    report = check_module(Net(zoo.DiagonalSoftmax.apply), X, loss=torch.sum)
    assert not report.ok
    assert any(n.startswith("judged with a random upstream gradient, as the model's is constant") for n in report.notes)


def test_frozen_parameters_and_a_first_layer():
    model = nn.Sequential(zoo.Wrapped(zoo.ReLU), Net(zoo.Gelu.apply))
    report = check_module(model, X)
    assert [g.layer for g in report.gradients] == ["1: Gelu"]
    assert "no gradient goes through 0: ReLU: not checked" in report.notes
    model[1].fc.requires_grad_(False)
    with pytest.raises(GradcheckError, match=r"nothing to check|nothing in its output"):
        check_module(model, X)


def test_what_is_left_out_is_counted():
    model = nn.Sequential(nn.Linear(3, 3), *[zoo.Wrapped(zoo.Gelu) for _ in range(6)])
    report = check_module(model, X, calls=4)
    assert [g.layer for g in report.gradients] == ["1: Gelu", "2: Gelu", "3: Gelu", "4: Gelu"]
    assert (
        "1 custom Function in 4 places, 6 calls: 4 checked; 2 more that differ in values are left out (calls=)"
        in report.notes
    )
    mixed = nn.Sequential(nn.Linear(3, 3), *[zoo.Wrapped(zoo.Gelu) for _ in range(6)], zoo.Wrapped(Tripled))
    assert [g.layer for g in check_module(mixed, X, calls=2).gradients] == ["1: Gelu", "7: Tripled"]


def test_deliberate_ones_are_skipped_by_name():
    model = nn.Sequential(nn.Linear(3, 3), zoo.Wrapped(Tripled), zoo.Wrapped(zoo.Gelu), zoo.Wrapped(Tripled))
    report = check_module(model, X, skip="Tripled")
    assert report.ok
    assert "left out as deliberate: Tripled" in report.notes
    assert [g.layer for g in check_module(model, X, skip=["1: Tripled"]).gradients] == ["2: Gelu", "3: Tripled"]
    with pytest.raises(GradcheckError, match=r"skip names 'Rond': there are 1: Tripled, 2: Gelu, 3: Tripled"):
        check_module(model, X, skip="Rond")
    with pytest.raises(GradcheckError, match="skip: it leaves nothing to check"):
        check_module(model, X, skip=["Tripled", "Gelu"])


def test_a_name_bound_early_and_a_module_used_twice():
    early = Tripled.apply
    again = zoo.Wrapped(zoo.Gelu)
    model = nn.Sequential(nn.Linear(3, 3), again, nn.Linear(3, 3), again, Net(early))
    report = check_module(model, X)
    assert [g.layer for g in report.gradients] == ["1: Gelu (call 1)", "1: Gelu (call 2)", "4: Tripled"]


@torch.library.custom_op("gradcheck_tests::square", mutates_args=())
def square(x: torch.Tensor) -> torch.Tensor:
    return x * x


square.register_autograd(
    lambda ctx, g: 3 * ctx.saved_tensors[0] * g,
    setup_context=lambda ctx, inputs, output: ctx.save_for_backward(inputs[0]),
)


def test_an_operator_of_torch_library():
    report = check_module(Net(square), X)
    assert [(g.layer, g.verdict) for g in report.gradients] == [("Net: gradcheck_tests_square", "wrong")]


class Kept(Function):
    """Its output is kept on ctx, where nobody watches over it."""

    @staticmethod
    def forward(ctx, x):
        ctx.out = x.exp()
        return ctx.out

    @staticmethod
    def backward(ctx, g):
        return g * ctx.out


class Saved(Kept):
    """The same, as it should be."""

    @staticmethod
    def forward(ctx, x):
        out = x.exp()
        ctx.save_for_backward(out)
        return out

    @staticmethod
    def backward(ctx, g):
        return g * ctx.saved_tensors[0]


def test_what_a_function_gives_in_the_model_and_not_alone():
    assert check_layer(Kept, X).ok
    report = check_module(Net(lambda y: Kept.apply(y).mul_(2)), X)
    assert [f.code for f in report.findings] == ["GC153", "GC161"]
    assert report.findings[1].title == "in the model dx is not what the same call gives alone"
    assert not report.ok
    assert check_module(Net(lambda y: Kept.apply(y) * 2), X).ok


def test_the_one_whose_backward_raises_is_named():
    report = check_module(Net(lambda y: Saved.apply(y).mul_(2)), X)
    [finding] = report.findings
    assert (finding.code, finding.layer) == ("GC162", "Net: Saved")
    assert finding.title == "its backward raises RuntimeError in the model"
    assert "modified by an inplace operation" in finding.evidence[0]


def test_a_call_that_cannot_be_checked_is_undecided():
    report = check_module(Net(lambda y: zoo.Gelu.apply(y) + zoo.ReLU.apply(y * torch.inf).nan_to_num(0, 0, 0)), X)
    [result] = [g for g in report.gradients if g.verdict == "undecided"]
    assert result.layer == "Net: ReLU"
    assert result.reason == "x: it has NaN or infinite entries; give finite numbers"
    assert not report.ok


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: check_module(nn.Linear(3, 2), X), "nothing to check in Linear: it applies no custom torch.autograd.F"),
        (lambda: check_module(Tripled, X), "model: it must be a torch.nn.Module, not FunctionMeta"),
        (lambda: check_module(Net(Tripled.apply)), "inputs: give what the model is called with, or loss="),
        (lambda: check_module(Net(Tripled.apply), X, loss=3), "loss: it must be a function of the model's output"),
        (lambda: check_module(Net(Tripled.apply), X, loss=lambda y: y), "one number, not a tensor of shape"),
        (lambda: check_module(Net(Tripled.apply), X, loss=lambda y: y.sum().item()), "one number, not float"),
        (lambda: check_module(Net(Tripled.apply), X, loss=lambda y: y.sum().detach()), "loss: it does not depend on"),
        (lambda: check_module(Net(Tripled.apply), X[:, :2]), "forward: the forward raised RuntimeError"),
        (lambda: check_module(Net(Tripled.apply), X, calls=0), "calls: it must be a whole number from 1 up"),
        (
            lambda: check_module(Net(lambda y: zoo.Gelu.apply(y).detach() + y), X),
            "none|nothing",
        ),
    ],
)
def test_mistakes_of_the_caller(call, text):
    if text == "none|nothing":  # its output does not reach the loss: it is checked all the same, and the report says so
        assert "no gradient came to Net: Gelu: judged with a random one" in call().notes
        return
    with pytest.raises(GradcheckError, match=text):
        call()


class SineOnce(Function):
    """Its double backward is zero."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin()

    @staticmethod
    def backward(ctx, g):
        return g * ctx.saved_tensors[0].detach().cos()


def test_a_model_that_differentiates_a_gradient_needs_the_double_backward():
    class Penalty(Net):
        def forward(self, x):
            x = x.detach().requires_grad_()
            out = super().forward(x).sum()
            (g,) = torch.autograd.grad(out, x, create_graph=True)
            return out + g.square().sum()

    report = check_module(Penalty(SineOnce.apply), X)
    assert [f.title for f in report.findings] == ["the double backward of SineOnce is silently wrong in dx"]
    assert check_module(Net(SineOnce.apply), X).ok
    assert check_module(Penalty(zoo.Gelu.apply), X).ok


class Product(Function):
    """As autocast has it: one of its inputs is bfloat16, the other float32."""

    @staticmethod
    @torch.amp.custom_fwd(device_type="cpu")
    def forward(ctx, x, w):
        ctx.save_for_backward(x, w)
        return x @ w

    @staticmethod
    @torch.amp.custom_bwd(device_type="cpu")
    def backward(ctx, g):
        x, w = ctx.saved_tensors
        return g @ w.T, x.T @ g


def test_a_call_under_autocast():
    class Cast(nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.fc, self.w = nn.Linear(3, 4), nn.Parameter(torch.randn(4, 2))

        def forward(self, x):
            with torch.autocast("cpu", dtype=torch.bfloat16):
                return Product.apply(self.fc(x), self.w).float()

    report = check_module(Cast(), X)
    assert report.ok, str(report)


class NewStyle(Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x):
        return x.sin()

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, g):
        return g * ctx.saved_tensors[0].cos()


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_is_not_right(number):
    report = check_module(Net(zoo.Gelu.apply), torch.randn(2, 3), loss=lambda out: (out**2).sum() * number)
    assert not report.ok
    loss = report.gradients[0]
    assert (loss.name, loss.verdict) == ("the loss", "undecided")
    assert loss.reason.startswith(f"it is {number}, and so no gradient of the model is a number")
    assert {g.verdict for g in report.gradients[1:]} == {"right"}
    assert any("as the model's is NaN or infinite: " in note for note in report.notes)
