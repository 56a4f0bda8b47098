"""Losses and gradients at the edge of what can be judged: told, or refused, and nothing left behind."""

import itertools
import random

import numpy as np
import pytest

from gradcheck import GradcheckError, check_learning_rate


def square(w):
    return (w**2).sum()


def test_a_sum_of_absolute_values_has_no_limit():
    report = check_learning_rate(lambda w: np.abs(w).sum(), np.ones(3), lr=0.5)
    assert report.step_size.limit == np.inf


def test_a_gradient_of_zeros_is_wrong_where_the_true_one_is_not():
    report = check_learning_rate(square, np.ones(3), lr=0.1, gradient=np.zeros(3))
    assert not report.ok
    assert [f.code for f in report.findings] == ["GC412"]
    report = check_learning_rate(square, np.full(3, 1e-3), lr=0.1, gradient=np.full(3, 2e-3))
    assert "GC412" not in [f.code for f in report.findings]


def test_a_loss_that_changes_from_call_to_call_is_refused():
    count = itertools.count(1)
    with pytest.raises(GradcheckError, match="does not change from call to call"):
        check_learning_rate(lambda w: next(count) * square(w), np.ones(3), lr=0.1)


@pytest.mark.parametrize("loss", [lambda w: w**2, lambda w: None, lambda w: np.log(-w).sum()])
def test_a_loss_that_is_refused_leaves_the_random_generators_as_they_were(loss):
    random.random()
    before = random.getstate(), np.random.get_state()[1].tolist(), np.random.get_state()[2]
    with pytest.raises(GradcheckError), np.errstate(all="ignore"):
        check_learning_rate(loss, np.ones(3), lr=0.1)
    assert (random.getstate(), np.random.get_state()[1].tolist(), np.random.get_state()[2]) == before


def test_numbers_that_overflow_warn_nobody():
    check_learning_rate(lambda w: 1e200 * square(w), np.ones(3), lr=0.1)
