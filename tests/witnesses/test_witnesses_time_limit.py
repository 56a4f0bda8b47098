"""A forward that never ends under the trace alone is ended there, and judged by differences."""

import numpy as np
import pytest

from gradcheck import check_layer
from gradcheck.witnesses import time_limit


def halved(x):
    y = x
    while True:
        size = float(np.sum(y * y))
        if type(size) is float and size < 10:  # a traced number is none
            return 2 * y, None
        y = y * 0.5


@pytest.mark.parametrize(("factor", "verdict"), [(2, "right"), (3, "wrong")])
def test_a_loop_that_ends_without_the_trace_alone(monkeypatch, factor, verdict):
    monkeypatch.setattr(time_limit, "_LEAST", 0.02)
    x = np.random.default_rng(0).normal(size=3)
    report = check_layer(halved, lambda d, _: factor * d, x, raises=False)
    assert [g.verdict for g in report.gradients] == [verdict]
    leak = report.leaks[-1]  # before it may stand others, of values that left
    assert "TooLongError: still running after" in leak.how
    assert "by itself it takes" in leak.how
    assert leak.where.function == "halved"


def test_a_loop_over_single_numbers_as_well(monkeypatch):
    def forward(x):
        y = x[0]
        while type(y) is not np.float64 or y > 1e-3:  # a traced number is none
            y = y * 0.5
        return x * x, None

    monkeypatch.setattr(time_limit, "_LEAST", 0.02)
    report = check_layer(forward, lambda d, _: 2 * d, np.array([1.5, 2.0]), raises=False)
    assert any("TooLongError: still running after" in leak.how for leak in report.leaks)
    assert not report.ok
