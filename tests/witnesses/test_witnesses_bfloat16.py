"""bfloat16 and mixed precision: no alarm for right ones, wrong ones told, lower precision named."""

import numpy as np
import pytest
import torch

from gradcheck import GradcheckError, check_layer


class Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w):
        ctx.save_for_backward(x, w)
        return x.float() @ w.float() if ctx is not None and x.dtype != torch.float64 else x @ w

    @staticmethod
    def backward(ctx, dout):
        x, w = ctx.saved_tensors
        wide = torch.promote_types(dout.dtype, w.dtype)
        dout, x_, w_ = dout.to(wide), x.to(wide), w.to(wide)
        return (dout @ w_.T).to(x.dtype), (x_.T @ dout).to(w.dtype)


class Doubled(Linear):
    @staticmethod
    def backward(ctx, dout):
        dx, dw = Linear.backward(ctx, dout)
        return dx, 2 * dw


class ThroughHalves(Linear):
    @staticmethod
    def backward(ctx, dout):
        return Linear.backward(ctx, dout.bfloat16().to(dout.dtype))


class GivesHalves(Linear):
    @staticmethod
    def backward(ctx, dout):
        dx, dw = Linear.backward(ctx, dout)
        return dx.bfloat16(), dw


def tensors(first, second):
    generator = torch.Generator().manual_seed(0)
    x, w = torch.randn(5, 4, generator=generator), torch.randn(4, 3, generator=generator)
    return x.to(first), w.to(second)


MIXED = [
    (torch.bfloat16, torch.bfloat16),
    (torch.bfloat16, torch.float32),
    (torch.float16, torch.float32),
    (torch.float16, torch.float16),
    (torch.float32, torch.float32),
]


@pytest.mark.parametrize(("first", "second"), MIXED, ids=str)
def test_a_right_function_of_mixed_precision_passes(first, second):
    report = check_layer(Linear, *tensors(first, second))
    assert report.ok
    assert {f.code for f in report.findings} <= {"GC152"}
    said = [note for note in report.notes if "held to bfloat16's rounding" in note]
    assert bool(said) == (torch.bfloat16 in (first, second))


@pytest.mark.parametrize(("first", "second"), MIXED, ids=str)
def test_a_wrong_one_does_not(first, second):
    report = check_layer(Doubled, *tensors(first, second), raises=False)
    assert {g.name: g.verdict for g in report.gradients} == {"dx": "right", "dw": "wrong"}


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_a_module_passes_in_each_precision(dtype):
    x, _ = tensors(dtype, dtype)
    assert check_layer(torch.nn.Linear(4, 3).to(dtype), x).ok


def test_bfloat16_on_the_way_in_float32_is_named():
    report = check_layer(ThroughHalves, *tensors(torch.float32, torch.float32), raises=False)
    assert "dx and dw are computed in bfloat16 on the way" in next(
        f.title for f in report.findings if f.code == "GC147"
    )


def test_a_bfloat16_gradient_of_a_float32_tensor_is_named_and_of_a_bfloat16_one_is_not():
    report = check_layer(GivesHalves, *tensors(torch.float32, torch.float32), raises=False)
    assert "dx is bfloat16, of lower precision than x (float32)" in [f.title for f in report.findings]
    report = check_layer(GivesHalves, *tensors(torch.bfloat16, torch.float32), raises=False)
    assert "GC105" not in {f.code for f in report.findings}


def test_other_arrays_of_ml_dtypes_are_refused_with_what_to_do():
    ml_dtypes = pytest.importorskip("ml_dtypes")
    x = np.ones((3, 2)).astype(ml_dtypes.float8_e4m3fn)
    with pytest.raises(GradcheckError, match=r"dtype float8_e4m3fn .*astype\(np.float32\)"):
        check_layer(np.tanh, lambda dout, x: dout, x)
