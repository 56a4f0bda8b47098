import copy
import operator

import numpy as np
import pytest
from trace_help import check, normal

from gradcheck.trace import Trace, TracedArray

BINARY = [operator.add, operator.sub, operator.mul, operator.truediv, operator.mod]


@pytest.mark.parametrize("op", BINARY)
@pytest.mark.parametrize("shapes", [((3, 4), (3, 4)), ((3, 4), (4,)), ((3, 1), (1, 4)), ((4,), (3, 4))])
def test_operators_with_broadcasting(op, shapes):
    check(lambda a, b: op(a, b), normal(*shapes[0]), np.abs(normal(*shapes[1], seed=1)) + 1.5)


@pytest.mark.parametrize("op", [*BINARY, operator.pow])
@pytest.mark.parametrize("number", [2.5, 3, np.float64(1.7), np.array([1.2, 2.0, 0.7]), [1.0, 2.0, 3.0]])
def test_operators_with_constants_on_either_side(op, number):
    x = np.array([0.45, 1.3, 2.2])
    check(lambda a: op(a, number), x)
    check(lambda a: op(number, a), x)


@pytest.mark.parametrize("op", [operator.neg, operator.pos, operator.abs])
def test_unary_operators(op):
    check(lambda a: op(a), normal(4))


def test_matmul_on_either_side_of_a_plain_array():
    plain = normal(4, 3, seed=3)
    check(lambda w: plain @ w, normal(3, 2))
    check(lambda w: w @ plain, normal(2, 4))
    check(lambda a, b: a @ b, normal(2, 3, 4), normal(4, 2))


def test_divmod_and_floor_division():
    check(lambda a: divmod(a, 0.7)[1] + divmod(5.0, a)[1] + a // 0.7, np.array([1.1, 2.2, 3.9]))


IN_PLACE = [operator.iadd, operator.isub, operator.imul, operator.itruediv, operator.ipow]


@pytest.mark.parametrize("op", IN_PLACE)
def test_in_place_operators_change_the_array_for_all_its_names(op):
    def forward(x, y):
        a = x * 1.0
        alias, view = a, a[1:]
        op(a, np.abs(y) + 1)
        return alias.sum() + (view * view).sum()

    check(forward, np.abs(normal(3)) + 0.5, normal(3, seed=1))


def test_in_place_on_a_number_makes_a_new_number():
    def forward(x):
        first = x[0]
        first += x[1] * 2
        first *= first
        return first + x[0]

    check(forward, normal(3))


def test_comparisons_are_plain_arrays():
    x = Trace().variable(normal(3), "x")
    for mask in (x > 0, x >= 0, x < 0, x <= 0, x == x, x != 1, x > 0, x > x[0]):
        assert type(mask) is np.ndarray
        assert mask.dtype == np.bool_
    assert type(x[0] > 0) is np.bool_
    assert (x == None) is not None  # noqa: E711  # entry by entry, as with ndarrays


def test_looks_like_what_stands_there_without_the_trace():
    x = Trace().variable(normal(2, 3), "x")
    assert isinstance(x, np.ndarray)
    assert isinstance(x.sum(), np.float64)
    assert isinstance(x.sum(), float)
    assert not isinstance(x.sum(), np.ndarray)
    assert isinstance(x.item(0), float)
    assert not isinstance(x.item(0), np.generic)
    assert isinstance(x, TracedArray)
    assert np.isscalar(x.sum())
    assert callable(getattr(x, "mean", None))
    assert not hasattr(x, "grad")


def test_attributes_are_numpys():
    value = normal(2, 3)
    x = Trace().variable(value, "x")
    for name in ("shape", "dtype", "ndim", "size", "itemsize", "nbytes", "strides"):
        assert getattr(x, name) == getattr(value, name)
    assert x.flags.c_contiguous
    assert not x.T.flags.c_contiguous
    assert len(x) == 2
    assert x.base is None
    assert x[0].base is not None


METHODS = [
    lambda x: x.sum(),
    lambda x: x.sum(axis=0),
    lambda x: x.sum(1, keepdims=True),
    lambda x: x.mean(axis=(0, 1)),
    lambda x: x.prod(axis=1),
    lambda x: x.var(axis=0, ddof=1),
    lambda x: x.std(),
    lambda x: x.max(axis=1),
    lambda x: x.min(),
    lambda x: x.cumsum(axis=1),
    lambda x: x.cumprod(0),
    lambda x: x.clip(-0.5, 0.5),
    lambda x: x.dot(x.T),
    lambda x: x.T.dot(np.ones(3)),
    lambda x: x.trace(),
    lambda x: x.diagonal(1),
    lambda x: x.repeat(2, axis=1),
    lambda x: x.take([2, 0, 0], axis=1),
    lambda x: x.reshape(2, 6),
    lambda x: x.reshape((4, -1)),
    lambda x: x.reshape(-1, order="F"),
    lambda x: x.transpose() * 2,
    lambda x: x[None].transpose(2, 0, 1),
    lambda x: x[None].transpose((2, 0, 1)),
    lambda x: x.swapaxes(0, 1),
    lambda x: x[None].squeeze(),
    lambda x: x.ravel(),
    lambda x: x.ravel("F"),
    lambda x: x.flatten(),
    lambda x: x.flatten("F"),
    lambda x: x.copy(),
    lambda x: x.astype(np.float64),
    lambda x: x.compress([True, False, True], axis=0),
    lambda x: x.conj() + x.real,
    lambda x: x.flat[3] * x.flat[-1],
    lambda x: x.flat[2:7:2],
    lambda x: x.item(3) * x.item(1, 2),
    lambda x: np.array(x.tolist()) ** 2,
    lambda x: x.round(1) + x,
    lambda x: x[x.argmax(axis=0), np.arange(4)],
    lambda x: x[x.argsort(axis=0)[::-1, 0]],
    lambda x: x[x > 0],
    lambda x: x[x.nonzero()],
    lambda x: x.view() * 3,
    lambda x: x.mT,
]


@pytest.mark.parametrize("method", METHODS, ids=range(len(METHODS)))
def test_methods(method):
    check(method, normal(3, 4))


INDICES = [
    0, -1, (1, 2), (slice(None), 1), (slice(0, 3, 2), slice(None, None, -1)), (Ellipsis, 0), (None, 1), [0, 0, 2],
    ([0, 1, 1], [3, 3, 0]), (slice(None), [1, 1]), np.array([[0, 2], [1, 1]]), (np.array([0, 2])[:, None], [1, 3]),
    np.array([True, False, True]), (np.array([True, False, True]), 2), np.int64(1), (np.newaxis, Ellipsis, [0], None),
    (slice(2, None, -1), slice(3, 0, -2)), (),
]  # fmt: skip


@pytest.mark.parametrize("index", INDICES, ids=map(str, INDICES))
def test_indexing(index):
    check(lambda x: x[index] * 2, normal(3, 4))


def test_index_errors_are_numpys():
    x = Trace().variable(normal(3), "x")
    with pytest.raises(IndexError, match="out of bounds"):
        x[3]
    with pytest.raises(IndexError):
        x[x]
    with pytest.raises(ValueError, match="broadcast"):
        x + np.ones(4)
    with pytest.raises(TypeError, match="unhashable"):
        hash(x)
    with pytest.raises(TypeError):
        iter(x[0])
    with pytest.raises(TypeError):
        len(x[0])
    with pytest.raises(ValueError, match="ambiguous"):
        bool(x)
    with pytest.raises(AttributeError):
        x.no_such_name  # noqa: B018  # the lookup is what is tested


def test_iteration_and_containment():
    def forward(x):
        total = 0.0
        for row in x:
            for entry in row:
                total = total + entry * entry
        first, second, _ = x
        return total + (first * second).sum() + sum(x[0]) + max(x[1]) + min(x[2])

    check(forward, normal(3, 4))
    x = Trace().variable(np.array([1.0, 2.0]), "x")
    assert 2.0 in x
    assert 3.0 not in x


def test_rows_written_while_iterating_are_seen():
    def forward(x):
        a = x * 1.0
        total = 0.0
        for i, row in enumerate(a):
            if i + 1 < len(a):
                a[i + 1] *= row
            row += 1
            total = total + row.sum()
        return total + (a * a).sum()

    check(forward, normal(3, 2))


def test_builtins_on_traced_numbers():
    def forward(x):
        a, b, c = x
        ordered = sorted([a, b, c])
        return max(a, b) * min(b, c) + abs(a) + ordered[0] * ordered[2] ** 2 + round(b, 1) * 0 + pow(c, 2) + sum([a, b])

    check(forward, normal(3))


def test_copies_stay_traced_and_apart():
    def forward(x):
        held = {"a": [x * 1.0]}
        deep = copy.deepcopy(held)
        shallow = copy.copy(held["a"][0])
        deep["a"][0][0] *= 3
        shallow[1] = 0
        return held["a"][0] + deep["a"][0] ** 2 + shallow

    check(forward, normal(3))


def test_printing_shows_the_value_and_is_no_leak():
    trace = Trace()
    value = np.array([0.123456, 2.0])
    x = trace.variable(value, "x")
    assert repr(x) == repr(value)
    assert str(x) == str(value)
    assert f"{x[0]:.3f} {x[1]}" == "0.123 2.0"
    assert "%.2f" % x[0] == "0.12"  # noqa: UP031  # the old way is what is tested
    assert "{:8.1e}".format(x[0]) == " 1.2e-01"  # noqa: UP032  # the old way is what is tested
    assert trace.leaks == []


def test_assigning_the_shape_reshapes_in_place():
    def forward(x):
        a = x * 2
        a.shape = (2, 2)
        b = a[0]
        a[0, 0] = 5.0
        return a @ a + b

    check(forward, normal(4))


def test_an_operand_that_wants_to_answer_itself_does():
    class Money:
        __array_ufunc__ = None

        def __radd__(self, other):
            return type(other)

    x = Trace().variable(normal(2), "x")
    assert x + Money() is TracedArray


def test_user_tensor_class_with_priority_gets_the_traced_array():
    class Tensor:
        __array_priority__ = 1000

        def __init__(self, data):
            self.data = data

        def __rmul__(self, other):
            return Tensor(other * self.data)

    check(lambda x: (x * Tensor(x)).data, normal(3))


@pytest.mark.parametrize("dtype", [np.float32, "float16", np.float64])
def test_casts_between_floats_keep_the_derivative_unrounded(dtype):
    trace = Trace()
    x = trace.variable(normal(3), "x")
    y = x.astype(dtype)
    assert y.dtype == np.dtype(dtype)
    out = (y.astype(np.float64) ** 2).sum()
    gradient = trace.gradients([out], [np.array(1.0)], {"x": x})["x"]
    np.testing.assert_allclose(gradient, 2 * x.value, rtol=1e-15)
    assert trace.leaks == []


def test_astype_without_copy_is_the_array_itself():
    def forward(x):
        a = x * 1.0
        b = a.astype(float, copy=False)
        c = a.astype(float)
        b[0] = 0.0
        c[1] = 0.0
        return a * a + c

    check(forward, normal(3))


def test_casts_to_integers_are_plain_decisions():
    trace = Trace()
    x = trace.variable(np.array([1.2, 2.7]), "x")
    whole = x.astype(int)
    assert type(whole) is np.ndarray
    assert int(x[1]) == 2
    assert round(x[1]) == 3
    assert trace.leaks == []
    assert len(trace.branch_signature()) == 3
