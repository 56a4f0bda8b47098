# ruff: noqa
"""Views, in-place writes, overlaps and reused buffers: where copying and aliasing decide the derivative."""

import numpy as np
from forwards._case import Case, draws, on

draw = draws(137)


def rows_centred_in_place(A):
    """Iterating over rows gives views."""
    A = A.copy()
    for row in A:
        row -= row.mean()
        row *= 2
    return A


def view_written_then_parent_read(x):
    y = x * 1.0
    head = y[:2]
    head *= 3
    tail = y.reshape(-1)[2:]
    tail[...] = tail**2
    return y * head.sum()


def ravel_or_flatten(x):
    y = 2 * x
    r, f = y.ravel(), y.flatten()
    r[0] = f[1] * f[2]
    f *= 100
    t = y.T.ravel()
    t[:] = 0
    return y + np.asarray(y)[::-1]


def transposed_write(W):
    out = np.zeros((W.shape[1], W.shape[0]))
    out.T[...] = W**2
    out[0] += out[-1]
    return out


def repeated_index_assignment(v):
    """Later values win where an index occurs twice."""
    o = np.zeros(4)
    o[[0, 0, 2]] = v
    return o * np.array([1.0, 2.0, 3.0, 4.0])


def repeated_index_addition(base, v):
    """Fancy += adds once for a repeated index, np.add.at adds every time."""
    a, b = base.copy(), base.copy()
    idx = np.array([1, 1, 3])
    a[idx] += v
    np.add.at(b, idx, v)
    return a * b


def swapped_rows(A):
    """Rows are views, so a tuple swap needs a copy or an index list."""
    A = A + 0
    A[[0, 2]] = A[[2, 0]]
    A[0], A[1] = A[1].copy(), A[0].copy()
    return A @ A.T


def swap_of_views_gone_wrong(A):
    A = A + 0.0
    A[0], A[1] = A[1], A[0]
    return (A**2).sum(axis=1)


def overlapping_shift(x):
    y = x.copy()
    y[1:] = y[:-1]
    y[1:] += x[:-1] * y[:-1]
    y[:-1] -= y[1:]
    return y


def recurrence_in_one_array(x):
    y = np.zeros(len(x) + 1)
    for i in range(len(x)):
        y[i + 1] = 0.5 * y[i] + np.sin(x[i]) * y[max(i - 1, 0)] + x[i]
    return y[1:]


def diagonal_tools(A, d):
    B = A.copy()
    np.fill_diagonal(B, 0)
    B[np.diag_indices_from(B)] = d
    B.flat[:: B.shape[1] + 1] += d
    np.einsum("ii->i", B)[:] *= 2
    return B @ d


def masked_updates(x):
    y = x.copy()
    y[y > 0] *= 2
    y[y < -0.5] = -0.5 * y[y < -0.5]
    np.putmask(y, np.abs(y) < 0.2, y * 3)
    np.place(y, y > 1, y[y > 1] ** 2)
    return y


def out_is_the_input(x, b):
    z = x + b
    np.exp(z, z)
    np.add(z, b, out=z)
    np.multiply(z, z, out=z[...])
    np.sqrt(z, out=z)
    return np.clip(z, 0.1, 5, out=z)


def ping_pong(x, steps=3):
    src, dst = x.copy(), np.empty_like(x)
    for _ in range(steps):
        np.multiply(src[1:-1], 0.5, out=dst[1:-1])
        dst[1:-1] += 0.25 * (src[:-2] + src[2:])
        dst[0], dst[-1] = src[0], src[-1]
        src, dst = dst, src
    return src + 0.1 * dst


class Workspace:
    """One buffer serves all layers; the list keeps views of it, which all show the last contents."""

    def __init__(self, W):
        self.W = W
        self.buffer = np.empty((2, 3))

    def forward(self, x):
        kept = []
        for _ in range(2):
            np.dot(x, self.W, out=self.buffer)
            np.tanh(self.buffer, out=self.buffer)
            kept.append(self.buffer)
            x = self.buffer.copy()
        return kept[0] + kept[1]


def stale_slices(x):
    cache = {i: x[i : i + 2] for i in range(3)}
    y = np.array(x)
    later = [y[i : i + 2] for i in range(3)]
    y *= 2
    return sum(cache.values()) * sum(later)


def mutated_argument(W, dW, lr=0.1):
    """An update in place; the returned loss is at the new weights."""
    W -= lr * dW
    return np.sum(W**2)


def same_array_twice(a, b):
    a[0] += 1.0
    return a * b + b[0]


def nditer_readwrite(x):
    y = x.copy()
    with np.nditer(y, op_flags=["readwrite"]) as it:
        for v in it:
            v[...] = 2 * v * v
    return y


def scatter_by_ufunc_at(x, idx):
    y = np.ones(4)
    np.multiply.at(y, idx, x)
    np.subtract.at(y, [0, 0], x[:2])
    return y + np.add.outer(x, y[:2]).sum()


def sort_in_place(x):
    y = x.copy()
    y.sort()
    z = x[np.argsort(x)[::-1]]
    return y * np.arange(len(y)) + z[0] * np.partition(x, 2)[2]


def slices_with_steps(x):
    y = np.zeros((4, 6))
    y[::2, 1::2] = x
    y[1::2, ::-2] = x[::-1] * 2
    y[..., -1] = y[..., 0]
    y[:, None, 2][1] += x[0, 0]
    return y[::-1, ::-1] + y


def mixed_fancy_and_slices(x, idx):
    y = x[:, idx]
    z = x[idx[:, None], [0, 2]]
    w = np.zeros((3, 3))
    w[idx, 1:] = z[: len(idx)]
    w[np.ix_([0, 2], [0, 2])] += y[:2, :2]
    return w


def lists_that_share(x):
    """[[row] * 2]: the same list twice."""
    rows = [list(x)] * 2
    rows[0][0] = rows[0][0] * rows[1][1]
    return np.array(rows)


def boolean_rows(x, keep):
    y = x[keep]
    y[:, 0] = 0
    out = np.zeros_like(x)
    out[keep] = y
    out[~keep, 1] = x[~keep, 0]
    return out * x


def reversed_accumulator(x):
    acc = 0
    outs = [None] * len(x)
    for i in reversed(range(len(x))):
        acc += x[i] ** 2
        outs[i] = acc
    return np.array(outs)


def accumulator_of_arrays(xs):
    """total is rebound first and written in place later."""
    total = xs[0]
    total = total + xs[1]
    history = [total]
    total += xs[2]
    history.append(total)
    return history[0] * history[1]


def iadd_on_zero_d(x):
    s = np.zeros(())
    for v in x:
        s += v * v
    t = np.float64(0)
    for v in x:
        t += v * s
    return t


def resized_and_inserted(x):
    y = np.delete(x, 1)
    y = np.insert(y, [0, 2], x[:2] * 2)
    y = np.append(y, x[-1] ** 2)
    y = np.resize(y, (2, 3))
    y[1, :] = np.trim_zeros(np.concatenate([[0.0], x, [0.0]]))[:3]
    return y


workspace, work_x = Workspace(draw(3, 3)), draw(2, 3)
terms = [draw(3), draw(3), draw(3)]
shared = draw(4)
both = [shared, shared]
parent = draw(5)
window_a, window_b = parent[:3], parent[2:]


def views_of_one_parent(a, b):
    a *= 2
    return a * b


CASES = [
    on(rows_centred_in_place, draw(3, 4), wrt="A"),
    on(view_written_then_parent_read, draw(5), wrt="x"),
    on(ravel_or_flatten, draw(2, 3), wrt="x"),
    on(transposed_write, draw(3, 2), wrt="W"),
    on(repeated_index_assignment, draw(3), wrt="v"),
    on(repeated_index_addition, draw(4), draw(3), wrt="base v"),
    on(swapped_rows, draw(3, 3), wrt="A"),
    on(swap_of_views_gone_wrong, draw(2, 3), wrt="A"),
    on(overlapping_shift, draw(5), wrt="x"),
    on(recurrence_in_one_array, draw(5), wrt="x"),
    on(diagonal_tools, draw(3, 3), draw(3), wrt="A d"),
    on(masked_updates, draw(8), wrt="x"),
    on(out_is_the_input, draw(2, 3), draw(3), wrt="x b"),
    on(ping_pong, draw(5), wrt="x"),
    Case("Workspace", lambda: workspace.forward(work_x), {"x": work_x, "W": workspace.W}),
    on(stale_slices, draw(4), wrt="x"),
    on(mutated_argument, draw(2, 3), draw(2, 3), wrt="W dW"),
    Case("the same array as two arguments", lambda: same_array_twice(*both), {"a": shared}),
    Case("overlapping views as two arguments", lambda: views_of_one_parent(window_a, window_b), {"parent": parent}),
    on(nditer_readwrite, draw(2, 3), wrt="x"),
    on(scatter_by_ufunc_at, draw(3), [0, 2, 2], wrt="x"),
    on(sort_in_place, draw(5), wrt="x"),
    on(slices_with_steps, draw(2, 3), wrt="x"),
    on(mixed_fancy_and_slices, draw(3, 3), np.array([2, 0]), wrt="x"),
    on(lists_that_share, draw(3), wrt="x"),
    on(boolean_rows, draw(4, 2), np.array([True, False, True, False]), wrt="x"),
    on(reversed_accumulator, draw(4), wrt="x"),
    on(accumulator_of_arrays, terms, wrt={"x0": terms[0], "x1": terms[1], "x2": terms[2]}),
    on(iadd_on_zero_d, draw(4), wrt="x"),
    on(resized_and_inserted, draw(4), wrt="x"),
]
