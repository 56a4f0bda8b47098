"""The numbers that a check draws are never those that the caller drew with the same seed."""

import numpy as np
import pytest

from gradcheck import check_layer


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("make", [np.random.default_rng, np.random.RandomState])
def test_a_transposed_gradient_is_caught_although_caller_and_check_share_a_seed(make, seed):
    rng = make(seed)
    x, w = rng.standard_normal((8, 6)), rng.standard_normal((6, 6))

    def forward(x, w):
        return x @ w, (x, w)

    def backward(dout, cache):
        x, w = cache
        return dout @ w.T, (x.T @ dout).T

    report = check_layer(forward, backward, x, w, seed=seed)
    assert [g.verdict for g in report.gradients] == ["right", "wrong"]
    assert report.findings[0].title == "dw is the transpose of the true gradient"
