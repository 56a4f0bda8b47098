import numpy as np
import pytest
import torch
from trace_help import call_traced, check, normal

from gradcheck.trace import Site, Trace
from gradcheck.trace.rules import RULES


def network(x, w, b):
    hidden = np.maximum(x @ w + b, 0)
    scores = np.exp(hidden - hidden.max(axis=1, keepdims=True))
    scores /= scores.sum(axis=1, keepdims=True)
    return -np.log(scores[np.arange(len(x)), 0]).mean()


def traced(trace, dtype=np.float64):
    arrays = {"x": normal(4, 3), "w": normal(3, 5, seed=1), "b": normal(5, seed=2)}
    arrays = {name: array.astype(dtype) for name, array in arrays.items()}
    variables = {name: trace.variable(array, name) for name, array in arrays.items()}
    return variables, call_traced(trace, network, *variables.values())


def test_gradients_have_the_variables_shapes_and_zeros_where_nothing_depends():
    trace = Trace()
    variables, loss = traced(trace)
    unused = trace.variable(normal(2, 2), "unused")
    found = trace.gradients([loss, 3.0], [np.array(1.0), np.array(1.0)], {**variables, "unused": unused})
    assert {name: array.shape for name, array in found.items()} == {
        "x": (4, 3),
        "w": (3, 5),
        "b": (5,),
        "unused": (2, 2),
    }
    assert not found["unused"].any()
    assert all(array.dtype == np.float64 for array in found.values())
    assert not trace.mismatch


def test_a_variable_over_numbers_that_are_kept_is_as_over_its_own():
    kept = normal(4, 3)
    trace = Trace()
    x = trace.variable(kept.copy(), "x", kept)

    def forward(x):
        x *= 2
        return x**2

    out = call_traced(trace, forward, x)
    found = trace.gradients([out], [np.ones((4, 3))], {"x": x})["x"]
    np.testing.assert_array_equal(kept, normal(4, 3))
    np.testing.assert_allclose(found, 8 * kept)
    assert not np.shares_memory(found, kept)


def test_several_upstreams_of_one_trace():
    trace = Trace()
    variables, loss = traced(trace)
    once = trace.gradients([loss], [np.array(1.0)], variables)
    twice = trace.gradients([loss, loss], [np.array(1.0), np.array(1.0)], variables)
    for name in variables:
        np.testing.assert_allclose(twice[name], 2 * once[name], rtol=1e-12)


def test_gradients_refuses_an_upstream_of_another_shape():
    trace = Trace()
    x = trace.variable(normal(3), "x")
    with pytest.raises(ValueError, match="upstream gradient of shape"):
        trace.gradients([x * 2], [np.ones(2)], {"x": x})


@pytest.mark.parametrize("wrong", [np.arange(3), [1.0], 2.0, np.array(["a"])])
def test_variable_refuses_what_has_no_derivative(wrong):
    with pytest.raises(TypeError, match="ndarray of floats"):
        Trace().variable(wrong, "x")


def test_one_array_is_one_variable():
    trace = Trace()
    value = normal(3)
    x = trace.variable(value, "x")
    assert trace.variable(value, "again") is x
    assert trace.leaf(value) is x
    assert x.value is value


def test_number_as_a_variable():
    trace = Trace()
    rate = trace.variable(np.array(0.5), "rate")
    out = rate * rate + np.sin(rate)
    np.testing.assert_allclose(trace.gradients([out], [np.array(1.0)], {"rate": rate})["rate"], 1 + np.cos(0.5))


def test_depends_tells_traced_from_constant():
    trace = Trace()
    x = trace.variable(normal(3), "x")
    assert trace.depends(x.sum())
    assert not trace.depends(trace.leaf(normal(3, seed=1)))
    assert not trace.depends(x > 0)
    assert not trace.depends(3.0)


def test_value_unwraps_nested_containers():
    trace = Trace()
    x = trace.variable(normal(3), "x")
    got = trace.value({"a": [x, (x[0], 1)], "b": "text"})
    assert got["a"][0] is x.value
    assert type(got["a"][1][0]) is np.float64
    assert got["b"] == "text"


def test_float64_precision_carries_derivatives_of_float32_values_unrounded():
    variables32, loss32 = traced(trace32 := Trace(), np.float32)
    found = trace32.gradients([loss32], [np.array(1.0)], variables32)
    trace = Trace()
    variables = {name: trace.variable(v.value.astype(np.float64), name) for name, v in variables32.items()}
    exact = trace.gradients([call_traced(trace, network, *variables.values())], [np.array(1.0)], variables)
    assert loss32.dtype == np.float32
    for name in exact:
        assert found[name].dtype == np.float64
        np.testing.assert_allclose(found[name], exact[name], rtol=1e-12, atol=1e-15)
    assert not trace32.mismatch


def test_native_precision_rounds_as_the_values_do():
    variables, loss = traced(trace := Trace(precision="native"), np.float32)
    found = trace.gradients([loss], [np.array(1.0)], variables)
    assert all(array.dtype == np.float32 for array in found.values())
    assert trace.leaks == []


def test_native_precision_of_mixed_dtypes_follows_numpy():
    trace = Trace(precision="native")
    x = trace.variable(normal(3).astype(np.float32), "x")
    y = trace.variable(normal(3, seed=1), "y")
    for out in (
        x * y,
        x * 2.0,
        np.float64(2) * x,
        x @ y,
        np.add(x, y, dtype=np.float64),
        x.astype(np.float64),
        x.mean(),
    ):
        assert str(out._tensor().dtype).removeprefix("torch.") == str(out.dtype)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_verify_accepts_right_rules_at_every_precision(dtype):
    variables, loss = traced(trace := Trace(verify=True), dtype)
    assert trace.leaks == []
    found = trace.gradients([loss], [np.array(1.0)], variables)
    assert all(np.isfinite(array).all() for array in found.values())


def test_a_rule_that_means_something_else_is_a_mismatch_and_verify_names_it(monkeypatch):
    monkeypatch.setitem(RULES, np.maximum, lambda a, _: torch.clamp(a, min=1e-3))
    variables, loss = traced(trace := Trace())
    trace.gradients([loss], [np.array(1.0)], variables)
    assert trace.mismatch
    assert trace.leaks == []
    variables, loss = traced(trace := Trace(verify=True))
    assert [leak.how for leak in trace.leaks] == ["maximum: the PyTorch counterpart gives another value"]
    assert trace.leaks[0].where.source == "hidden = np.maximum(x @ w + b, 0)"
    found = trace.gradients([loss], [np.array(1.0)], variables)
    assert not trace.mismatch
    assert not found["w"].any()


def test_verify_sees_memory_changed_behind_the_trace():
    trace = Trace()
    x = trace.variable(normal(3), "x")
    y = x * 2
    y.value[0] = 17.0
    trace.gradients([y], [np.ones(3)], {"x": x})
    assert trace.mismatch


def test_nan_and_infinity_agree_with_themselves():
    trace = Trace(verify=True)
    x = trace.variable(np.array([0.0, 1.0, -1.0]), "x")
    with np.errstate(all="ignore"):
        out = np.log(x) + 1 / x
    assert trace.leaks == []
    trace.gradients([out], [np.array([0.0, 1.0, 0.0])], {"x": x})
    assert not trace.mismatch


def test_hook_sees_every_operation_and_can_plant_a_derivative():
    seen = []

    def hook(operation):
        seen.append((operation.site.line, operation.name))
        assert isinstance(operation.site, Site)
        assert isinstance(operation.result, torch.Tensor)
        if operation.rule is not None:
            again = operation.rule(*operation.inputs, **operation.keywords)
            assert torch.equal(again, operation.result)
        if operation.name == "tanh":
            (x,) = operation.inputs
            return operation.result.detach() + 3.0 * (x - x.detach())
        return operation.result

    trace = Trace(hook=hook)
    x = trace.variable(normal(3), "x")
    y = np.tanh(x)
    out = (y * y)[1:]
    assert [name for _, name in seen] == ["tanh", "multiply", "getitem"]
    assert seen[1][0] == seen[0][0] + 1
    found = trace.gradients([out], [np.ones(2)], {"x": x})["x"]
    np.testing.assert_allclose(found[1:], 6.0 * np.tanh(x.value[1:]), rtol=1e-12)
    assert not trace.mismatch


def test_tuples_lists_and_named_tuples_of_results():
    trace = Trace(verify=True)
    x = trace.variable(normal(3, 3), "x")
    parts = np.split(x, 3)
    assert isinstance(parts, list)
    sign, logdet = np.linalg.slogdet(x @ x.T + np.eye(3))
    assert isinstance(np.linalg.slogdet(x @ x.T + np.eye(3)).logabsdet, float)
    out = parts[0].sum() + logdet * sign
    assert trace.leaks == []
    assert trace.gradients([out], [np.array(1.0)], {"x": x})["x"].all()


def test_complex_intermediate_values():
    trace = Trace(verify=True)
    x = trace.variable(normal(3), "x")
    z = x * (1 + 2j)
    out = (z * z.conj()).real + z.imag
    np.testing.assert_allclose(trace.gradients([out], [np.ones(3)], {"x": x})["x"], 10 * x.value + 2, rtol=1e-12)


def test_complex_numbers_of_python_itself():
    def forward(x):
        z = 1j * x[0]  # a complex of Python's, not one of NumPy's
        w = (2 - 1j) - x[1].item() + z
        return (z * w).real + abs(w) + (x * (1 + 1j))[1].item().imag

    check(forward, normal(2))
