# ruff: noqa
"""Idioms of scripts and lecture code: np.matrix, nditer, fromiter, map, try/except, lists of lists."""

import math
from copy import deepcopy

import numpy
import numpy as np
from forwards._case import Case, draws, on
from numpy import random as npr

draw = draws(109)


def numpy_spelled_out(x, w):
    z = numpy.dot(x, w.T)
    e = numpy.exp(z - numpy.max(z))
    if e.ndim == 1:
        return e / numpy.sum(e, axis=0)
    return e / numpy.array([numpy.sum(e, axis=1)]).T


def matrix_class(X, theta):
    """np.matrix: * is the matrix product, .A gives the array back."""
    X, theta = np.matrix(X), np.matrix(theta)
    inner = X * theta.T
    return np.multiply(inner, inner).A + np.power(theta, 2).sum()


def mat_regression(xArr, yArr, ws):
    xMat, yMat = np.asmatrix(xArr), np.asmatrix(yArr).T
    error = yMat - xMat * ws
    return (error.T * error)[0, 0]


def nditer_square(x):
    out = np.zeros_like(x)
    it = np.nditer(x, flags=["multi_index"])
    while not it.finished:
        ix = it.multi_index
        out[ix] = x[ix] ** 2 + x[ix]
        it.iternext()
    return out


def nditer_values(x):
    total = 0.0
    for v in np.nditer(x):
        total = total + v * v
    return total


def ndindex_fill(x, w):
    out = np.empty(x.shape[:2])
    for i, j in np.ndindex(*out.shape):
        out[i, j] = np.vdot(x[i, j], w)
    return out


def mapped(x, f=lambda v: v**3 - v):
    return np.array(list(map(f, x.ravel()))).reshape(x.shape)


def from_generator(x):
    return np.fromiter((math.sin(v) for v in x), dtype=float, count=len(x))


def append_in_loop(x, w):
    """Grows an array with np.append and np.vstack."""
    flat = np.array([])
    rows = np.empty((0, w.shape[1]))
    for row in x:
        flat = np.append(flat, row @ row)
        rows = np.vstack([rows, row @ w])
    return np.concatenate([flat[:, None], rows], axis=1)


def jittered(x, w):
    npr.seed(1)
    noise = npr.rand(*x.shape) - 0.5
    order = npr.permutation(len(x))
    picks = npr.choice(x.shape[1], size=2, replace=False)
    return (x[order] + 0.1 * noise)[:, picks] @ w + npr.uniform(size=w.shape[1])


def guarded(x):
    try:
        y = np.linalg.inv(x)
    except np.linalg.LinAlgError:
        y = np.linalg.pinv(x)
    if np.any(np.isnan(y)) or not np.isfinite(y).all():
        return np.zeros_like(x)
    return np.nan_to_num(y)


def overflow_safe(x):
    out = []
    for v in x:
        try:
            out.append(1 / (1 + math.exp(-v)))
        except OverflowError:
            out.append(0.0 if v < 0 else 1.0)
    return np.asarray(out)


def transposed_lists(rows):
    columns = [list(c) for c in zip(*rows)]
    means = [np.mean(c) for c in columns]
    return np.array([[v - m for v in c] for c, m in zip(columns, means)]).T


def one_number_layers(a, weights):
    for w in weights:
        a = [max(0, np.dot(row, a)) + 0.1 * np.dot(row, a) for row in w]
    return a


def concatenated_bias(inputs, weights):
    z = np.dot(np.concatenate((inputs, [1])), weights)
    z.shape = (1, -1)
    return np.tanh(z).T


def object_lists(xs, ws):
    """Ragged: an object array of arrays of different lengths."""
    ragged = np.empty(len(xs), dtype=object)
    for i, x in enumerate(xs):
        ragged[i] = x * ws[i]
    return np.array([r.sum() for r in ragged])


def cast_everything(x, w):
    x = np.asarray(x, dtype=np.float64)
    w = np.array(w, dtype="float64", copy=True, ndmin=2)
    y = np.float64(2.0) * np.dot(x.astype(float), w.astype("d").T)
    return np.asfarray(y) if hasattr(np, "asfarray") else np.ascontiguousarray(y)


def with_errstate(x):
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.true_divide(x, np.abs(x) - 5.0)
        ratio[~np.isfinite(ratio)] = 0
    return ratio


def deep_copied(net, x):
    net = deepcopy(net)
    net["w"] *= 2
    return x @ net["w"]


def item_and_index(x):
    """.item() takes single values out."""
    best = int(np.argmax(x))
    return x.item(best) * x[0] + x.flat[1]


def tolist_roundtrip(x):
    rows = x.tolist()
    return np.array([[math.tanh(v) for v in row] for row in rows])


def frompyfunc_cube(x):
    cube = np.frompyfunc(lambda v: v * v * v, 1, 1)
    return cube(x).astype(float)


def formatted_progress(x, w):
    """Prints into a string as training code does; the numbers shown do not flow on."""
    loss = np.sum((x @ w) ** 2)
    message = "loss: %.4f, first %s, shape %s" % (loss, f"{x[0, 0]:.3f}", x.shape)
    assert message and not np.isnan(loss)
    return loss


def truthiness(x, w):
    if w.any() and x.size and (x > -100).all() and x.sum() > -1e9:
        y = x @ w
    else:
        y = x
    return y if y.max() > y.min() else -y


def fill_and_put(x):
    y = np.zeros(6)
    y.fill(x[0])
    np.put(y, [1, 4], x[1:3] * 2)
    np.copyto(y[2:4], x[2:4])
    y[-1] += x.prod()
    return y.clip(-3, 3)


def broadcasting_gymnastics(a, b):
    a = np.expand_dims(a, 0)
    b = np.broadcast_to(b[..., None], (b.shape[0], a.shape[1]))
    a, b = np.broadcast_arrays(a, b)
    s = np.swapaxes(np.atleast_3d(a * b), 0, 1)
    return np.rollaxis(np.squeeze(s), 1) + np.flip(b, 1) + np.rot90(np.rot90(a))


def comparisons_as_numbers(x, t):
    """Masks used in arithmetic; booleans sum to counts."""
    on_ = x > t.mean()
    count = on_.sum()
    return (x * on_).sum() / count + (x[~on_] ** 2).sum() + np.count_nonzero(x) * x[0]


def masked_array_mean(x):
    masked = np.ma.masked_less(x, -0.5)
    return masked.mean() * 2.0


def triangular_assembly(v):
    n = 3
    L = np.zeros((n, n))
    L[np.tril_indices(n)] = v
    L[np.diag_indices(n)] = np.exp(L.diagonal())
    return L @ L.T


def int_power_and_divmod(x):
    q, r = np.divmod(x, 0.7)
    return r * q + np.float_power(np.abs(x), 1.5) + x**-2 + 2**x + np.cbrt(x) + np.hypot(x, 1.0) + np.arctan2(x, 2.0)


net_dict = {"w": draw(3, 2)}
net_x = draw(2, 3)
ragged_x, ragged_w = [draw(2), draw(3)], draw(2)
list_weights = [draw(3, 2).tolist(), draw(2, 3)]
list_a = draw(2)
tr_rows = [draw(3), draw(3)]

CASES = [
    on(numpy_spelled_out, draw(2, 3), draw(4, 3), wrt="x w"),
    on(matrix_class, draw(4, 3), draw(1, 3), wrt="X theta"),
    on(mat_regression, draw(4, 2), draw(4), draw(2, 1), wrt="xArr yArr ws"),
    on(nditer_square, draw(2, 3), wrt="x"),
    on(nditer_values, draw(2, 3), wrt="x"),
    on(ndindex_fill, draw(2, 3, 4), draw(4), wrt="x w"),
    on(mapped, draw(2, 3), wrt="x"),
    on(from_generator, draw(4), wrt="x"),
    on(append_in_loop, draw(3, 2), draw(2, 4), wrt="x w"),
    on(jittered, draw(3, 4), draw(2, 3), wrt="x w"),
    on(guarded, draw(3, 3), wrt="x"),
    on(overflow_safe, draw(4), wrt="x"),
    Case("zip(*rows)", lambda: transposed_lists(tr_rows), {"r0": tr_rows[0], "r1": tr_rows[1]}),
    Case(
        "lists with one array among them",
        lambda: one_number_layers(list_a, list_weights),
        {"a": list_a, "w1": list_weights[1]},
    ),
    on(concatenated_bias, draw(3), draw(4, 2), wrt="inputs weights"),
    Case(
        "object array of ragged rows",
        lambda: object_lists(ragged_x, ragged_w),
        {"x0": ragged_x[0], "x1": ragged_x[1], "w": ragged_w},
    ),
    on(cast_everything, draw(2, 3), draw(3), wrt="x w"),
    on(with_errstate, draw(3, 3), wrt="x"),
    Case("deepcopy of a dict", lambda: deep_copied(net_dict, net_x), {"x": net_x, "w": net_dict["w"]}),
    on(item_and_index, draw(4), wrt="x"),
    on(tolist_roundtrip, draw(2, 3), wrt="x"),
    on(frompyfunc_cube, draw(4), wrt="x"),
    on(formatted_progress, draw(2, 3), draw(3), wrt="x w"),
    on(truthiness, draw(3, 2), draw(2), wrt="x w"),
    on(fill_and_put, draw(4), wrt="x"),
    on(broadcasting_gymnastics, draw(3), draw(4), wrt="a b"),
    on(comparisons_as_numbers, draw(6), draw(6), wrt="x t"),
    on(masked_array_mean, draw(6), wrt="x"),
    on(triangular_assembly, draw(6), wrt="v"),
    on(int_power_and_divmod, draw(5), wrt="x"),
]
