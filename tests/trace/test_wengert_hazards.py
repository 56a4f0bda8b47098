"""Numbers and windows without tensors: what could make their gradients wrong in silence, planted one by one."""

import math
import sys

import numpy as np
import pytest
import torch
from test_wengert_programs import compare
from trace_help import call_traced, gradients_of, normal

from gradcheck.trace import Trace
from gradcheck.trace.rules.table import RULES
from gradcheck.trace.wengert import blocks


def entered(forward, *arrays):
    """The trace of ``forward``, run with the Wengert list, and its gradients."""
    trace = Trace(once=True)
    found = gradients_of(forward, *arrays, trace=trace)
    return trace, found


def test_operands_that_change_after_they_were_used():
    def forward(x, w):
        a = x[1:4] * 1.0
        b = a * w
        square = b * b
        s = np.sum(square)
        b *= 3.0  # the product's operand was what it was before
        a[0] = 7.0
        x[2] = 0.5
        w[1] = w[0] * 2.0
        return s + np.sum(b * w) + np.sum(a * x[1:4])

    compare(forward, normal(5), normal(3, seed=1))


def test_constants_that_change_after_they_were_used():
    def forward(x):
        mask = np.array([1.0, 0.0, 2.0])
        plain = [2.0]
        total = np.sum(x[:3] * mask) * plain[0]
        mask[:] = 5.0
        plain[0] = 9.0
        return total + np.sum(x[1:4] * mask)

    compare(forward, normal(5))


def test_views_of_one_memory_written_through_one_another():
    def forward(x):
        out = np.zeros((3, 4))
        column, flat = out[:, 1], out.reshape(-1)
        for i in range(3):
            out[i, 1] = x[i] * x[i + 1]
            column[i] += out[i, 1] * 0.5
            flat[4 * i + 2] = column[i] - 1.0
            out[-1 - i, -1] = flat[1] * x[0]
        out[1] = out[0] * 2.0
        return out * out + column.sum()

    compare(forward, normal(4))


def test_partly_filled_arrays_are_read_as_a_whole():
    def forward(x):
        out = np.ones((4, 2))
        total = 0.0
        for i in range(4):
            out[i, 0] = x[i] ** 2
            total = total + out.sum() * out[i, 0]
            out[i, 1] = total * 0.1 if i % 2 else 3.0
            out[: i + 1, 1] += out[i, 0]
        return out + total

    compare(forward, normal(4))


def test_constants_and_arrays_overwrite_entries():
    def forward(x):
        out = np.zeros(6)
        for i in range(6):
            out[i] = x[i] * 2.0
        out[1] = 4.0
        out[2:4] = x[:2] ** 2
        out[[0, 0, 5]] = x[3] * x[2]
        out[::5] *= 0.5
        return out * np.arange(6.0)

    compare(forward, normal(6))


def test_a_number_stored_into_several_places():
    def forward(x):
        out = np.zeros((3, 3))
        out[1, :] = x[0] * x[1]
        out[:, 2] = x[2]
        return out * np.arange(9.0).reshape(3, 3)

    compare(forward, normal(3))


def test_math_and_branches_on_numbers():
    def forward(x):
        out = np.zeros(x.shape)
        for i in range(x.shape[0]):
            for j in range(x.shape[1]):
                v = x[i, j]
                out[i, j] = 1 / (1 + math.exp(-v)) if v > 0 else max(v, -0.3) * math.sqrt(v * v + 1)
        return out

    compare(forward, normal(4, 3))


def test_functions_of_numbers_by_their_rules():
    def forward(x):
        total = 0.0
        for v, u in zip(x, x[::-1], strict=True):
            total = total * 0.5 + np.tan(v) * np.exp2(u) + math.sinh(v) - math.cosh(u * v) + math.atan2(v, 1.0 + u)
            total = np.logaddexp(total, v) + math.hypot(v, u) + np.arctan2(0.3, v) + np.logaddexp(-np.inf, total)
        return total

    compare(forward, normal(4))
    assert len(entered(forward, normal(4))[0].entries.sources) == 1


def test_corners_share_as_they_do_in_torch():
    def forward(x):
        tied = np.maximum(x[0], x[1]) + abs(x[2]) + np.max(x[:2]) + np.minimum(x[2], 0.0)
        return tied + np.sqrt(x[2]) * 0.0

    x = np.array([0.5, 0.5, 0.0])
    found = []
    for once in (False, True):
        trace = Trace(once=once)
        variable = trace.variable(x.copy(), "x")
        out = call_traced(trace, forward, variable)
        found.append(trace.gradients([out], [np.ones(())], {"x": variable})["x"])
    np.testing.assert_array_equal(*found)


def test_numbers_that_numpy_hands_back_as_they_are():
    def forward(x):
        p, total = x[0] * x[1], 0.0
        for q in (np.real(p), p.T, p.real, np.squeeze(p), p.conj(), p.copy(), p.item(), np.round(p, 1), p.flat[0]):
            r = q * x[2] + p * q
            total = total + np.sum(r * x[:2]) * q + p
        return total * p

    compare(forward, normal(3))


def test_numbers_are_no_arrays_to_write_to():
    trace = Trace(once=True)
    x = trace.variable(normal(3), "x")
    number = x[0] * x[1]
    for write in (lambda: np.add.at(number, 0, x[2]), lambda: np.add(x[1], x[2], out=number), lambda: number.sort()):
        with pytest.raises((TypeError, ValueError)):
            call_traced(trace, lambda write=write: (np, write()))
    assert trace.gradients([number], [np.ones(())], {"x": x})["x"][0] == x.value[1]


def test_what_leaves_the_trace_is_named():
    trace = Trace(once=True)
    x = trace.variable(normal(3), "x")
    product = x[0] * x[1]
    assert float(product) == product.value
    plain = np.zeros(2)
    plain[0] = product
    assert [leak.how for leak in trace.leaks] == ["float() of an array", "stored into a plain array"]
    assert {leak.where.file for leak in trace.leaks} == {__file__}


def test_values_that_torch_computes_otherwise_are_a_mismatch(monkeypatch):
    """Numbers go on with NumPy's values: that what they read agrees with the tensor is looked at where they read it."""
    monkeypatch.setitem(RULES, np.cumsum, lambda a, *_, **__: torch.cumsum(a, 0) * 2)

    def forward(x):
        out, sums = np.zeros(3), np.cumsum(x)
        for i in range(3):
            out[i] = sums[i] * x[i]
        return out

    trace = Trace(once=True)
    x = trace.variable(normal(3), "x")
    trace.gradients([call_traced(trace, forward, x)], [np.ones(3)], {"x": x})
    assert trace.mismatch


def test_sums_whose_terms_cancel_are_no_mismatch():
    def forward(x):
        y = x * 0.3
        rest = (y - x * 0.1 - x * 0.2).sum()  # nothing but rounding
        return sum(x[i] * rest + x[i] * rest for i in range(3))

    compare(forward, normal(3))


def test_only_traces_that_are_differentiated_once_have_entries():
    def forward(x):
        return x[0] * x[1]

    for trace in (Trace(), Trace(once=True, verify=True), Trace(once=True, precision="native"),
                  Trace(once=True, hook=lambda operation: operation.result)):  # fmt: skip
        gradients_of(forward, normal(2), trace=trace)
        assert len(trace.entries.columns) == 0
    assert len(entered(forward, normal(2))[0].entries.columns) == 1


def test_second_derivatives_are_refused():
    trace = Trace(once=True)
    x = trace.variable(normal(2), "x")
    total = trace.objective([x[0] * x[1]], [np.ones(())])
    with pytest.raises(RuntimeError, match="no second derivatives"):
        torch.autograd.grad(total, trace.leaf_of(x), create_graph=True)


def test_single_precision_arrays_keep_their_tensors():
    def forward(x):
        half = np.zeros(3, np.float32)
        for i in range(3):
            half[i] = x[i] * x[i - 1]
        return half[0] * half[1] + half

    trace = Trace(once=True)
    x = trace.variable(normal(3), "x")
    out = call_traced(trace, forward, x)
    found = trace.gradients([out], [np.ones(3)], {"x": x})["x"]
    graph = Trace()
    y = graph.variable(normal(3), "x")
    np.testing.assert_allclose(
        found, graph.gradients([call_traced(graph, forward, y)], [np.ones(3)], {"x": y})["x"], rtol=1e-6
    )


def test_back_and_forth_between_numbers_and_arrays():
    def forward(x, w):
        total = 0.0
        for i in range(40):
            a = x[i % 4] * x[i % 3] + total * 0.1
            row = np.tanh(w * a)  # PyTorch's
            total = row.sum() * x[0] + a
        return total

    compare(forward, normal(4), normal(3, 3, seed=1))
    trace, _ = entered(forward, normal(4), normal(3, 3, seed=1))
    assert not trace.entries.pays  # stretches of a few entries cost more than tensors


def test_numbers_of_several_stretches_in_one_array():
    def forward(x, w):
        out = np.zeros(6)
        for i in range(6):
            for _ in range(10):
                out[i] += x[i] * x[i - 1] * 0.1
            out[i] *= np.tanh(w * out[i]).sum()
        return out

    compare(forward, normal(6), normal(30, seed=1))


def independent_stretches(x, w):
    a = np.array([x[i] * x[i - 1] for i in range(4)])
    early = np.tanh(a)
    late = np.tanh(np.array([w[i] * w[i - 1] + w[i] for i in range(4)]))
    return late + early * 2.0 + early * a


def test_stretches_that_do_not_depend_on_one_another():
    """Which of them PyTorch asks first is its own affair."""
    compare(independent_stretches, normal(4), normal(4, seed=1))
    compare(independent_stretches, normal(4, seed=1), normal(4))


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_blocks_of_any_size(size, monkeypatch):
    """Gradients wait in blocks: where these end, and where stretches do, does not show."""
    monkeypatch.setattr(blocks, "_SIZE", size)

    def forward(x, w):
        out, total = np.zeros(9), 0.0
        for i in range(9):
            for k in range(3):
                out[8 - i] += x[i + k] * w[k]
            total = total * 0.5 + out[8 - i] * x[i] + np.sum(x[i : i + 3] * w)
        early = np.tanh(out)
        for i in range(9):
            out[i] = out[i] * early[i] + total * x[0]
        return out + total + np.array([x[i] * w[i % 3] for i in (3, 1, 1, 4, 0, 8, 2, 2, 2)]) * early

    compare(forward, normal(11), normal(3, seed=1))
    test_stretches_that_do_not_depend_on_one_another()


def test_gradients_of_an_interrupted_pass_do_not_count(monkeypatch):
    trace = Trace(once=True)
    x = trace.variable(normal(3), "x")
    out = x[0] * x[1] * x[2] + np.sum(x[:2] * x[1:])
    seed = [np.ones(())]
    true = trace.gradients([out], seed, {"x": x})["x"]
    from gradcheck.trace.wengert.replay import Pass

    ordinary = Pass.replay

    def failing(self, *args):
        ordinary(self, *args)
        raise KeyboardInterrupt

    monkeypatch.setattr(Pass, "replay", failing)
    with pytest.raises(KeyboardInterrupt):
        trace.gradients([out], seed, {"x": x})
    monkeypatch.setattr(Pass, "replay", ordinary)
    np.testing.assert_array_equal(trace.gradients([out], seed, {"x": x})["x"], true)


def stores(x):
    out = np.zeros(x.shape)
    for i in range(x.size):
        out[i] = x[i] * x[i - 1]
    return out


def test_an_assignment_takes_a_few_bytes_and_no_node():
    trace, found = entered(stores, normal(2000))
    columns = trace.entries.columns
    assert len(columns) == 2000
    held = sum(
        column.itemsize * len(column) for column in (columns.kinds, columns.codes, columns.factors, columns.more)
    )
    assert held == 9 * 2000
    assert len(trace.entries._tokens) == 1
    np.testing.assert_allclose(found, gradients_of(stores, normal(2000), trace=Trace()), rtol=1e-12)


def test_a_list_of_numbers_takes_less_than_so_many_arrays():
    trace = Trace(once=True)
    x = trace.variable(normal(3), "x")
    assert sys.getsizeof(x[0] * x[1]) <= 80 < sys.getsizeof(x)


def test_windows_of_a_convolution_take_a_few_bytes():
    def forward(x, w):
        out = np.zeros(len(x) - 2)
        for i in range(len(out)):
            out[i] = np.sum(x[i : i + 3] * w) + 1.0
        return out

    trace, _ = entered(forward, normal(500), normal(3))
    columns = trace.entries.columns
    # the first product is PyTorch's: w is no source yet; a constant added makes no entry
    assert 497 * 2 - 2 <= len(columns) <= 498 * 2
    assert len(columns.factors) <= 3
    assert not trace.entries.kept
    assert len(trace.entries._tokens) == 1


def test_numbers_that_are_iterated_over():
    def forward(x, w):
        out, largest, decayed = [], -np.inf, 0.0
        for i, v in enumerate(x):
            a, _, c = w
            largest, decayed = np.maximum(largest, v), decayed * 0.5 + v
            out.append((a * v + c, largest, sum(x[i : i + 3] * w[0]), decayed))
            x[-1] = decayed  # what is iterated over is read when its turn comes
        return np.array(out)

    compare(forward, normal(9), normal(3, seed=1))


def test_iterating_over_numbers_makes_no_nodes():
    def forward(x, w):
        found = []
        for v in x:
            total = 0.0
            for c in w:
                total = total * v + c
            found.append(total)
        return np.array(found)

    trace, _ = entered(forward, normal(50), normal(3, seed=1))
    assert len(trace.entries.sources) == 2
    assert len(trace.entries._tokens) == 1


def test_a_number_takes_no_items():
    trace = Trace(once=True)
    x = trace.variable(normal(3), "x")
    with pytest.raises(TypeError, match="item assignment"):
        x[0][0] = x[1] * x[2]
