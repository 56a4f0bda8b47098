import numpy as np
import pytest
from trace_help import call_traced, check, gradients_of, normal

from gradcheck.trace import Trace
from gradcheck.trace.memory import Memory


def test_write_through_a_view_is_seen_by_the_array_and_its_other_views():
    def forward(x):
        a = x * 1.0
        view, other = a[1:], a[::2]
        view[0] = x[3] ** 2
        return a.sum() + (other * other).sum() + (view**3).sum()

    check(forward, normal(4))


def test_write_through_reshaped_and_transposed_views():
    def forward(x):
        a = np.zeros((3, 4))
        a.T[1] = x[0]
        a.reshape(-1)[5:8] = x[1]
        a.swapaxes(0, 1)[0, 1] = x[2, 2]
        flipped = a[::-1, ::-1]
        flipped[0] *= 3.0
        return a * a

    check(forward, normal(3, 3))


def test_view_taken_before_a_write_follows_it():
    def forward(x):
        a = x * 2
        b = a.reshape(2, 2).T
        c = b[0]
        before = c * 1.0
        a[0] = x[1] * x[2]
        return before.sum() * c.sum() + (b @ b).sum()

    check(forward, normal(4))


def test_numbers_taken_out_keep_their_old_value():
    def forward(x):
        a = x * 1.0
        first = a[0]
        a[0] = 7.0
        return first**2 + a[0] * a[1]

    check(forward, normal(3))


def test_constants_overwrite_derivatives():
    def forward(x):
        a = x * x
        a[1] = 3.0
        a[a > 1.0] = 0.0
        return a + a * x

    check(forward, np.array([0.5, 0.2, -2.0, 0.7]))


def test_last_writer_wins_where_positions_repeat():
    """torch gives [1, 1, 1] here."""

    def forward(v):
        o = np.zeros(3)
        o[[0, 0, 1]] = v
        return o

    x = normal(3)
    check(forward, x)
    trace = Trace()
    variable = trace.variable(x, "v")
    out = call_traced(trace, forward, variable)
    np.testing.assert_array_equal(trace.gradients([out], [np.ones(3)], {"v": variable})["v"], [0, 1, 1])


def test_overlapping_windows_read_and_written():
    def forward(x):
        a = x * 1.0
        windows = np.lib.stride_tricks.as_strided(a, (4, 3), (8, 8))
        first = (windows * windows).sum()
        a[2] = x[0] ** 2
        return first + (windows[1:] ** 3).sum()

    check(forward, normal(6))


def test_sliding_windows():
    def forward(x, w):
        windows = np.lib.stride_tricks.sliding_window_view(x, (2, 2))
        return np.einsum("ijkl,kl->ij", windows, w)

    check(forward, normal(4, 5), normal(2, 2, seed=1))


def test_windows_of_fresh_and_of_padded_arrays():
    def forward(x):
        padded = np.pad(x * 2, 1)
        s = padded.strides
        windows = np.lib.stride_tricks.as_strided(padded, (3, 3, 3, 3), (s[0], s[1], s[0], s[1]))
        return windows.sum(axis=(2, 3)) ** 2

    check(forward, normal(3, 3))


def test_read_modify_write_of_elements_rows_and_windows():
    def forward(x):
        out = np.zeros((4, 4))
        for i in range(3):
            for j in range(3):
                out[i, j] += x[i, j]
                out[i : i + 2, j : j + 2] += x[i, j] * x[j, i]
                out[i] *= 1.5
        return out * out

    check(forward, normal(3, 3))


def test_numpy_own_overlapping_assignment():
    def forward(x):
        a = x * x
        a[1:] = a[:-1]
        a[:2] += a[1:3]
        return a * x

    check(forward, normal(5))


def test_value_of_a_constant_is_read_before_it_changes():
    def forward(x):
        scale = np.ones(3)
        y = x * scale
        scale *= 2
        z = x * scale
        scale[0] = 5.0
        return y * z * scale

    check(forward, normal(3))


def test_everything_overwritten_at_once():
    def forward(x):
        a = np.zeros((2, 3))
        row = a[1]
        a[...] = x
        a[:] = a * a
        b = np.asfortranarray(a)
        b[:, 0] = x[:, 1]
        return a + b + row

    check(forward, normal(2, 3))


def test_fortran_and_negative_strides_as_memory():
    def forward(x):
        a = np.array(x * 1.0, order="F")
        b = (x * 2)[::-1]
        b[0] = a[1]
        a[:, 1] *= 2
        view = a.T[1:]
        view[0, 0] = 3.0
        return (a * b).sum(axis=0)

    check(forward, normal(3, 3))


def test_a_row_of_shape_one_by_three_is_assigned_to_three_places():
    def forward(x):
        a = np.zeros(3)
        a[:] = x
        b = np.zeros((2, 3))
        b[...] = x
        return a + b

    check(forward, normal(1, 3))


def test_diagonal_and_einsum_views_are_written_through():
    def forward(x):
        a = np.outer(x, x)
        np.einsum("ii->i", a)[:] = x
        np.fill_diagonal(a[1:], 2.0)
        return a

    check(forward, normal(3))


def test_variables_that_share_memory_see_each_others_writes():
    flat = normal(6)
    trace = Trace()
    whole = trace.variable(flat, "flat")
    part = trace.variable(flat[:4].reshape(2, 2), "part")
    assert part._depends()
    out = (whole * whole).sum() + (part @ part).sum()
    found = trace.gradients([out], [np.array(1.0)], {"flat": whole})["flat"]
    w = flat[:4].reshape(2, 2)
    ones = np.ones((2, 2))
    expected = 2 * flat
    expected[:4] += (ones @ w.T + w.T @ ones).reshape(-1)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_plain_arrays_of_one_memory_are_one_memory_in_the_trace():
    buffer = np.zeros(4)
    trace = Trace()
    x = trace.variable(normal(2), "x")
    whole, half = trace.leaf(buffer), trace.leaf(buffer[2:])
    half[...] = x
    found = trace.gradients([whole], [np.arange(4.0)], {"x": x})["x"]
    np.testing.assert_array_equal(found, [2, 3])
    assert trace.leaf(buffer) is whole
    np.testing.assert_array_equal(buffer[2:], x.value)


def test_array_is_not_said_to_depend_where_it_does_not():
    trace = Trace()
    x = trace.variable(normal(3), "x")
    out = trace.leaf(np.zeros((3, 3)))
    out[1] = x
    assert float(out[0, 0]) == 0.0
    assert trace.leaks == []
    assert (out * 1.0).shape == (3, 3)  # reads all, so that the writes are combined
    assert float(out[2, 1]) == 0.0
    assert trace.leaks == []
    assert float(out[1, 1]) == x.value[1]
    assert [leak.how for leak in trace.leaks] == ["float() of an array"]


def test_view_that_reaches_outside_its_array_is_a_leak():
    whole = np.arange(8.0)
    trace = Trace()
    x = trace.variable(normal(4), "x")
    inner = trace.wrap(whole[:4], None)
    inner[...] = x
    outside = trace.wrap(np.lib.stride_tricks.as_strided(whole[:4], (8,), (8,)), None)
    outside._share(inner)
    outside._version = -1
    assert not outside._depends()
    assert "outside" in trace.leaks[0].how


@pytest.mark.parametrize("shape", [(0,), (0, 3), (2, 0)])
def test_empty_arrays(shape):
    def forward(x):
        a = np.zeros(shape)
        a[...] = np.reshape(x[:0], shape)
        a += 1
        return x.sum() + a.sum()

    check(forward, normal(2))


def test_positions_follow_strides():
    base = np.arange(24.0).reshape(4, 6)
    memory = Memory(base)
    for view in (base, base.T, base[::2, ::-3], base[1:, 2], base.reshape(-1)[5:], np.broadcast_to(base[0], (3, 6))):
        np.testing.assert_array_equal(memory.positions(view), view)
    memory = Memory(base[::-1, ::2])
    np.testing.assert_array_equal(memory.values()[memory.positions(base[::-1, ::2])], base[::-1, ::2])


def test_gradients_do_not_change_when_saved_values_are_overwritten():
    def forward(x):
        e = np.exp(x)
        e /= e.sum(axis=1, keepdims=True)
        e -= 0.1
        e **= 2
        return e

    check(forward, normal(3, 4))


def test_in_place_on_the_variable_itself():
    def forward(x):
        y = x * 3
        x -= 1.0
        x *= y
        return x * y

    check(forward, normal(3))
    found = gradients_of(forward, normal(3))
    assert np.isfinite(found[0]).all()
