"""Modules of bfloat16 and float16: judged as they are, right ones pass, wrong ones do not."""

import pytest
import torch

from gradcheck import GradcheckError, check_layer, check_module


def off_by_five_percent(only=None):
    """A product whose backward is 5 % too large in one entry of dw, in all dtypes or in one alone."""

    class Product(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, w):
            ctx.save_for_backward(x, w)
            return x @ w

        @staticmethod
        def backward(ctx, g):
            x, w = ctx.saved_tensors
            dw = x.T @ g
            if only is None or g.dtype == only:
                dw[0, 0] *= 1.05
            return g @ w.T, dw

    return Product


class Layer(torch.nn.Module):
    def __init__(self, function):
        super().__init__()
        torch.manual_seed(0)
        self.w = torch.nn.Parameter(torch.randn(6, 4))
        self.function = function

    def forward(self, x):
        return self.function.apply(torch.tanh(x), self.w)


def inputs(dtype=torch.bfloat16):
    return torch.randn(5, 6, generator=torch.Generator().manual_seed(1)).to(dtype)


RIGHT = {
    "a perceptron": (
        lambda: torch.nn.Sequential(torch.nn.Linear(16, 32), torch.nn.ReLU(), torch.nn.Linear(32, 4)),
        (32, 16),
    ),
    "batch norm": (lambda: torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3)), (5, 4)),
    "a convolution": (
        lambda: torch.nn.Sequential(torch.nn.Conv2d(2, 4, 3), torch.nn.ReLU(), torch.nn.MaxPool2d(2)),
        (2, 2, 8, 8),
    ),
    "an LSTM": (lambda: torch.nn.LSTM(4, 5), (6, 2, 4)),
    "dropout": (lambda: torch.nn.Sequential(torch.nn.Linear(6, 9), torch.nn.Dropout(0.3)), (8, 6)),
}


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("name", RIGHT)
def test_a_right_module_passes_in_its_own_dtype(name, dtype):
    make, shape = RIGHT[name]
    torch.manual_seed(0)
    report = check_layer(make().to(dtype), torch.randn(*shape).to(dtype))
    assert report.ok
    assert report.dtype == str(dtype).removeprefix("torch.")
    # what is printed was computed in that dtype: two digits, or three
    assert max(g.relative_error for g in report.gradients if g.relative_error) > torch.finfo(dtype).eps / 20


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_five_percent_of_one_entry_are_seen_in_any_dtype(dtype):
    module = Layer(off_by_five_percent()).to(dtype)
    report = check_layer(module, inputs(dtype), raises=False)
    assert {g.name: g.verdict for g in report.gradients} == {"x.grad": "right", "w.grad": "wrong"}
    assert report.dtype == str(dtype).removeprefix("torch.")
    report = check_module(module, inputs(dtype), raises=False)
    assert {g.name: g.verdict for g in report.gradients} == {"dx": "not differentiated", "dw": "wrong"}


def test_what_bfloat16_alone_may_hide_is_in_the_limit_of_the_row():
    report = check_layer(Layer(off_by_five_percent(torch.bfloat16)).bfloat16(), inputs())
    [row] = [g for g in report.gradients if g.name == "w.grad"]
    assert row.verdict == "right"
    assert 0.05 < row.limit < 0.5


def wrong_in_bfloat16(change):
    class Product(off_by_five_percent(only=torch.float16)):
        @staticmethod
        def backward(ctx, g):
            x, w = ctx.saved_tensors
            dw = x.T @ g
            return g @ w.T, change(dw) if g.dtype == torch.bfloat16 else dw

    return Product


@pytest.mark.parametrize(
    "change", [lambda d: -d, lambda d: 0 * d, lambda d: 2 * d, lambda d: d / 0], ids=["minus", "zero", "twice", "inf"]
)
def test_what_is_wrong_in_bfloat16_alone_is_found_in_a_module(change):
    module = Layer(wrong_in_bfloat16(change)).bfloat16()
    for report in (check_layer(module, inputs(), raises=False), check_module(module, inputs(), raises=False)):
        assert [g.verdict for g in report.gradients][1:] == ["wrong"]
        assert report.gradients[0].verdict != "wrong"
        [finding] = [f for f in report.findings if f.code == "GC163"]
        assert "is right in float32, and gives a wrong" in finding.title
        assert "in bfloat16" in report.gradients[1].reason


def test_weights_of_bfloat16_and_inputs_of_float32_fail_as_they_do_without_a_check():
    report = check_layer(torch.nn.Linear(6, 3).bfloat16(), inputs(torch.float32), raises=False)
    assert not report.ok
    assert "fails with bfloat16 inputs" in report.findings[0].title
    assert "RuntimeError" in report.findings[0].evidence[0]


def test_random_numbers_that_are_others_in_bfloat16_are_told():
    class Noisy(torch.nn.Module):
        def forward(self, x):
            return x * (2.0 if x.dtype == torch.bfloat16 else 1.0)

    report = check_layer(Noisy(), inputs())
    assert report.ok
    assert any("bfloat16 is checked in float32" in note and "are others" in note for note in report.notes)


def test_submodules_of_bfloat16_are_checked_one_by_one():
    model = torch.nn.Sequential(torch.nn.Linear(6, 5), torch.nn.Tanh(), torch.nn.Linear(5, 2)).bfloat16()
    report = check_layer(model, inputs(), submodules=True)
    assert report.ok
    assert {g.layer for g in report.gradients} == {"Sequential", "0", "1", "2"}
    assert report.dtype == "bfloat16"


def test_the_model_is_left_as_it_was():
    model = torch.nn.Sequential(torch.nn.Linear(6, 5), torch.nn.BatchNorm1d(5)).bfloat16()
    before = {n: t.clone() for n, t in model.state_dict().items()}
    check_layer(model, inputs())
    assert all(torch.equal(t, before[n]) and t.dtype == before[n].dtype for n, t in model.state_dict().items())


@pytest.mark.parametrize("wanted", ["float64", "float32", "float16"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16], ids=str)
def test_a_module_can_be_checked_in_another_dtype_than_its_own(dtype, wanted):
    module = torch.nn.Sequential(torch.nn.Linear(6, 3), torch.nn.BatchNorm1d(3)).to(dtype)
    report = check_layer(module, inputs(dtype), dtype=wanted)
    assert report.ok
    assert report.dtype == wanted


class CastsByItself(torch.nn.Module):
    def __init__(self, dtype, factor=1.0):
        super().__init__()
        torch.manual_seed(0)
        self.linear, self.norm, self.dtype = torch.nn.Linear(6, 6).to(dtype), torch.nn.LayerNorm(6), dtype
        self.out = torch.nn.Linear(6, 2).to(dtype)
        self.factor = factor

    def forward(self, x):
        normed = self.norm(self.linear(x).float())
        return self.out(Times.apply(normed, self.factor).to(self.dtype))


class Times(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, factor):
        ctx.factor = factor
        return x * 1.0

    @staticmethod
    def backward(ctx, g):
        return g * ctx.factor, None


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32], ids=str)
def test_a_module_that_casts_by_itself_is_run_in_float64_throughout(dtype):
    assert check_layer(CastsByItself(dtype), inputs(dtype)).ok
    report = check_layer(CastsByItself(dtype, factor=1.05), inputs(dtype), raises=False)
    assert {g.name: g.verdict for g in report.gradients}["norm.weight.grad"] == "wrong"
    assert {g.name: g.verdict for g in report.gradients}["out.weight.grad"] == "right"


def test_what_does_not_go_together_in_any_dtype_is_still_refused():
    with pytest.raises(GradcheckError, match="forward raised RuntimeError"):
        check_layer(torch.nn.Linear(3, 2), inputs(torch.float32))
