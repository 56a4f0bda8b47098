"""Random programs over single numbers, windows and arrays: the Wengert list against PyTorch's graph of every operation.

Both ways must return NumPy's own values, and the same gradients to 1e-12.
"""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trace_help import call_traced, normal, upstream_for

from gradcheck.trace import Trace

WINDOWS = [
    slice(0, 3),
    slice(1, 4),
    slice(4, 1, -1),
    slice(None, None, 2),
    (slice(None), 1),
    (1, slice(None)),
    slice(-2, None),
]


def instruction():
    small = st.integers(0, 7)
    return st.tuples(st.sampled_from(sorted(STEPS)), small, small, small)


def _pick(values, k):
    return values[k % len(values)]


def _entry(array, i, j):
    return array[(i % array.shape[0], *[j % length for length in array.shape[1:]])]


def _read(m, i, j, k):
    m.numbers.append(_entry(_pick(m.arrays, i), j, k - 4))


def _store(m, i, j, k):
    array = _pick(m.arrays, i)
    array[(j % array.shape[0], *[k % length for length in array.shape[1:]])] = _pick(m.numbers, i + k)


def _add_to(m, i, j, k):
    array = _pick(m.arrays, i)
    array[(j % array.shape[0], *[k % length for length in array.shape[1:]])] += _pick(m.numbers, i + k)


def _sum(m, i, j, k):
    m.numbers.append(_pick(m.numbers, i) + 0.5 * _pick(m.numbers, j) - k)


def _product(m, i, j, k):
    m.numbers.append(math.sin(_pick(m.numbers, i)) * _pick(m.numbers, j))


def _entries_product(m, i, j, k):
    """Of what is read where it is used; and what adds nothing keeps what it is added to."""
    a, b = _pick(m.arrays, i), _pick(m.arrays, j)
    product = _entry(a, j, k) * _entry(b, k, i)
    m.numbers.append(_pick([product, product + 0.0, _entry(a, k, j) + 1.0, 1.0 * _entry(b, i, j)], i + j + k))


def _quotient(m, i, j, k):
    m.numbers.append(_pick(m.numbers, i) / (2.0 + _pick(m.numbers, j) ** 2))


def _function(m, i, j, k):
    x = _pick(m.numbers, i)
    m.numbers.append(_pick([np.tanh(x), math.exp(-(x * x)), np.sqrt(1.5 + x * x), abs(x), np.maximum(x, 0.3)], j))


def _branch(m, i, j, k):
    x = _pick(m.numbers, i)
    m.numbers.append(x if x > _pick(m.numbers, j) else -0.7 * x)


def _window(m, i, j, k):
    array, index = _pick(m.arrays, i), _pick(WINDOWS, j)
    if array.ndim == 2 or not isinstance(index, tuple):
        m.windows.append(array[index])


def _window_of_window(m, i, j, k):
    window = _pick(m.windows, i)
    if window.ndim:
        m.windows.append(window[:: -1 if k % 2 else 1])
        m.numbers.append(_entry(window, j, k))


def _windows_product(m, i, j, k):
    a, b = _pick(m.windows, i), _pick(m.windows, j)
    if a.shape == b.shape:
        m.windows.append(_pick([a * b, a + b, a - b, -a], k))
        m.numbers.append(np.sum(a * b) * 0.1)


def _scaled_window(m, i, j, k):
    m.windows.append(_pick(m.windows, i) * _pick([_pick(m.numbers, j), 0.3], k))


def _total(m, i, j, k):
    window = _pick(m.windows, i)
    m.numbers.append(_pick([np.sum(window), window.mean(), np.max(window), np.min(window)], k))


def _dot(m, i, j, k):
    a, b = _pick(m.windows, i), _pick(m.windows, j)
    if a.ndim == b.ndim == 1 and a.shape == b.shape:
        m.numbers.append(np.dot(a, b) * 0.2)


def _change_window(m, i, j, k):
    window = _pick(m.windows, i)  # a view of an array, or a product
    if k % 2:
        window *= 0.5
    else:
        window[0] = _pick(m.numbers, j) if window.ndim == 1 else 0.25


def _store_window(m, i, j, k):
    window = _pick(m.windows, i)
    target = _pick(m.arrays, j)
    if window.ndim == 1 and target.ndim == 1 and window.size <= target.size:
        target[: window.size] = window


def _spread(m, i, j, k):
    _pick(m.arrays, i)[_pick([slice(1, 3), slice(None, None, 2), [0, 0, 1]], j)] = _pick(m.numbers, k)


def _vectorised(m, i, j, k):
    array = _pick(m.arrays, i)
    if array.ndim == 2:
        array = array @ np.ones(array.shape[-1])
    m.arrays.append(np.tanh(np.cumsum(array)))


def _joined(m, i, j, k):
    m.arrays.append(np.array([_pick(m.numbers, i), _pick(m.numbers, j), 0.5, _pick(m.numbers, k), 1.0]))


def _cast(m, i, j, k):
    m.numbers.append(_pick([np.float64(_pick(m.numbers, i)), _pick(m.arrays, j)[:1].sum()], k))


def _emptied(m, i, j, k):
    _pick(m.arrays, i)[j % 4] = 0.125


STEPS = {
    f.__name__: f
    for f in (
        _read, _store, _add_to, _sum, _product, _entries_product, _quotient, _function, _branch, _window,
        _window_of_window, _windows_product, _scaled_window, _total, _dot, _change_window, _store_window, _spread,
        _vectorised, _joined, _cast, _emptied,
    )
}  # fmt: skip


class Machine:
    def __init__(self, x, w):
        self.arrays = [x * 1.0, np.zeros((4, 5)), w, np.zeros(6)]
        self.numbers = [0.4, x[0, 0], w[-1]]
        self.windows = [x[1], w[1:4], self.arrays[1][2]]


def program(steps):
    def forward(x, w):
        assert {np, math}  # named here, so that the steps find them traced
        machine = Machine(x, w * 1.0)
        for name, i, j, k in steps:
            STEPS[name](machine, i, j, k)
        arrays = sum(np.sum(array * array) * 0.3 for array in machine.arrays)
        return arrays + sum(machine.numbers) + sum(np.sum(window) for window in machine.windows)

    return forward


def joins(steps):
    """Whether an array is made of numbers: PyTorch's way takes those of its entries for varying that do not."""
    return any(name == "_joined" for name, *_ in steps)


def both_ways(forward, *arrays):
    found = []
    for once in (False, True):
        trace = Trace(once=once)
        mine = {str(i): trace.variable(array.copy(), str(i)) for i, array in enumerate(arrays)}
        output = call_traced(trace, forward, *mine.values())
        value = trace.value(output)
        gradients = trace.gradients([output], [upstream_for(value)], mine)
        again = trace.gradients([output], [upstream_for(value)], mine)
        assert not trace.mismatch
        for name, gradient in gradients.items():
            np.testing.assert_array_equal(gradient, again[name])
        found.append((np.array(value), gradients, trace.branch_signature(), [leak.how for leak in trace.leaks]))
    return found


def compare(forward, *arrays, same_branches=True):
    plain = forward(*[array.copy() for array in arrays])
    (value, true, branches, leaks), (entered, ours, taken, lost) = both_ways(forward, *arrays)
    np.testing.assert_array_equal(value, plain)
    np.testing.assert_array_equal(entered, plain)
    assert branches == taken or not same_branches
    assert leaks == lost == []
    for name, gradient in true.items():
        scale = max(float(np.abs(gradient).max(initial=0.0)), 1.0)
        np.testing.assert_allclose(ours[name], gradient, rtol=0, atol=1e-12 * scale)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(st.lists(instruction(), min_size=1, max_size=25))
def test_the_list_and_the_graph_agree(steps):
    compare(program(steps), 0.5 * normal(4, 5), 0.5 * normal(6, seed=1), same_branches=not joins(steps))


@pytest.mark.parametrize("seed", range(15))
def test_long_programs(seed):
    choose = np.random.default_rng(seed)
    names = sorted(STEPS)
    steps = [(names[choose.integers(len(names))], *choose.integers(0, 8, size=3)) for _ in range(120)]
    x, w = 0.3 * normal(4, 5, seed=seed), 0.3 * normal(6, seed=seed + 1)
    compare(program(steps), x, w, same_branches=not joins(steps))
