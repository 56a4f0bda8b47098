"""The contract of a Function: each violation planted, and named with its own code; and right ones beside them."""

import function_zoo as zoo
import pytest
import torch

from gradcheck import GradcheckError, check_layer

G = torch.Generator()


def normal(*shape, dtype=torch.float64):
    return torch.randn(*shape, generator=G.manual_seed(len(shape)), dtype=torch.float64).to(dtype)


def told(report, code):
    [finding] = [f for f in report.findings if f.code == code]
    return finding


PLANTED = {
    "Flattened": ("GC150", "error", "backward raises for an upstream gradient that is not contiguous"),
    "Memory": ("GC150", "error", "dx is wrong for an upstream gradient that is not contiguous"),
    "TwoWithoutNone": ("GC151", "error", "backward raises where an upstream gradient is None"),
    "TwoHalf": ("GC151", "error", "dx is wrong where an upstream gradient is None"),
    "OnContext": ("GC153", "warning", "ctx.out is the output itself: changed in place later, it makes dx wrong"),
    "ChangesItsInput": ("GC153", "error", "forward changes x in place and does not say so"),
    "ChangesSaved": ("GC153", "warning", "backward changes saved_tensors[0] in place"),
    "OnClass": (
        "GC154",
        "error",
        "two calls share what is kept for the backward: a second one changes dx of the first",
    ),
    "Narrow": ("GC105", "warning", "dx is float16, of lower precision than x (float32)"),
    "Wide": ("GC155", "info", "dx is float64, x is float32"),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_violation_is_named(name):
    code, severity, title = PLANTED[name]
    report = check_layer(getattr(zoo, name), normal(4, 3, dtype=torch.float32))
    finding = told(report, code)
    assert finding.severity == severity
    assert finding.title.startswith(title)
    assert report.ok == (name in ("OnContext", "ChangesSaved", "Wide"))


@pytest.mark.parametrize("name", ["Two", "InPlace", "NotDifferentiable", "Twice", "Intermediate"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_right_functions_are_right_and_nothing_is_said(name, dtype):
    report = check_layer(getattr(zoo, name), normal(4, 3, dtype=dtype))
    assert report.ok, str(report)
    assert report.findings == ()


def test_a_one_dimensional_upstream_is_given_strides_too():
    report = check_layer(zoo.Memory, normal(7))
    assert told(report, "GC150").severity == "error"


def test_an_expanded_upstream_alone_may_be_the_trouble():
    class Expanded(zoo.Flattened):
        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            assert 0 not in g.stride(), "strides of 0"
            return g * x.cos()

    finding = told(check_layer(Expanded, normal(4, 3)), "GC150")
    assert finding.title == (
        "backward raises for an upstream gradient that is expanded (strides of 0, as out.sum() makes it)"
    )
    assert finding.evidence == ("AssertionError: strides of 0",)


def test_a_gradient_on_another_device():
    report = check_layer(zoo.OnAnotherDevice, normal(4, 3), normal(4, 3))
    assert told(report, "GC155").title == "dw is on the device meta, w is on cpu"
    assert not report.ok
    assert [f.code for f in report.findings] == ["GC155"]


def test_a_gradient_of_integers_and_of_an_option():
    report = check_layer(zoo.GradientOfIndices, normal(4, 3), torch.tensor([0, 2, 2]))
    assert told(report, "GC156").title == "backward returns a gradient for index, which holds int64 numbers"
    assert told(report, "GC156").severity == "warning"
    report = check_layer(zoo.GradientOfOption, normal(4, 3), 2.0)
    assert told(report, "GC156").title == "backward returns a gradient for factor, which is no tensor"
    assert not report.ok


def test_work_that_nobody_needs_is_an_info():
    report = check_layer(zoo.linear(), normal(4, 3), normal(3, 2), normal(2))
    finding = told(report, "GC152")
    assert finding.severity == "info"
    assert finding.title == "backward ignores ctx.needs_input_grad: it computes dw, db where nobody needs it"
    assert finding.evidence == (
        "only x requires a gradient, and the backward takes 96 floating-point operations in matrix products",
    )
    assert report.ok
    assert check_layer(zoo.NeedsOnly, normal(4, 3), normal(3, 2)).findings == ()


class Crossed(torch.autograd.Function):
    """It asks for the wrong input's need."""

    @staticmethod
    def forward(ctx, x, w):
        ctx.save_for_backward(x, w)
        return x * w

    @staticmethod
    def backward(ctx, g):
        x, w = ctx.saved_tensors
        return (g * w if ctx.needs_input_grad[1] else None), (g * x if ctx.needs_input_grad[0] else None)


class OneFactor(Crossed):
    """What it returns for x depends on whether w needs a gradient."""

    @staticmethod
    def backward(ctx, g):
        x, w = ctx.saved_tensors
        return (g * w if ctx.needs_input_grad[1] else 2 * g * w), g * x


def test_an_input_that_alone_requires_a_gradient():
    report = check_layer(Crossed, normal(4, 3), normal(4, 3) + 1)
    assert told(report, "GC103").title == "backward gives no gradient for x where x alone requires a gradient"
    assert "ctx.needs_input_grad[0]" in told(report, "GC103").help[0]
    report = check_layer(OneFactor, normal(4, 3), normal(4, 3) + 1)
    assert told(report, "GC111").title == "backward gives another dx where x alone requires a gradient"
    assert not report.ok


def test_cheap_work_is_not_worth_a_word():
    assert check_layer(zoo.Generated, normal(4, 3), normal(4, 3), vmap=False).findings == ()


def test_a_forward_that_takes_ctx_among_the_rest():
    class Every(torch.autograd.Function):
        @staticmethod
        def forward(*args):
            args[0].save_for_backward(args[1])
            return args[1].sin()

        @staticmethod
        def backward(ctx, g):
            return g * ctx.saved_tensors[0].cos()

    report = check_layer(Every, normal(4, 3))
    assert [(g.name, g.verdict) for g in report.gradients] == [("dargs0", "right")]


def test_constants_are_cast_as_the_variables_are():
    report = check_layer(zoo.NeedsOnly, normal(4, 3, dtype=torch.float32), normal(3, 2, dtype=torch.float32), wrt=["w"])
    assert [(g.name, g.verdict) for g in report.gradients] == [("dx", "not differentiated"), ("dw", "right")]


class Float32Only(torch.autograd.Function):
    """As a kernel that is made for one dtype."""

    factor = 1.0

    @staticmethod
    def forward(ctx, x):
        if x.dtype != torch.float32:
            raise TypeError
        ctx.save_for_backward(x)
        return x.tanh()

    @classmethod
    def backward(cls, ctx, g):
        return cls.factor * g * (1 - ctx.saved_tensors[0].tanh() ** 2)


def test_a_kernel_for_float32_alone_is_checked_in_float32():
    report = check_layer(Float32Only, normal(4, 3, dtype=torch.float32))
    assert report.ok, str(report)
    assert "Float32Only takes no float64: run in float32 throughout" in report.notes
    wrong = type("Wrong", (Float32Only,), {"factor": 1.0001})
    assert [g.verdict for g in check_layer(wrong, normal(4, 3, dtype=torch.float32)).gradients] == ["wrong"]


class Dropout(torch.autograd.Function):
    """The numbers that ``rand_like`` draws are others in float64."""

    @staticmethod
    def forward(ctx, x):
        mask = (torch.rand_like(x) > 0.5).to(x)
        ctx.save_for_backward(mask)
        return x * mask

    @staticmethod
    def backward(ctx, g):
        return g * ctx.saved_tensors[0]


def test_a_mask_that_is_drawn_by_dtype():
    report = check_layer(Dropout, normal(4, 3, dtype=torch.bfloat16))
    assert report.ok, str(report)
    report = check_layer(Dropout, normal(4, 3, dtype=torch.float32))
    assert report.ok, str(report)
    assert "Dropout computes something else in float64: run in float32 throughout" in report.notes

    class Redrawn(Dropout):
        @staticmethod
        def backward(ctx, g):
            return g * (torch.rand_like(g) > 0.5)

    report = check_layer(Redrawn, normal(4, 3, dtype=torch.float32))
    assert not report.ok
    assert told(report, "GC111").title.startswith("backward draws random numbers of its own")


def test_only_a_function_has_a_double_backward():
    for name in ("gradgrad", "vmap"):
        with pytest.raises(GradcheckError, match=rf"{name}: only a torch\.autograd\.Function can be checked so"):
            check_layer(torch.nn.Linear(3, 2), normal(4, 3, dtype=torch.float32), **{name: True})
        with pytest.raises(GradcheckError, match=f"{name}: only a torch"):
            check_layer(lambda x: x**2, lambda dout, x: 2 * x * dout, normal(3).numpy(), **{name: True})


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("name", PLANTED)
def test_on_the_gpu_where_there_is_one(name):
    report = check_layer(getattr(zoo, name), normal(4, 3, dtype=torch.float32).cuda())
    assert told(report, PLANTED[name][0]).severity == PLANTED[name][1]
