"""Arguments that no check can be made with: each is refused in words that say what to give."""

import re

import numpy as np
import pytest
import torch

from gradcheck import (
    GradcheckError,
    check_layer,
    check_learning_rate,
    check_module,
    check_network,
    check_recorded,
    compare,
    gradient,
    load_report,
)

X, W = np.random.default_rng(0).normal(size=(5, 4)), np.ones((4, 3))


def forward(x, w):
    return x @ w, (x, w)


def backward(d, cache):
    return d @ cache[1].T, cache[0].T @ d


class Scale(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    def backward(ctx, d):
        return 2 * d


class Twice(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("factor", torch.ones(4).to_sparse())

    def forward(self, x):
        return x * self.factor


@pytest.mark.parametrize("name", [5, b"layer", ["layer"], 0])
@pytest.mark.parametrize(
    "check",
    [
        lambda name: check_layer(forward, backward, X, W, name=name),
        lambda name: check_layer(torch.nn.Linear(4, 3), torch.ones(5, 4), name=name),
        lambda name: check_network([(forward, backward, W)], X, name=name),
    ],
    ids=["layer", "module", "network"],
)
def test_a_name_that_is_no_string(check, name):
    with pytest.raises(GradcheckError, match=r"name: it must be a string, not ") as caught:
        check(name)
    assert repr(name) in str(caught.value)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (None, "source: it must be a string or a path, not NoneType; give the JSON text of a report"),
        (b'{"gradcheck": 1}', "source: it must be a string or a path, not bytes; give"),
        (3, "source: it must be a string or a path, not int; give"),
        ({"gradcheck": 1}, "source: it must be a string or a path, not dict; give"),
    ],
)
def test_no_report_to_load(source, words):
    with pytest.raises(GradcheckError, match=words):
        load_report(source)


@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support:UserWarning")
@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors:UserWarning")
@pytest.mark.parametrize("layer", [torch.nn.Linear(4, 3), Scale], ids=["module", "function"])
@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: torch.ones(5, 4).to_sparse(), r"it is sparse \(sparse_coo\).*\.to_dense\(\)"),
        (lambda: torch.ones(5, 4).to_sparse_csr(), r"it is sparse \(sparse_csr\).*\.to_dense\(\)"),
        (lambda: torch.empty(5, 4, device="meta"), 'it is on the device "meta", without values; make it on "cpu"'),
        (lambda: torch.nested.nested_tensor([torch.ones(4), torch.ones(3)]), "it is a nested tensor; give a padded"),
    ],
    ids=["sparse", "csr", "meta", "nested"],
)
def test_a_tensor_without_plain_values(layer, make, words):
    with pytest.raises(GradcheckError, match=words):
        check_layer(layer, make())


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (torch.nn.Linear(4, 3, device="meta"), "weight: it is on the device"),
        (Twice(), "factor: it is sparse"),
    ],
    ids=["meta", "sparse buffer"],
)
def test_a_module_without_plain_values(module, words):
    with pytest.raises(GradcheckError, match=words):
        check_layer(module, torch.ones(5, 4))


def test_a_lazy_module_is_checked_after_a_first_call():
    module = torch.nn.LazyLinear(3)
    with pytest.raises(GradcheckError, match=r"weight: it has no values yet.*call the module once on an input"):
        check_layer(module, torch.randn(5, 4))
    module(torch.zeros(5, 4))
    assert check_layer(module, torch.randn(5, 4)).ok


@pytest.mark.parametrize(
    ("layer", "wrt", "given"),
    [
        ((forward, backward, X, W), "w", {"dw"}),
        ((torch.nn.Linear(4, 3), torch.randn(5, 4, dtype=torch.float32)), "weight", {"weight.grad"}),
        ((Scale, torch.randn(5, 4, dtype=torch.float64)), "x", {"dx"}),
    ],
    ids=["functions", "module", "function"],
)
def test_one_name_needs_no_list(layer, wrt, given):
    report = check_layer(*layer, wrt=wrt)
    assert report.ok
    assert {g.name for g in report.gradients if g.verdict == "right"} == given


def test_wrt_that_is_no_name():
    with pytest.raises(GradcheckError, match="wrt=3: give names"):
        check_layer(torch.nn.Linear(4, 3), torch.randn(5, 4), wrt=3)


@pytest.mark.parametrize(
    ("x", "words"),
    [
        pytest.param(
            X.astype(np.longdouble),
            "which PyTorch does not have: use x.astype(np.float64)",
            marks=pytest.mark.skipif(np.dtype(np.longdouble).itemsize == 8, reason="long double is double here"),
        ),
        (np.ma.masked_array(X), "is a MaskedArray: pass a plain array, np.asarray(x)"),
    ],
)
def test_the_help_can_be_typed(x, words):
    with pytest.raises(GradcheckError) as caught:
        check_layer(forward, backward, x, W)
    assert words in str(caught.value)


def test_the_help_names_a_parameter_in_full():
    with pytest.raises(GradcheckError) as caught:
        check_layer(forward, backward, X, W, params={"v": np.ones(3, np.int64)})
    assert "use params['v'].astype(np.float64)" in str(caught.value)


def test_a_name_that_the_check_does_not_have():
    def forward(x, scale=1.0):
        return x * scale

    def backward(dout, x, scale=1.0):
        return dout * scale

    x = np.ones(3)
    with pytest.raises(GradcheckError, match=r"scale: .* no argument .* the forward .* kwargs=\{'scale': \.\.\.\}"):
        check_layer(forward, backward, x, scale=2.0)
    with pytest.raises(GradcheckError, match=r"shape: .* did you mean shapes="):
        check_layer(forward, backward, shape={"x": (3,)})
    with pytest.raises(GradcheckError, match=r"stepsize: check_learning_rate .* it takes loss, params, "):
        check_learning_rate(lambda: 0.0, x, stepsize=0.1)


@pytest.mark.parametrize(
    ("check", "words"),
    [
        (lambda: check_layer(forward, None, X, W), "the second argument, the backward, is None: give a function"),
        (lambda: check_layer(forward, None, X, W, gradients={"w": W}), "leave it out: the gradients are given"),
        (lambda: check_layer(forward, backward, X, W, raises="yes"), "raises: it must be True or False, not 'yes'"),
        (lambda: check_layer(Scale, torch.ones(3), gradgrad="x"), "gradgrad: it must be True or False, not 'x'"),
        (lambda: check_layer(Scale, torch.ones(3), vmap="y"), "vmap: it must be True or False, not 'y'"),
        (lambda: check_layer(Twice(), X, submodules=1), "submodules: it must be True or False, not 1"),
        (lambda: check_network([(forward, backward, W)], X, raises="no"), "raises: it must be True or False"),
        (lambda: check_module(Twice(), torch.ones(4), raises="no"), "raises: it must be True or False"),
        (lambda: check_module(Twice(), torch.ones(4), gradgrad=2), "gradgrad: it must be True or False, not 2"),
        (lambda: check_module(Twice(), torch.ones(4), kwargs=[1]), "kwargs: it must be a dict of keyword arguments"),
        (lambda: check_recorded({}, forward, raises="no"), "raises: it must be True or False"),
        (lambda: compare(X, X, raises="no"), "raises: it must be True or False"),
        (lambda: check_recorded(__file__, forward), "cannot be read: it is no file of arrays; give a .npz file"),
        (lambda: gradient("a", X), "forward: it is the str 'a'; give a NumPy function, or an object with forward"),
        (lambda: gradient(None, X), "forward: it is None; give a NumPy function"),
    ],
)
def test_switches_files_and_what_is_no_function(check, words):
    with pytest.raises(GradcheckError, match=re.escape(words)):
        check()
