"""check_module on real models: the guilty Function is named with its place, and no right one is blamed."""

import model_zoo as zoo
import pytest
import torch
from torch import nn

from gradcheck import check_module

IDS = torch.randint(0, 11, (2, 6), generator=torch.Generator().manual_seed(1))
IMAGES = torch.randn(3, 1, 6, 5, generator=torch.Generator().manual_seed(1))
SEQUENCE = torch.randn(5, 4, 3, generator=torch.Generator().manual_seed(1))

RIGHT = {
    "transformer": (lambda: zoo.Transformer(), IDS),
    "transformer in eval": (lambda: zoo.Transformer().eval(), IDS),
    "transformer in bfloat16": (lambda: zoo.Transformer().bfloat16(), IDS),
    "transformer in float64": (lambda: zoo.Transformer(1).double(), IDS),
    "residual blocks": (zoo.resnet, IMAGES),
    "recurrent": (zoo.Recurrent, SEQUENCE),
}
WRONG = {
    "softmax": (lambda: zoo.Transformer(bad=1, softmax=zoo.DiagonalSoftmax), IDS, "blocks.1.attn: DiagonalSoftmax"),
    "gelu": (lambda: zoo.Transformer(bad=0, gelu=zoo.GeluOfExact), IDS, "blocks.0.mlp.1: GeluOfExact"),
    "activation": (lambda: zoo.resnet(zoo.LeakyBackward), IMAGES, "2.relu2: LeakyBackward"),
    "reentrant checkpoint": (
        lambda: zoo.Transformer(bad=1, softmax=zoo.DiagonalSoftmax, recompute=True),
        IDS,
        "blocks.1.attn: DiagonalSoftmax",
    ),
    "checkpoint": (
        lambda: zoo.Transformer(bad=1, softmax=zoo.DiagonalSoftmax, recompute=False),
        IDS,
        "blocks.1.attn: DiagonalSoftmax",
    ),
    "compiled": (
        lambda: torch.compile(zoo.Transformer(bad=1, softmax=zoo.DiagonalSoftmax), backend="eager"),
        IDS,
        "blocks.1.attn: DiagonalSoftmax",
    ),
    "bfloat16": (
        lambda: zoo.Transformer(bad=1, softmax=zoo.DiagonalSoftmax).bfloat16(),
        IDS,
        "blocks.1.attn: DiagonalSoftmax",
    ),
}


def built(make):
    torch.manual_seed(0)
    return make()


@pytest.mark.parametrize("name", RIGHT)
def test_no_right_one_is_blamed(name):
    make, inputs = RIGHT[name]
    report = check_module(built(make), inputs)
    assert report.ok, str(report)
    assert {f.severity for f in report.findings} <= {"info"}


@pytest.mark.parametrize("name", WRONG)
def test_the_guilty_one_is_named_with_its_place(name):
    make, inputs, guilty = WRONG[name]
    report = check_module(built(make), inputs)
    assert [g.layer for g in report.gradients if g.verdict != "right"] == [guilty]
    assert f"is wrong ({guilty}.d" in str(report).splitlines()[0]
    assert {f.layer for f in report.findings} == {guilty}
    assert report.findings[0].where.file.endswith("model_zoo.py")


def test_one_row_for_each_gradient_in_the_order_of_the_forward():
    report = check_module(built(lambda: zoo.Transformer(1)), IDS)
    assert [f"{g.layer}.{g.name}" for g in report.gradients] == [
        "blocks.0.norm1: LayerNorm.dx",
        "blocks.0.norm1: LayerNorm.dweight",
        "blocks.0.norm1: LayerNorm.dbias",
        "blocks.0.attn: Softmax.dscores",
        "blocks.0.norm2: LayerNorm.dx",
        "blocks.0.norm2: LayerNorm.dweight",
        "blocks.0.norm2: LayerNorm.dbias",
        "blocks.0.mlp.1: Gelu.dx",
    ]
    assert "3 custom Functions in 4 places, 4 calls: 4 checked" in report.notes
    assert any(n.startswith("blocks.0.attn: Softmax: 60 entries of -inf") for n in report.notes)


def test_one_function_wrong_in_two_places_is_explained_once():
    report = check_module(built(lambda: zoo.Transformer(1, bad=0, norm=zoo.LayerNormWithoutMean)), IDS)
    wrong = [g.layer for g in report.gradients if g.verdict == "wrong"]
    assert wrong == ["blocks.0.norm1: LayerNormWithoutMean", "blocks.0.norm2: LayerNormWithoutMean"]
    assert [f.layer for f in report.findings] == wrong[:1]
    assert report.findings[0].evidence[-1] == f"the same Function is wrong in {wrong[1]}"


def test_a_state_without_a_gradient_is_no_false_alarm():
    report = check_module(built(lambda: zoo.Recurrent(function=zoo.CellWithoutState)), SEQUENCE)
    assert [(g.layer, g.name) for g in report.gradients if g.verdict == "wrong"] == [
        (f"Recurrent: CellWithoutState (call {number})", "dh") for number in (2, 3, 4, 5)
    ]
    [first, *_] = report.gradients
    assert (first.layer, first.verdict, first.reason) == (
        "Recurrent: CellWithoutState (call 1)",
        "not differentiated",
        "requires none in this model",
    )


def test_the_double_backward_of_each():
    report = check_module(built(lambda: nn.Sequential(nn.Linear(3, 4), zoo.Wrapped(zoo.Gelu))), SEQUENCE, gradgrad=True)
    assert report.ok, str(report)
    assert {g.layer for g in report.gradients} == {"1: Gelu", "1: Gelu, double backward"}
    report = check_module(built(lambda: zoo.Transformer(1)), IDS, gradgrad=True)
    assert [f.title for f in report.findings] == ["the double backward of LayerNorm is silently wrong in dx"]
    assert report.findings[0].evidence[-1] == "the same in blocks.0.norm2: LayerNorm, double backward"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("name", WRONG)
def test_on_the_gpu_where_there_is_one(name):
    make, inputs, guilty = WRONG[name]
    model = built(make).cuda()
    report = check_module(model, inputs.cuda())
    assert [g.layer for g in report.gradients if g.verdict != "right"] == [guilty]
    assert {p.device.type for p in model.parameters()} == {"cuda"}
