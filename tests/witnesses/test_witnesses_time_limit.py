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
    monkeypatch.setattr(time_limit, "_NAP", 0.01)
    x = np.random.default_rng(0).normal(size=3)
    report = check_layer(halved, lambda d, _: factor * d, x, raises=False)
    assert [g.verdict for g in report.gradients] == [verdict]
    leak = report.leaks[-1]  # before it may stand others, of values that left
    assert "TooLongError: still running after" in leak.how
    assert "by itself it takes" in leak.how
    assert leak.where.function == "halved"


def test_the_thread_ends_when_nothing_is_traced(monkeypatch):
    monkeypatch.setattr(time_limit, "_NAP", 0.01)
    check_layer(lambda x: x * x, lambda d, x: 2 * d * x, np.ones(3) + np.arange(3))
    watcher = time_limit._watcher
    if watcher is not None:
        watcher.join(5)
        assert not watcher.is_alive()
