"""What else adapting promises: nothing disturbed, copies that work, torch subjects marked, forwards alone."""

import copy
import sys
import types

import numpy as np
import pytest

from gradcheck.errors import GradcheckError
from gradcheck.layers import adapt, adapt_forward
from gradcheck.layers.recognise import TorchSubject

X, W = np.random.default_rng(0).standard_normal((3, 4)), np.random.default_rng(1).standard_normal((4, 2))


class Dense:
    def __init__(self):
        self.W, self.dW, self.calls = W.copy(), np.ones_like(W), []

    def forward(self, x):
        self.x = x
        self.calls.append(1)
        np.random.random()
        return x @ self.W

    def backward(self, dout):
        self.dW += self.x.T @ dout
        return dout @ self.W.T


def test_nothing_is_disturbed():
    layer = Dense()
    before, state = dict(vars(layer)), np.random.get_state()[1].copy()
    adapt((layer, X)).close()
    assert vars(layer).keys() == before.keys()
    assert all(vars(layer)[name] is before[name] for name in before)
    assert layer.calls == []
    np.testing.assert_array_equal(layer.dW, 1)
    np.testing.assert_array_equal(np.random.get_state()[1], state)


def test_arguments_are_the_users_own_objects():
    layer = Dense()
    problem = adapt((layer, X))
    assert problem.arguments[0] is X
    by_name = {v.name: v.array for v in problem.variables}
    assert by_name["x"] is X
    assert by_name["W"] is layer.W


def test_a_copy_works_on_a_copy_of_the_layer():
    problem = adapt((Dense(), X))
    other = copy.deepcopy(problem)
    for v in other.variables:
        v.array *= 2
    other.forward()
    other.backward([np.ones((3, 2))])
    problem.forward()
    given = problem.backward([np.ones((3, 2))])
    np.testing.assert_allclose(given.values["W"], X.T @ np.ones((3, 2)))


def test_first_forward_parameters_are_taken_away_at_the_end():
    class Lazy:
        def __init__(self):
            self.params = {"W": None}

        def forward(self, x):
            if self.params["W"] is None:
                self.params = {"W": np.ones((x.shape[1], 2))}
            self.x = x
            return x @ self.params["W"]

        def backward(self, dout):
            self.grads = {"W": self.x.T @ dout}
            return dout @ self.params["W"].T

    layer = Lazy()
    problem = adapt((layer, X))
    assert [v.name for v in problem.variables] == ["x", "W"]
    assert layer.params["W"] is not None
    problem.close()
    assert vars(layer) == {"params": {"W": None}}


def test_state_is_back_when_backward_raises():
    class Broken(Dense):
        def backward(self, dout):
            self.W[...] = 0
            raise ValueError("no")

    layer = Broken()
    with pytest.raises(GradcheckError, match="raised ValueError: no"):
        adapt((layer, X))
    np.testing.assert_array_equal(layer.W, W)


def test_functions_in_a_module():
    module = types.ModuleType("affine")
    exec(
        "def forward(x, w):\n    return x @ w\ndef backward(dout, x, w):\n    return dout @ w.T, x.T @ dout",
        vars(module),
    )
    problem = adapt((module, X, W))
    problem.forward()
    given = problem.backward([np.ones((3, 2))])
    np.testing.assert_allclose(given.values["w"], X.T @ np.ones((3, 2)))


def test_class_that_keeps_its_parameters_on_itself():
    class Shared:
        W = W.copy()

        @classmethod
        def forward(cls, x):
            cls.x = x
            return x @ cls.W

        @classmethod
        def backward(cls, dout):
            cls.dW = cls.x.T @ dout
            return dout @ cls.W.T

    problem = adapt((Shared, X))
    assert {v.name: v.gradient for v in problem.variables} == {"x": "dx", "W": "dW"}


def test_arrays_among_keyword_arguments():
    def forward(x, *, bias):
        return x + bias

    problem = adapt((forward, lambda dout: (dout, dout.sum(0)), X), kwargs={"bias": np.ones(4)})
    problem.forward()
    given = problem.backward([np.ones((3, 4))])
    np.testing.assert_allclose(given.values["bias"], 3)


def test_options_hold_an_array_that_gets_a_gradient():
    def forward(x, option):
        return x * option["slope"], (x, option)

    def backward(dout, cache):
        return {"dx": dout * cache[1]["slope"], "dslope": (dout * cache[0]).sum(0)}

    option = {"slope": np.ones(4), "running_mean": np.zeros(4)}
    problem = adapt((forward, backward, X, option))
    assert [v.name for v in problem.variables] == ["x", "slope"]


def test_gradient_of_a_global_that_the_backward_writes():
    source = """
W = None
def forward(x):
    global X
    X = x
    return x @ W
def backward(dout):
    global dW
    dW = X.T @ dout
    return dout @ W.T
"""
    namespace = {}
    exec(source, namespace)
    namespace["W"] = W.copy()
    problem = adapt((namespace["forward"], namespace["backward"], X))
    assert problem.keeps_state_elsewhere
    problem.forward()
    given = problem.backward([np.ones((3, 2))])
    np.testing.assert_allclose(given.values["W"], X.T @ np.ones((3, 2)))
    del namespace["W"]


def test_name():
    assert adapt((Dense(), X), name="fc1").subject == "fc1"
    assert adapt((Dense(), X)).subject == "Dense"


def test_forward_alone():
    problem = adapt_forward(lambda x, w: x @ w, (X, W), constants="w")
    assert [v.name for v in problem.variables if v.differentiated] == ["x"]
    assert problem.forward()[0].shape == (3, 2)
    with pytest.raises(GradcheckError, match="no inputs"):
        adapt_forward(lambda: 1.0, ())


def test_forward_alone_takes_the_first_of_value_and_cache():
    problem = adapt_forward(lambda x: (x * 2, {"x": x}), (X,))
    assert len(problem.forward()) == 1


def test_torch_subjects_are_marked():
    torch = pytest.importorskip("torch")

    class Double(torch.autograd.Function):
        pass

    for subject, kind in ((Double, "function"), (Double.apply, "function"), (torch.nn.Linear(2, 2), "module")):
        marked = adapt((subject, 1))
        assert isinstance(marked, TorchSubject)
        assert marked.kind == kind
        assert marked.arguments == (1,)
    assert adapt((Double.apply, 1)).target is Double


def test_torch_is_not_imported_for_it():
    import subprocess

    code = (
        "import sys, numpy as np; from gradcheck.layers import adapt; "
        "adapt((lambda x: 2 * x, lambda dout: 2 * dout, np.ones(3))); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
