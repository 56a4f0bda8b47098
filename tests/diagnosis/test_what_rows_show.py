"""Numbers on a row that no witness stands for are not shown on it."""

import numpy as np
import pytest
import torch

from gradcheck import check_layer

RNG = np.random.default_rng(0)
X, W = RNG.standard_normal((6, 4)), RNG.standard_normal((4, 3))


def leaky(x, w):
    return x * float(np.frombuffer(w.tobytes()).sum()), (x, w)


def row(report, name):
    return next(g for g in report.gradients if g.name == name)


GIVEN = {
    "another shape": lambda d, c: (d * c[1].sum(), d),
    "nan": lambda d, c: (d * c[1].sum(), np.full_like(c[1], np.nan)),
    "twice": lambda d, c: (d * c[1].sum(), np.full_like(c[1], 2 * (d * c[0]).sum())),
    "right": lambda d, c: (d * c[1].sum(), np.full_like(c[1], (d * c[0]).sum())),
}


@pytest.mark.parametrize("given", GIVEN)
def test_autograds_zero_is_not_shown_as_the_truth_where_a_leak_is_on_record(given):
    report = check_layer(leaky, GIVEN[given], X, W)
    result = row(report, "dw")
    assert report.leaks
    assert result.verdict == ("right" if given == "right" else "wrong")
    assert result.norm_true is None
    assert result.compared_with in ("", "numeric")
    assert result.probe is None or result.probe.autograd is None
    causes = [f.title for f in report.findings if f.code.startswith("GC2")]
    assert causes == (["dw is 2 times the true gradient"] if given == "twice" else [])
    assert (row(report, "dx").verdict, row(report, "dx").compared_with) == ("right", "autograd")


def test_a_gradient_of_another_shape_has_a_norm_and_both_shapes_on_its_row():
    def forward(x, w):
        return x @ w, (x, w)

    report = check_layer(forward, lambda d, c: (d @ c[1].T, d.T @ c[0]), X, W)
    result, right = row(report, "dw"), row(report, "dx")
    assert result.norm_yours == pytest.approx(result.norm_true)
    assert result.reason == "yours has shape (3, 4), w has (4, 3)"
    assert right.verdict == "right"


def test_where_the_reference_is_another_function_the_headline_says_so_first():
    def forward(x, b):
        return x + b, None

    def reference(x: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return x - b

    report = check_layer(forward, lambda d, _: (d, d.sum(axis=0)), X, RNG.standard_normal(4), reference=reference)
    first = " ".join(str(report).split("\n  forward")[0].split())
    assert first.startswith("✗ forward: forward and the reference differ by ")
    assert first.split("; ")[1].startswith("both gradients are right")
    result = row(report, "db")
    assert result.reason == "numeric differences agree with yours; the reference is another function"
    assert (result.relative_error, result.limit) == (None, None)
