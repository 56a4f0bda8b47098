"""A whole network with one big backward: however its gradients are given, they reach the right parameters."""

import numpy as np
import pytest
from layers_networks import Dicts, Layers, Lists, NestedDicts, Net, Tuples

from gradcheck.layers import adapt_network, from_update
from gradcheck.state import State


def nested_pairs(net):
    g = net.gradients()
    return [(g[0], g[1]), (g[2], g[3])]


def nested_dicts(net):
    g = net.gradients()
    return {"one": {"W": g[0], "b": g[1]}, "two": {"dW": g[2], "db": g[3]}}


def by_layer(net):
    g = net.gradients()
    return {"hidden": {"dW": g[0], "db": g[1]}, "output": {"dW": g[2], "db": g[3]}}


def list_of_dicts(net):
    g = net.gradients()
    return [{"W": g[0], "b": g[1]}, {"W": g[2], "b": g[3]}]


def two_lists(net):
    g = net.gradients()
    return {"weights": [g[0], g[2]], "biases": [g[1], g[3]]}


def two_lists_in_order(net):
    g = net.gradients()
    return [g[0], g[2]], [g[1], g[3]]


def with_loss(net):
    return net.loss(), net.named()


def with_d(net):
    return {"d" + key: value for key, value in net.named().items()}


def with_grad(net):
    return {"grad_" + key: value for key, value in net.named().items()}


FLAT, LAYERED = ["W1", "b1", "W2", "b2"], ["hidden.W", "hidden.b", "output.W", "output.b"]
NUMBERED = ["weights[0]", "biases[0]", "weights[1]", "biases[1]"]

RETURNED = [
    (Net, Net.named, FLAT),
    (Net, with_d, FLAT),
    (Net, with_grad, FLAT),
    (Net, with_loss, FLAT),
    (Net, Net.gradients, FLAT),
    (Net, lambda net: list(net.gradients()), FLAT),
    (Dicts, Net.named, FLAT),
    (Dicts, with_d, FLAT),
    (Dicts, Net.gradients, FLAT),
    (Lists, two_lists, NUMBERED),
    (Lists, two_lists_in_order, NUMBERED),
    (Tuples, nested_pairs, ["layers[0].W", "layers[0].b", "layers[1].W", "layers[1].b"]),
    (Layers, by_layer, LAYERED),
    (Layers, nested_pairs, LAYERED),
    (
        NestedDicts,
        nested_dicts,
        ["params['one']['W']", "params['one']['b']", "params['two']['W']", "params['two']['b']"],
    ),
]


def given(problem):
    """The gradients at the network's own parameters, everything put back."""
    snapshot = State(*problem.roots).snapshot()
    try:
        (loss,) = problem.forward()
        assert np.isfinite(loss)
        result = problem.backward([np.array(1.0)])
        return {k: None if v is None else np.array(v) for k, v in result.values.items()}, result.faults
    finally:
        snapshot.restore()


def assert_right(problem, net, names):
    assert sorted(v.name for v in problem.variables) == sorted(names)
    values, faults = given(problem)
    assert not faults
    fresh = type(net)()
    fresh.loss()
    for name, true in zip(names, fresh.gradients(), strict=True):
        np.testing.assert_allclose(values[name], true, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize(("kind", "gradients", "names"), RETURNED)
def test_returned(kind, gradients, names):
    net = kind()
    before = [a.copy() for a in net.arrays()]
    problem = adapt_network(net, net.loss, lambda: gradients(net))
    assert problem.style.startswith("network: loss(), gradients() -> ")
    assert_right(problem, net, names)
    assert not hasattr(net, "h")  # everything as it was
    for old, new in zip(before, net.arrays(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_engine_sets_parameters_in_tuples():
    net = Tuples()
    problem = adapt_network(net, net.loss, lambda: nested_pairs(net))
    first = problem.variables[0]
    with State(*problem.roots).substituted(lambda v: 0 * v if v is first.array else v):
        assert not np.any(net.layers[0][0])
        changed = problem.forward()[0]
    assert changed != problem.forward()[0]


def test_stored_in_attributes():
    net = Net()

    def backward():
        net.dW1, net.db1, net.dW2, net.db2 = net.gradients()

    problem = adapt_network(net, net.loss, backward)
    assert problem.style == "network: loss(), gradients() stores dW1, db1, dW2, db2"
    assert_right(problem, net, FLAT)
    assert [v.gradient for v in problem.variables] == ["dW1", "db1", "dW2", "db2"]


def test_stored_in_attributes_of_layers():
    net = Layers()

    def backward():
        net.hidden.dW, net.hidden.db, net.output.dW, net.output.db = net.gradients()
        return net.loss()  # a number is no gradient

    assert_right(adapt_network(net, net.loss, backward), net, LAYERED)


def test_added_up_in_a_dict():
    net = Dicts()
    net.grads = {name: np.ones_like(value) for name, value in net.params.items()}

    def backward():
        for name, value in net.named().items():
            net.grads[name] += value

    problem = adapt_network(net, net.loss, backward)
    assert "set to zero before each call" in " ".join(problem.notes)
    assert_right(problem, net, FLAT)
    assert all(np.all(g == 1) for g in net.grads.values())


def test_returned_beside_the_loss():
    net = Dicts()
    problem = adapt_network(net, lambda: (net.loss(), net.named()))
    assert_right(problem, net, FLAT)


@pytest.mark.parametrize("in_place", [True, False])
def test_from_update(in_place):
    net = Dicts()
    kept = dict(net.params)

    def step():
        net.loss()
        for name, g in net.named().items():
            if in_place:
                net.params[name] -= 0.1 * g
            else:
                net.params[name] = net.params[name] - 0.1 * g

    problem = adapt_network(net, net.loss, from_update(step, lr=0.1))
    assert problem.style == "network: loss(), gradients from the update of the weights"
    assert problem.updates
    assert problem.learning_rate == 0.1
    assert_right(problem, net, FLAT)
    assert all(net.params[name] is kept[name] for name in kept)


def test_from_update_of_rebound_tuples_with_a_negative_rate():
    net = Tuples()

    def move(rate):
        net.loss()
        g = nested_pairs(net)
        net.layers = [(w + rate * dw, b + rate * db, f) for (w, b, f), (dw, db) in zip(net.layers, g, strict=True)]

    problem = adapt_network(net, net.loss, from_update(lambda: move(-0.05), lr=0.05))
    assert_right(problem, net, ["layers[0].W", "layers[0].b", "layers[1].W", "layers[1].b"])


def test_one_flat_vector():
    w = np.random.default_rng(3).standard_normal(4)

    class Model:
        def __init__(self):
            self.theta = w

    model = Model()
    problem = adapt_network(model, lambda: np.sum(np.sin(model.theta)), lambda: np.cos(model.theta))
    assert problem.style == "network: loss(), gradients() -> array"
    np.testing.assert_allclose(given(problem)[0]["theta"], np.cos(w))


def test_params_by_hand():
    net = Net()
    problem = adapt_network(
        None,
        net.loss,
        lambda: {"second": net.gradients()[2], "first": net.gradients()[0]},
        params={"first": net.W1, "second": net.W2},
    )
    values, faults = given(problem)
    net.loss()
    assert not faults
    np.testing.assert_allclose(values["first"], net.gradients()[0])


def test_params_as_a_list():
    net = Net()
    problem = adapt_network(net, net.loss, net.gradients, params=[net.W1, net.b1, net.W2, net.b2])
    assert_right(problem, net, [f"params[{i}]" for i in range(4)])


def test_parameter_without_gradient_is_there_and_none():
    net = Dicts()
    problem = adapt_network(net, net.loss, lambda: {k: v for k, v in net.named().items() if k != "b2"})
    values, faults = given(problem)
    assert values["b2"] is None
    assert [f.code for f in faults] == ["GC103"]


def test_lists_of_weights_only():
    net = Net()
    problem = adapt_network(net, net.loss, lambda: [net.gradients()[0], net.gradients()[2]])
    values, faults = given(problem)
    assert [f.code for f in faults] == []
    assert values["W1"] is not None
    assert values["b1"] is None


def test_wrong_order_is_found_and_not_mended():
    net = Net()
    problem = adapt_network(net, net.loss, lambda: net.gradients()[::-1])
    values, faults = given(problem)
    assert [f.code for f in faults] == ["GC102"]
    assert "b2, W2, b1, W1" in faults[0].title
    assert values["W1"].shape == (2,)


def test_wrong_names():
    net = Net()
    problem = adapt_network(net, net.loss, lambda: {"W1": net.gradients()[0], "kernel_two": net.gradients()[2]})
    faults = given(problem)[1]
    assert "GC102" in [f.code for f in faults]
    assert "kernel_two" in faults[0].title
