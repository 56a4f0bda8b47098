"""Double backward of a Function: right, silently wrong, refused, or raising."""

import function_zoo as zoo
import pytest
import torch

from gradcheck import check_layer


def normal(dtype):
    return torch.randn(4, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64).to(dtype)


def verdicts(report):
    return {(g.layer, g.name): g.verdict for g in report.gradients}


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_a_right_double_backward(dtype):
    report = check_layer(zoo.Twice, normal(dtype), gradgrad=True)
    assert report.ok, str(report)
    assert verdicts(report) == {
        ("", "dx"): "right",
        ("double backward", "dx"): "right",
        ("double backward", "dupstream"): "right",
    }


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize(
    ("name", "names", "cause"),
    [
        ("Detached", "dx", "return g * x.detach().cos(): what comes out of it is a constant to autograd"),
        ("ThroughNumPy", "dx, dupstream", "what comes out of it is a constant to autograd"),
        ("Intermediate", "dx", "1 of the saved tensors is computed in forward, where nothing is recorded"),
    ],
)
def test_one_that_is_silently_wrong_is_named(name, names, cause, dtype):
    report = check_layer(getattr(zoo, name), normal(dtype), gradgrad=True)
    assert not report.ok
    [finding] = report.findings
    assert finding.code == "GC157"
    assert finding.title == f"the double backward of {name} is silently wrong in {names}"
    assert cause in finding.cause[0]
    assert finding.where is not None
    assert finding.where.file.endswith("function_zoo.py")
    assert finding.evidence[0].startswith("dx: zero by your backward, and it is not")
    assert verdicts(report)["", "dx"] == "right"


def test_without_asking_nothing_is_said_of_it():
    assert check_layer(zoo.Detached, normal(torch.float64)).ok


def test_one_that_is_refused_aloud_is_no_fault():
    report = check_layer(zoo.Once, normal(torch.float64), gradgrad=True)
    assert report.ok
    assert [(f.code, f.severity) for f in report.findings] == [("GC158", "info")]
    assert report.findings[0].title.startswith("backward is marked once_differentiable")


def test_one_that_raises():
    report = check_layer(zoo.RaisesTwice, normal(torch.float64), gradgrad=True)
    assert not report.ok
    assert report.findings[0].title == "the double backward of RaisesTwice raises an error"
    assert report.findings[0].evidence[0].startswith("RuntimeError: Can't call numpy() on Tensor that requires grad")


def test_a_wrong_backward_comes_first():
    class Wrong(zoo.Twice):
        @staticmethod
        def backward(ctx, g):
            return 2 * g * ctx.saved_tensors[0].cos()

    report = check_layer(Wrong, normal(torch.float64), gradgrad=True)
    assert verdicts(report) == {("", "dx"): "wrong"}
    assert "Wrong: its double backward waits until its backward is right" in report.notes


def test_several_outputs_and_inputs():
    class Polar(torch.autograd.Function):
        @staticmethod
        def forward(ctx, r, angle):
            ctx.save_for_backward(r, angle)
            return r * angle.cos(), r * angle.sin()

        @staticmethod
        def backward(ctx, g, h):
            r, angle = ctx.saved_tensors
            return g * angle.cos() + h * angle.sin(), r * (h * angle.cos() - g * angle.sin())

    report = check_layer(Polar, normal(torch.float64), 2 * normal(torch.float64), gradgrad=True)
    assert report.ok, str(report)
    assert [g.name for g in report.gradients] == ["dr", "dangle", "dr", "dangle", "dupstream0", "dupstream1"]

    class Half(Polar):
        @staticmethod
        def backward(ctx, g, h):
            r, angle = ctx.saved_tensors
            return g * angle.cos() + h * angle.sin(), r.detach() * (h * angle.cos() - g * angle.sin())

    report = check_layer(Half, normal(torch.float64), 2 * normal(torch.float64), gradgrad=True)
    assert [g.name for g in report.gradients if g.verdict == "wrong"] == ["dr"]
