"""What followed code computes is what it computes unfollowed: value, dtype, shape, layout, type, shared memory."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradcheck.watching.arrays.follow import Follower


def in_place(change):
    def idiom(x, w):
        change(x, w)
        return x

    return idiom


def ufunc_at(x, w):
    np.add.at(x, [0, 0, 1], 1.0)
    return x


def set_rows(x, w):
    x[x > 0] = 7.0
    x[0] = w[:, 0]
    x[1, 2] = 5
    x[..., -1] *= 2


def out_given(x, w):
    out = np.zeros_like(x)
    back = np.multiply(x, 2, out=out)
    return back is out, out


def plain_out(x, w):
    out = np.zeros(x.shape)
    total = out
    total += x
    return total is out, out


def loops(x, w):
    total = 0.0
    out = np.zeros(x.shape)
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            out[i, j] = x[i, j] * 2
            total += x[i, j]
    return out, total, type(x[0, 0])


def einsum_out(x, w):
    out = np.empty((x.shape[0], w.shape[1]))
    return np.einsum("ij,jk->ik", x, w, out=out) is out, out


def softmax(x, w):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def matmul_in_place(x, w):
    x @= np.eye(x.shape[1])
    return x


def put_along(x, w):
    np.put_along_axis(x, x.argmax(axis=1)[:, None], 9.0, axis=1)


# np.matrix is on its way out, and tested because it is a subclass of the user's
pytestmark = pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")

IDIOMS = {
    "matmul": lambda x, w: x @ w,
    "dot method": lambda x, w: x.dot(w),
    "dot function": lambda x, w: np.dot(x, w),
    "plain dot followed": lambda x, w: np.ones((2, x.shape[1])).dot(x.T),
    "plain matmul followed": lambda x, w: np.ones((2, x.shape[0])) @ x,
    "vector dot": lambda x, w: (x[0] @ x[0], x[0].dot(x[0]), np.vdot(x, x)),
    "outer, inner": lambda x, w: (np.outer(x[0], x[1]), np.inner(x, x)),
    "tensordot": lambda x, w: np.tensordot(x, w, axes=1),
    "einsum": lambda x, w: np.einsum("ij,jk->ik", x, w),
    "einsum scalar": lambda x, w: np.einsum("ij,ij->", x, x),
    "einsum view": lambda x, w: np.einsum("ij->ji", x),
    "einsum out": einsum_out,
    "arithmetic": lambda x, w: 1 / (1 + np.exp(-x)) - x * 2.5 + x // 2 % 3,
    "power": lambda x, w: (x**2, x**3, np.abs(x) ** 0.5, 2**x),
    "divmod": lambda x, w: divmod(x, 0.7),
    "modf, frexp": lambda x, w: (np.modf(x), np.frexp(x)),
    "negative, abs": lambda x, w: (-x, abs(x), +x),
    "comparisons": lambda x, w: (x > 0, x == x, x != 0, (x > 0) * 1.0),
    "mask times": lambda x, w: x * (x > 0),
    "logical": lambda x, w: (np.isfinite(x), np.isnan(x).any(), (x > 0).all(), np.signbit(x)),
    "sum": lambda x, w: (x.sum(), x.sum(axis=0), x.sum(axis=1, keepdims=True), np.sum(x, axis=-1), x.sum(dtype="f4")),
    "mean, var, std": lambda x, w: (x.mean(), x.var(axis=0), x.std(axis=1, ddof=1), np.mean(x, axis=(0, 1))),
    "max, min": lambda x, w: (x.max(), x.min(axis=0), np.max(x, axis=1, keepdims=True), np.amin(x), np.ptp(x)),
    "argmax": lambda x, w: (x.argmax(), x.argmax(axis=1), np.argmin(x, axis=0), x.argsort(axis=1)),
    "cumulative": lambda x, w: (x.cumsum(), x.cumsum(axis=1), np.cumprod(x), np.diff(x), np.add.accumulate(x)),
    "reduce": lambda x, w: (np.add.reduce(x), np.maximum.reduce(x, axis=None), np.multiply.reduce(x, axis=1)),
    "reduceat": lambda x, w: (np.add.reduceat(x, [0, 1]), np.add.outer(x[0], x[1])),
    "add.at": ufunc_at,
    "clip": lambda x, w: (x.clip(-0.5, 0.5), np.clip(x, 0, None), np.clip(x, -1, 1, out=x) is x),
    "maximum": lambda x, w: (np.maximum(0, x), np.minimum(x, 0.5), np.fmax(x, 0)),
    "where": lambda x, w: (np.where(x > 0, x, 0.0), np.where(x > 0), np.select([x > 0], [x], -1.0)),
    "softmax": softmax,
    "views": lambda x, w: (x.T, x.reshape(-1), x[1:], x[:, ::2], x.ravel(), x.swapaxes(0, 1), x.real, x[None]),
    "view functions": lambda x, w: (np.transpose(x), np.reshape(x, -1), np.squeeze(x[None]), np.expand_dims(x, 0)),
    "copies": lambda x, w: (x.copy(), x.flatten(), np.copy(x), np.array(x), x.T.reshape(-1), x.copy(order="F")),
    "astype": lambda x, w: (x.astype(int), x.astype("f4"), x.astype(float, copy=False), x.astype(bool)),
    "as array": lambda x, w: (np.asarray(x), np.ascontiguousarray(x.T), np.asfortranarray(x), np.atleast_3d(x)),
    "fancy": lambda x, w: (x[[0, 1]], x[x > 0], x[range(2), [0, 1]], x[np.ix_([0, 1], [1, 0])], x[..., 0]),
    "take": lambda x, w: (x.take([0, 1], axis=1), np.take(x, [1]), x.repeat(2, axis=0), x.compress([True], axis=0)),
    "take_along": lambda x, w: np.take_along_axis(x, x.argmax(axis=1)[:, None], axis=1),
    "put_along": in_place(put_along),
    "scalars": lambda x, w: (x[0, 0], x.item(0), float(x[0, 1]), x.flat[1], x[0, 0] * 2, np.exp(x[0, 0])),
    "0-d": lambda x, w: (x[0, 0, ...], np.sum(x, keepdims=True), x.sum()[()], np.float64(2) * x),
    "tolist": lambda x, w: (x.tolist(), list(x), len(x), bool(x[0, 0] > 0), x.size, x.nbytes, x.strides),
    "iteration": lambda x, w: [row.sum() for row in x] + list(x.flat) + [a + b for a in x for b in x],
    "builtins": lambda x, w: (sum(x), max(x[0]), min(x[0]), sorted(x[0]), x[0, 0] in x),
    "in place": in_place(lambda x, w: (x.__iadd__(1), x.__imul__(2), x.__itruediv__(3))),
    "matmul in place": matmul_in_place,
    "writes": in_place(set_rows),
    "slice add": in_place(lambda x, w: x[1:].__iadd__(w[0, 0])),
    "fill, sort, put": in_place(lambda x, w: (x.sort(axis=0), x[0].fill(2.0), x.put([1], [3.0]))),
    "copyto, putmask": in_place(lambda x, w: (np.copyto(x, x.copy(), where=x > 0), np.putmask(x, x < 0, 0.5))),
    "fill_diagonal": in_place(lambda x, w: np.fill_diagonal(x, 0.0)),
    "nan_to_num in place": lambda x, w: np.nan_to_num(x, copy=False) is x,
    "out": out_given,
    "plain out": plain_out,
    "loops": loops,
    "where argument": lambda x, w: np.add(x, 1, out=np.zeros_like(x), where=x > 0),
    "like": lambda x, w: (np.zeros_like(x), np.ones_like(x, dtype=int), np.full_like(x, 2), np.zeros(x.shape, x.dtype)),
    "join": lambda x, w: (np.concatenate([x, x]), np.stack([x, x]), np.vstack((x, x)), np.hstack([x, x]), np.r_[x, x]),
    "split": lambda x, w: (np.split(x, [1]), np.array_split(x, 2, axis=1), np.broadcast_to(x[0], (2, x.shape[1]))),
    "pad, roll, flip": lambda x, w: (np.pad(x, 1), np.roll(x, 1, axis=0), np.flip(x, 1), np.rot90(x), np.tile(x, 2)),
    "windows": lambda x, w: np.lib.stride_tricks.sliding_window_view(x, (2, 2)).sum(axis=(2, 3)),
    "linalg": lambda x, w: (np.linalg.norm(x), np.linalg.svd(x, full_matrices=False), np.linalg.norm(x, axis=1)),
    "statistics": lambda x, w: (np.median(x), np.percentile(x, 30, axis=0), np.histogram(x)[0], np.unique(x)),
    "matrix": lambda x, w: (np.matrix(x) @ np.matrix(w), x @ np.matrix(w), np.asmatrix(x)),
    "masked": lambda x, w: (np.ma.masked_less(x, 0).sum(), np.ma.array(x, mask=x > 0).filled(0.0)),
    "apply_along": lambda x, w: (np.apply_along_axis(np.sum, 1, x), np.vectorize(lambda v: v + 1)(x)),
    "meshgrid": lambda x, w: np.meshgrid(x[0], x[1]),
    "isinstance": lambda x, w: (isinstance(x, np.ndarray), x.dtype, x.ndim, x.flags.c_contiguous, x.itemsize),
    "text": lambda x, w: (repr(x), str(x), f"{x[0, 0]:.3f}", np.array2string(x)),
    "allclose": lambda x, w: (np.allclose(x, x), np.array_equal(x, w), np.shares_memory(x, x[0]), np.shape(x)),
    "object array": lambda x, w: np.array([x, None], dtype=object)[0],
    "complex": lambda x, w: (x + 1j, np.fft.fft(x), (x * 1j).real, np.conj(x * 1j)),
    "random choice": lambda x, w: np.random.default_rng(0).permutation(x),
    "shuffle": in_place(lambda x, w: np.random.default_rng(0).shuffle(x)),
    "trace, diagonal": lambda x, w: (x.trace(), x.diagonal(), np.diag(x), np.triu(x), x.round(2), np.round(x, 1)),
    "nonzero": lambda x, w: (x.nonzero(), np.argwhere(x > 0), np.count_nonzero(x), x[0].searchsorted(0.0)),
    "matmul vectors": lambda x, w: (x[0] @ w, w.T @ x[0], x @ w[:, 0]),
    "ufunc keywords": lambda x, w: (np.add(x, 1, dtype="f4"), np.exp(x, order="F"), np.sqrt(x * x, casting="no")),
    "interp, convolve": lambda x, w: (np.convolve(x[0], x[1]), np.interp(0.5, [0, 1], x[0, :2])),
}  # fmt: skip


def arrays(shape=(3, 4), dtype=float, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=shape).astype(dtype), rng.normal(size=(shape[1], 2)).astype(dtype)


def same(got, wanted, x_got, x_wanted, ours):
    """Compare a followed run's result with a plain one's."""
    if isinstance(wanted, list | tuple):
        assert type(got) is type(wanted)
        assert len(got) == len(wanted)
        for g, v in zip(got, wanted, strict=True):
            same(g, v, x_got, x_wanted, ours)
    elif isinstance(wanted, np.ndarray):
        assert type(got) is type(wanted) or (type(got) is ours and type(wanted) is np.ndarray)
        assert (got.shape, got.dtype) == (wanted.shape, wanted.dtype)
        assert got.strides == wanted.strides
        assert got.flags.writeable == wanted.flags.writeable
        assert np.shares_memory(got, x_got) == np.shares_memory(wanted, x_wanted)
        np.testing.assert_array_equal(np.asarray(got), np.asarray(wanted))
    else:
        assert type(got) is type(wanted)
        assert got == wanted or (got != got and wanted != wanted)


def compare(idiom, x, w, listening):
    holder = SimpleNamespace(x=x.copy(order="K"), w=w.copy(order="K"))
    follower = Follower(lambda birth: None)
    follower.follow(holder)
    try:
        run(follower, holder, idiom, x, w, listening)  # nothing of ours outlives it: there is no memory to be searched
    finally:
        follower.release()
    assert type(holder.x) is np.ndarray


def run(follower, holder, idiom, x, w, listening):
    events = []
    follower.listener = events.append if listening else None
    ours = type(holder.x)
    assert ours is not np.ndarray
    with np.errstate(all="ignore"):
        got = idiom(holder.x, holder.w)
        wanted = idiom(x, w)
    same(got, wanted, holder.x, x, ours)
    np.testing.assert_array_equal(np.asarray(holder.x), x)
    assert all(type(operand) is not ours for event in events for operand in (*event.inputs, event.output))


@pytest.mark.parametrize("listening", [False, True], ids=["unsampled", "sampled"])
@pytest.mark.parametrize("name", IDIOMS)
def test_an_idiom_gives_what_it_gives_unfollowed(name, listening):
    compare(IDIOMS[name], *arrays(), listening)


@pytest.mark.parametrize("dtype", ["f2", "f4", "longdouble"])
@pytest.mark.parametrize(
    "name", ["matmul", "arithmetic", "sum", "mean, var, std", "softmax", "power", "scalars", "views", "clip"]
)
def test_other_precisions(name, dtype):
    compare(IDIOMS[name], *arrays(dtype=dtype), False)


@pytest.mark.parametrize("name", ["matmul", "arithmetic", "sum", "views", "copies", "softmax", "fancy", "writes"])
def test_fortran_order(name):
    x, w = arrays()
    compare(IDIOMS[name], np.asfortranarray(x), np.asfortranarray(w), False)


@settings(max_examples=40, deadline=None)
@given(rows=st.integers(2, 6), columns=st.integers(3, 7), name=st.sampled_from(sorted(IDIOMS)), seed=st.integers(0, 99))
def test_any_shape(rows, columns, name, seed):
    compare(IDIOMS[name], *arrays((rows, columns), seed=seed), False)


def test_there_are_sixty():
    assert len(IDIOMS) >= 60
