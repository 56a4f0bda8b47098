import numpy as np
import pytest
from trace_help import check, normal

from gradcheck.trace import Trace

SIX = np.array([4, 0, 2, 0, 1, 0])


def test_copyto():
    def forward(x):
        a = np.ones((2, 3))
        np.copyto(a, x)
        b = np.zeros((2, 3))
        np.copyto(b, x * 2, where=[True, False, True])
        c = np.zeros((2, 3))
        np.copyto(c, 3.0)
        return a * b + c

    check(forward, normal(2, 3))


def test_put_place_and_putmask():
    def forward(x):
        a, b, c, d = (np.ones((2, 3)) for _ in range(4))
        np.put(a, [0, 5, -2, 0], x)
        np.put(a, [7], x[1], mode="wrap")
        np.place(b, b > 0, x)
        np.putmask(c, np.arange(6).reshape(2, 3) % 2 == 1, x)
        d.put([1, 2, 3], x[:2])
        return a * b + c * d

    check(forward, normal(4))


def test_put_along_axis_and_fill_diagonal():
    def forward(x):
        a = np.zeros((3, 4))
        np.put_along_axis(a, np.array([[1], [0], [1]]), x[:, None] * 2, axis=1)
        b = np.zeros((3, 3))
        np.fill_diagonal(b, x)
        c = x * np.ones((3, 3))
        np.fill_diagonal(c, 0)
        return a[:, :3] + b @ c

    check(forward, normal(3))


def test_fill_and_flat():
    def forward(x):
        a = np.ones((2, 3))
        a.fill(x[0])
        a.flat[1] = x[1]
        a.flat[[3, 4]] = x[:2]
        b = np.ones((2, 3)).T
        b.flat[:] = x
        b.flat[1:3] = 2.0
        return a * b.T

    check(forward, normal(3))


def test_masks():
    def forward(x):
        a = x * 1.0
        a[x < 0] *= 0.1
        a[x > 1] = x[x > 1] ** 2
        a[[True, False, False]] = 0.5
        return a

    check(forward, np.array([[0.2, -0.5], [1.4, -1.2], [2.0, 0.4]]))


@pytest.mark.parametrize("operation", ["add", "subtract", "multiply", "divide", "maximum"])
def test_ufunc_at_applies_repeated_indices_one_after_another(operation):
    def forward(x):
        a = np.linspace(1.0, 2.0, 5)
        getattr(np, operation).at(a, SIX, x)
        return a * a

    check(forward, np.abs(normal(6)) + 0.7)


def test_add_at_on_traced_targets_views_and_rows():
    def forward(x, v):
        a = x * x
        np.add.at(a, [0, 2, 0], v)
        np.add.at(a[1:], (np.array([0, 0]), slice(None)), 1.5)
        np.add.at(a, (np.array([0, 1, 0]), np.array([1, 1, 1])), v[:, 0])
        np.negative.at(a, [1])
        return a

    check(forward, normal(3, 2), normal(3, 2, seed=1))


def test_sorting_in_place():
    def forward(x):
        a = x * 1.0
        a.sort()
        b = x * 2.0
        b.sort(axis=0)
        c = x * 3.0
        c.partition(1, axis=1)
        return a * [1.0, 2.0, 3.0] + b * [[1.0], [5.0]] + c[:, :1]

    check(forward, normal(2, 3))


def test_nan_to_num_in_place():
    def forward(x):
        a = np.log(np.maximum(x, 0)) * 0 + x
        a[0] = np.nan
        np.nan_to_num(a, copy=False)
        return a * x

    with np.errstate(all="ignore"):
        check(forward, np.array([1.0, 2.0, 3.0]))


def test_writing_into_a_plain_array_is_a_leak_and_numpy_still_writes():
    trace = Trace()
    x = trace.variable(normal(3), "x")
    for write in (
        lambda plain: np.copyto(plain, x),
        lambda plain: np.put(plain, [0, 1], x),
        lambda plain: np.add.at(plain, [0], x[0]),
        lambda plain: np.put_along_axis(plain, np.array([1]), x[:1], 0),
        lambda plain: np.add(x, 1, out=plain),
    ):
        plain = np.zeros(3)
        before = len(trace.leaks)
        write(plain)
        assert plain.any()
        assert len(trace.leaks) == before + 1
        assert "plain array" in trace.leaks[-1].how


def test_in_place_on_a_plain_array_gives_a_traced_one():
    trace = Trace()
    x = trace.variable(normal(3), "x")
    plain = np.ones(3)
    memory = plain
    plain += x
    assert trace.leaks == []
    np.testing.assert_array_equal(memory, 1 + x.value)
    np.testing.assert_array_equal(trace.gradients([plain * x], [np.ones(3)], {"x": x})["x"], 1 + 2 * x.value)
