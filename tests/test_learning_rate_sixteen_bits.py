"""Losses in 16-bit floats: their curvature is coarse, and what it cannot tell is not told."""

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from gradcheck import check_learning_rate

MODELS = {
    "linear": lambda: nn.Linear(8, 3),
    "tanh": lambda: nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 3)),
}


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("kind", MODELS)
def test_a_cross_entropy_is_not_taken_for_a_quadratic(kind, dtype):
    torch.manual_seed(0)
    model, x, y = MODELS[kind](), torch.randn(32, 8), torch.randint(3, (32,))
    fine = check_learning_rate(lambda: cross_entropy(model(x), y), model, lr=0.1)
    model, x = model.to(dtype), x.to(dtype)
    report = check_learning_rate(lambda: cross_entropy(model(x), y), model, lr=0.1)
    assert report.ok
    assert report.dtype == str(dtype).removeprefix("torch.")
    assert (report.step_size.quadratic, report.step_size.verdict) == (False, "below the edge")
    assert report.step_size.lambda_max == pytest.approx(fine.step_size.lambda_max, rel=0.05)
    assert any("copies in float32" in note for note in report.notes)


def test_a_rate_that_is_far_too_large_is_told_all_the_same():
    weights = torch.tensor([3.0, 2.0, 1.0], dtype=torch.bfloat16, requires_grad=True)
    x = torch.tensor([1.0, 2.0, 3.0], dtype=torch.bfloat16)
    report = check_learning_rate(lambda: (x @ weights) ** 2 / 2, weights, lr=0.5)
    assert [finding.code for finding in report.findings] == ["GC410"]
