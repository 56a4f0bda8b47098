"""Warnings of NumPy and PyTorch name the lines that they name without a watch."""

import warnings

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from gradcheck import watch


class Holder:
    def __init__(self):
        self.W = np.ones((3, 3))


def numpy_method():
    net = Holder()
    with watch(net) as health:
        yield
        net.W[:0].mean()
        health.step(loss=1.0)


def numpy_function():
    net = Holder()
    with watch(net) as health:
        yield
        np.std(net.W[:1], ddof=1, axis=0)
        health.step(loss=1.0)


def torch_function():
    model = nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    with watch(model, optimizer):
        yield
        functional.mse_loss(model(torch.ones(2, 4)), torch.ones(2)).backward()
        optimizer.step()


def torch_module():
    model = nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    with watch(model, optimizer):
        yield
        nn.MSELoss()(model(torch.ones(2, 4)), torch.ones(2)).backward()
        optimizer.step()


def places(training, watched):
    steps = training()
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        with pytest.MonkeyPatch.context() as patch:
            if not watched:
                patch.setitem(training.__globals__, "watch", lambda *_: _Nothing())
            list(steps)
    return [(w.filename, w.lineno, str(w.message)) for w in heard]


class _Nothing:
    def __enter__(self):
        return self

    def __exit__(self, *error):
        return False

    def step(self, **_):
        pass


@pytest.mark.parametrize("training", [numpy_method, numpy_function, torch_function, torch_module])
def test_a_warning_is_at_the_line_where_it_would_be(training):
    bare = places(training, watched=False)
    assert bare
    assert places(training, watched=True) == bare


def test_pythons_own_function_is_back_after_the_last_watch():
    own = warnings.warn
    net, other = Holder(), Holder()
    first, second = watch(net), watch(other)
    first.start()
    second.start()
    first.stop()
    assert warnings.warn is not own
    second.stop()
    assert warnings.warn is own
