"""autograd.Function and nn.Module: what is compared, what is named."""

import ctypes

import numpy as np
import pytest
import torch

from gradcheck import GradcheckError, check_layer


def tensors(dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(*s, generator=generator, dtype=dtype) for s in ((4, 3), (3, 5), (5,))]


def function(backward, forward=None):
    class Linear(torch.autograd.Function):
        pass

    def right_forward(ctx, x, w, b):
        ctx.save_for_backward(x, w)
        return x @ w + b

    Linear.forward = staticmethod(forward or right_forward)
    Linear.backward = staticmethod(backward)
    return Linear


def right(ctx, g):
    x, w = ctx.saved_tensors
    return g @ w.T, x.T @ g, g.sum(0)


def verdicts(report):
    return {g.name: g.verdict for g in report.gradients}


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_a_right_function(dtype):
    report = check_layer(function(right), *tensors(dtype))
    assert report.ok, str(report)
    assert report.subject == "Linear"
    assert report.style == "torch.autograd.Function: apply, then backward(ctx, *grad_outputs)"


@pytest.mark.parametrize("seed", range(20))
def test_a_right_function_in_float32_passes_every_time(seed):
    torch.manual_seed(seed)
    assert check_layer(function(right), torch.randn(10, 7), torch.randn(7, 4), torch.randn(4), seed=seed).ok


WRONG = {
    "doubled": lambda ctx, g: (right(ctx, g)[0], 2 * right(ctx, g)[1], right(ctx, g)[2]),
    "one entry": lambda ctx, g: (
        right(ctx, g)[0],
        right(ctx, g)[1] + torch.eye(3, 5, dtype=g.dtype) * 1e-4,
        right(ctx, g)[2],
    ),
    "negated": lambda ctx, g: (right(ctx, g)[0], -right(ctx, g)[1], right(ctx, g)[2]),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_function(name):
    assert verdicts(check_layer(function(WRONG[name]), *tensors())) == {"dx": "right", "dw": "wrong", "db": "right"}


def test_none_is_named():
    report = check_layer(function(lambda ctx, g: (right(ctx, g)[0], None, right(ctx, g)[2])), *tensors())
    assert [f.code for f in report.findings] == ["GC103"]
    assert not report.ok


def test_a_wrong_number_is_named():
    report = check_layer(function(lambda ctx, g: right(ctx, g)[:2]), *tensors())
    assert report.findings[0].title == "backward returns 2 gradients for 3 inputs"


def test_the_engine_sums_a_bias_and_the_report_says_so():
    report = check_layer(function(lambda ctx, g: (*right(ctx, g)[:2], g)), *tensors())
    assert report.ok
    assert report.findings[0].code == "GC104"
    assert report.findings[0].severity == "warning"
    assert report.findings[0].evidence == ("PyTorch's engine sums it for you; called by anything else it is wrong",)


def test_writing_into_grad_output_is_named():
    def backward(ctx, g):
        grads = right(ctx, g)
        g.mul_(2)
        return grads

    report = check_layer(function(backward), *tensors())
    assert "backward writes into the upstream gradient" in [f.title for f in report.findings]
    assert not report.ok


def test_a_backward_that_is_not_linear_is_named():
    report = check_layer(function(lambda ctx, g: right(ctx, g.clamp(-3, 3))), *tensors())
    assert "GC112" in [f.code for f in report.findings]


def test_a_forward_that_autograd_cannot_see_is_judged_by_numeric_differences():
    def through_numpy(ctx, x, w, b):
        ctx.save_for_backward(x, w)
        return torch.from_numpy(x.detach().numpy() @ w.detach().numpy() + b.detach().numpy())

    report = check_layer(function(right, through_numpy), *tensors())
    assert report.ok
    assert {g.compared_with for g in report.gradients} == {"numeric"}
    assert verdicts(check_layer(function(WRONG["doubled"], through_numpy), *tensors()))["dw"] == "wrong"


def test_a_kernel_in_c_is_judged_by_numeric_differences():
    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            buffer = (ctypes.c_double * x.numel())(*x.detach().flatten().tolist())
            return torch.tensor([v * v for v in buffer], dtype=x.dtype).reshape(x.shape)

        @staticmethod
        def backward(ctx, g):
            return 2 * ctx.saved_tensors[0] * g

    assert check_layer(Square, tensors()[0]).ok


def test_a_detached_path_is_found_by_numeric_differences():
    def detached(ctx, x, w, b):
        ctx.save_for_backward(x, w)
        return x.detach() @ w + b + x.sum() * 0

    report = check_layer(function(lambda ctx, g: (0 * right(ctx, g)[0], *right(ctx, g)[1:]), detached), *tensors())
    assert verdicts(report)["dx"] != "right"


def test_setup_context_several_outputs_and_integer_inputs():
    class Gather(torch.autograd.Function):
        @staticmethod
        def forward(x, index):
            return x[index], 2 * x

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.index, ctx.shape = inputs[1], inputs[0].shape

        @staticmethod
        def backward(ctx, g, h):
            out = torch.zeros(ctx.shape, dtype=g.dtype)
            return out.index_add(0, ctx.index, g) + 2 * h, None

    report = check_layer(Gather, tensors()[0], torch.tensor([0, 2, 2, 1, 0]))
    assert report.ok, str(report)
    assert verdicts(report) == {"dx": "right", "dindex": "not differentiated"}
    assert report.gradients[1].reason == "int64 has no gradient"


MODULES = {
    "linear": (torch.nn.Linear(3, 2), (4, 3)),
    "conv": (torch.nn.Conv2d(3, 4, 3, padding=1), (2, 3, 5, 4)),
    "batch norm": (torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4)), (6, 3)),
    "lstm": (torch.nn.LSTM(3, 4), (5, 2, 3)),
    "attention": (torch.nn.TransformerEncoderLayer(8, 2, 16, dropout=0.2, batch_first=True), (2, 5, 8)),
    "dropout": (torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.Dropout(0.5)), (4, 3)),
    "max pool": (torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.ReLU(), torch.nn.MaxPool2d(2)), (2, 1, 8, 8)),
}


@pytest.mark.parametrize("name", MODULES)
def test_plain_modules_are_right(name):
    torch.manual_seed(0)
    module, shape = MODULES[name]
    report = check_layer(module, torch.randn(shape))
    assert report.ok, str(report)
    assert len(report.gradients) == 1 + len(list(module.parameters()))


class Surrogate(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.tanh(x)

    @staticmethod
    def backward(ctx, g):
        return g * (1 - torch.tanh(ctx.saved_tensors[0]))


class Hidden(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = torch.nn.Linear(3, 4)
        self.out = torch.nn.Linear(4, 2)

    def forward(self, x):
        return self.out(Surrogate.apply(self.fc(x)))


def test_a_module_with_a_wrong_function_inside_is_wrong_below_it_and_right_above():
    torch.manual_seed(0)
    found = verdicts(check_layer(Hidden().double(), torch.randn(5, 3, dtype=torch.float64)))
    assert found["out.weight.grad"] == "right"
    assert found["fc.weight.grad"] == "wrong"
    assert found["input.grad" if "input.grad" in found else "x.grad"] == "wrong"


def test_submodules_one_by_one():
    torch.manual_seed(0)
    report = check_layer(Hidden().double(), torch.randn(5, 3, dtype=torch.float64), submodules=True)
    by_layer = {(g.layer, g.name): g.verdict for g in report.gradients}
    assert by_layer["fc", "weight.grad"] == "right"
    assert by_layer["Hidden", "fc.weight.grad"] == "wrong"


def test_wrt_and_constants():
    report = check_layer(torch.nn.Linear(3, 2), torch.randn(4, 3), wrt=["weight"])
    assert verdicts(report) == {
        "input.grad": "not differentiated",
        "weight.grad": "right",
        "bias.grad": "not differentiated",
    }
    with pytest.raises(GradcheckError, match="wrt: there is no array 'kernel'; there are input, weight, bias"):
        check_layer(torch.nn.Linear(3, 2), torch.randn(4, 3), wrt=["kernel"])


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: check_layer(function(right), torch.full((4, 3), np.nan), *tensors()[1:]), "x: it has NaN or infinite"),
        (
            lambda: check_layer(function(right), *tensors(), torch.ones(1)),
            "4 arguments given, its forward takes 3: x, w, b",
        ),
        (
            lambda: check_layer(function(right), *tensors(), kwargs={"a": 1}),
            "kwargs: a torch.autograd.Function takes none",
        ),
        (
            lambda: check_layer(function(right), *tensors(), constants=["z"]),
            "constants: there is no input 'z'; there are x, w, b",
        ),
        (
            lambda: check_layer(function(right), *tensors(), submodules=True),
            "submodules: only a torch.nn.Module has submodules",
        ),
        (lambda: check_layer(torch.nn.Linear(3, 2), torch.zeros(0, 3)), "input: it is empty"),
        (lambda: check_layer(torch.nn.Linear(3, 2), torch.zeros(4, 3) + 1j), "input: it is complex"),
        (lambda: check_layer(torch.nn.Linear(3, 2), torch.ones(4, 7)), "forward: the forward raised RuntimeError"),
        (
            lambda: check_layer(torch.nn.Linear(3, 2), torch.ones(4, 3), reference=torch.abs),
            "a torch.nn.Module is its own",
        ),
    ],
)
def test_mistakes_of_the_caller(call, text):
    with pytest.raises(GradcheckError, match=text):
        call()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_on_the_gpu_where_there_is_one(dtype):
    arrays = [t.to("cuda", dtype) for t in tensors()]
    assert check_layer(function(right), *arrays).ok
    assert verdicts(check_layer(function(WRONG["doubled"]), *arrays))["dw"] == "wrong"
    module = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Dropout(0.5)).to("cuda", dtype)
    report = check_layer(module, arrays[0])
    assert report.ok, str(report)
    assert {p.device.type for p in module.parameters()} == {"cuda"}


def test_inside_inference_mode_a_check_is_refused():
    with torch.inference_mode(), pytest.raises(GradcheckError, match=r"torch\.inference_mode: nothing can be diff"):
        check_layer(torch.nn.Linear(3, 2), torch.randn(4, 3))


class _OffInside(torch.nn.Module):
    """A layer behind a Function whose backward is 1.3 times too large in one entry."""

    class Function(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, upstream):
            off = upstream.clone()
            off[0, 0] *= 1.3
            return off

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(8, 4)

    def forward(self, x):
        return self.layer(self.Function.apply(x))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_what_autograd_makes_of_a_module_is_not_explained_by_a_difference_from_itself(dtype):
    torch.manual_seed(0)
    report = check_layer(_OffInside().to(dtype), torch.randn(5, 8, dtype=dtype), raises=False)
    assert [g.verdict for g in report.gradients] == ["wrong", "right", "right"]
    assert not report.findings  # "it differs only in 4 of 40 entries" would be of its own rounding
    (note,) = [n for n in report.notes if "check_module" in n]
    assert "a torch.autograd.Function inside of the module has a wrong backward" in note
