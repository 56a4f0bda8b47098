import copy
import inspect
import math
import pickle
import statistics
from math import exp, sqrt

import numpy as np
import numpy.random as npr
import pytest
from numpy import float32 as single
from numpy import tanh, zeros
from trace_help import call_traced, check, normal

from gradcheck.trace import Trace

GENERATOR = np.random.default_rng(3)
SHARED = np.zeros(3)
vectorized = np.vectorize(lambda a, b: a * b if a > 0 else a - b)


def forward_of_the_user(x):
    return x


@pytest.mark.parametrize(
    "make",
    [
        lambda: np.zeros((2, 3)),
        lambda: zeros((2, 3)),
        lambda: np.ones((2, 3), dtype=float),
        lambda: np.empty((2, 3)),
        lambda: np.full((2, 3), 0.5),
        lambda: np.zeros_like(normal(2, 3)),
        lambda: np.arange(6.0).reshape(2, 3),
        lambda: np.linspace(0, 1, 6).reshape(2, 3),
        lambda: np.eye(3)[:2],
        lambda: np.array([[1.0, 2.0, 3.0]] * 2),
        lambda: np.asarray([[1.0, 2.0, 3.0]] * 2),
        lambda: np.tile(np.ones(3), (2, 1)),
        lambda: np.zeros((3, 2), order="F").T,
        lambda: np.concatenate([np.ones((1, 3)), np.zeros((1, 3))]),
    ],
)
def test_what_is_created_can_be_written_to(make):
    def forward(x):
        out = make()
        out[...] = 1.0
        out[1] = x * x
        out[0, 1:] *= x[0]
        return out

    traced_make = make

    def with_overlay(x):
        return forward(x)

    trace = Trace()
    x = trace.variable(normal(3), "x")
    namespace = make.__globals__
    before = {"np": namespace["np"], "zeros": namespace["zeros"]}
    namespace.update({name: trace.leaf(value) for name, value in before.items()})
    try:
        out = with_overlay(x)
    finally:
        namespace.update(before)
    assert trace.leaks == []
    del traced_make
    found = trace.gradients([out], [np.ones((2, 3))], {"x": x})["x"]
    np.testing.assert_allclose(found, 2 * x.value + [2.0, 0, 0], rtol=1e-14)


def test_nested_lists_of_traced_numbers():
    def forward(x):
        c, s = np.cos(x[0]), np.sin(x[0])
        turn = np.array([[c, -s], [s, c]])
        more = np.asarray([[x[1], 0.0], [1, x[2]]], dtype=np.float64)
        rows = np.array([x, x * 2, [1.0, 2.0, 3.0]])
        return turn @ more + rows[:2, :2] + np.array((x[0],))

    check(forward, normal(3))


def test_lists_given_to_functions():
    def forward(x):
        return (
            np.sum([x[0], x[1] ** 2])
            + np.dot([x[0], 1.0], [x[1], x[2]])
            + np.mean([row * 2 for row in x])
            + np.concatenate([x, [1.0], [x[0]]]).prod()
            + np.stack([x, x]).sum()
            + np.maximum([x[0], 0.0], [0.1, x[1]]).sum()
            + np.max([x[0], x[1]])
        )

    check(forward, normal(3))


def test_copies_and_aliases():
    def forward(x):
        a = np.asarray(x)
        b = np.array(x)
        c = np.array(a, copy=False) if np.lib.NumpyVersion(np.__version__) < "2.0.0" else np.asarray(a)
        b *= 2
        d = np.ascontiguousarray(x.T)
        e = np.array(x[0], ndmin=2)
        f = np.array([x, b])
        return (a * b * c).sum() + d.sum() + e.sum() + (f * f).sum() + (1.0 if a is c else 0.0)

    check(forward, normal(2, 3))


def test_math_functions():
    def forward(x):
        total = exp(x[0]) + sqrt(x[1] ** 2) + math.log(x[2]) + math.log(x[2], 3) + math.pow(x[0], 2)
        total += math.tanh(x[0]) * math.erf(x[1]) + math.gamma(x[2]) + math.lgamma(x[2]) + math.atan2(x[0], x[2])
        total += math.hypot(x[0], x[1]) + math.fsum(x) + math.prod(x) + math.dist(x, [0.0, 1.0, 2.0])
        total += math.fabs(x[1]) + math.degrees(x[0]) + math.floor(x[2])
        mantissa, exponent = math.frexp(x[2])
        total += mantissa * exponent + math.modf(x[2])[0] * math.modf(x[0])[1]
        return total if not math.isnan(total) and math.isfinite(x[0]) else 0.0

    check(forward, np.array([0.3, -0.7, 2.4]))


def test_math_errors_are_its_own():
    def forward(x):
        return math.log(x[0] * 0)

    trace = Trace()
    with pytest.raises(ValueError, match=r"math domain error|expected a positive input"):
        call_traced(trace, forward, trace.variable(normal(2), "x"))
    with pytest.raises(OverflowError):
        call_traced(trace, lambda x: math.exp(x[0] * 0 + 1000), trace.variable(normal(2, seed=1), "x"))


def test_statistics():
    def forward(x):
        return (
            statistics.mean(x)
            + statistics.fmean(x) ** 2
            + statistics.stdev(x)
            + statistics.pvariance(x)
            + statistics.median(x)
        )

    trace = Trace()
    x = trace.variable(normal(5), "x")
    out = call_traced(trace, forward, x)
    assert trace.leaks == []
    assert float(out) == pytest.approx(forward(x.value.tolist()), rel=1e-12)


@pytest.mark.parametrize(
    "forward",
    [
        lambda x: vectorized(x, x[0]),
        lambda x: np.vectorize(lambda v: math.exp(v) if v < 0 else v**2, otypes=[float])(x),
        lambda x: sum(np.vectorize(lambda v: (v, v * v))(x)),
        lambda x: np.apply_along_axis(lambda row: row * row.sum(), 1, x),
        lambda x: np.apply_along_axis(np.sum, 0, x),
        lambda x: np.piecewise(x, [x < 0, x >= 0], [lambda v: np.exp(v), lambda v: v**2]),
        lambda x: np.piecewise(x, [x < 0], [lambda v: v * 3, 0.5]),
        lambda x: np.fromiter((v * v for v in x.ravel()), dtype=float, count=4),
        lambda x: np.fromfunction(lambda i, j: x[i.astype(int), j.astype(int)] * 2, (2, 3)),
        lambda x: np.r_[x[0], 1.0, x[1] * 2, 0:3],
        lambda x: np.c_[x, x[:, 0], np.ones(2)],
        lambda x: np.block([[x, x * 2], [x, np.ones((2, 3))]]),
        lambda x: x[np.ix_([0, 1, 1], [2, 0])],
        lambda x: np.pad(x, ((1, 1), (0, 2))),
        lambda x: sum(v * (i + 2 * j) for (i, j), v in np.ndenumerate(x)),
        lambda x: sum(v * v for v in np.nditer(x)),
        lambda x: sum(x[i] for i in np.ndindex(2, 3)),
        lambda x: np.float64(x[0, 0]) * np.float32(2.0) + np.float64(x).sum() + np.float64([x[0, 1], 1.0]).sum(),
        lambda x: np.where(x > 0, x, 0.1 * x),
        lambda x: np.linalg.norm(x, axis=1),
        lambda x: np.split(x, 3, axis=1)[1] * np.meshgrid(x[0], x[1])[0][0, 0],
        lambda x: np.broadcast_to(x[0], (4, 3)) * 2,
        lambda x: np.einsum("ij,ij->i", x, x),
        lambda x: np.full((2, 2), x[0, 0]) + np.full_like(x[:, :2], x[1, 1]),
        lambda x: tanh(x),
    ],
    ids=range(25),
)
def test_functions_that_read_without_asking(forward):
    check(forward, normal(2, 3))


def test_nditer_writes():
    def forward(x):
        a = x * 1.0
        with np.nditer(a, op_flags=["readwrite"]) as entries:
            for entry in entries:
                entry[...] = entry * entry
        walk = np.nditer(a, flags=["multi_index"], op_flags=["readwrite"])
        while not walk.finished:
            walk[0] = walk[0] * sum(walk.multi_index)
            walk.iternext()
        return a

    check(forward, normal(2, 3))


def test_casts_to_float32_round_the_value_only():
    trace = Trace()
    x = trace.variable(normal(3), "x")
    out = call_traced(trace, lambda x: single(x[0]) * 2 if single is not None else x, x)
    assert trace.leaks
    np32 = trace.leaf(np).float32
    out = np32(x) * np32(2.0)
    assert out.dtype == np.float32
    np.testing.assert_array_equal(trace.gradients([out], [np.ones(3)], {"x": x})["x"], np.full(3, 2.0))


def test_random_numbers_are_those_without_the_trace():
    def forward(x):
        npr.seed(3)
        mask = (np.random.rand(*x.shape) < 0.5) / 0.5
        generator = np.random.default_rng(0)
        noise = generator.normal(size=x.shape)
        shuffled = x * 1.0
        np.random.shuffle(shuffled)
        np.random.RandomState(1).shuffle(shuffled[:, 0])
        picked = generator.choice(x, 4) if x.ndim == 1 else generator.permutation(x)
        return x * mask + noise * x + shuffled * npr.permutation(x) + picked

    check(forward, normal(4, 3))


def test_generator_objects_are_followed():
    trace = Trace()
    generator = trace.leaf(np.random.default_rng(1))
    assert isinstance(generator, np.random.Generator)
    drawn = generator.normal(size=3)
    x = trace.variable(normal(3), "x")
    drawn[...] = x * 2
    np.testing.assert_array_equal(trace.gradients([drawn], [np.ones(3)], {"x": x})["x"], np.full(3, 2.0))
    plain = np.random.default_rng(1)
    plain.normal(size=3)
    assert generator.normal() == plain.normal()


def test_overlay_passes_for_what_it_stands_for():
    trace = Trace()
    overlay = trace.leaf(np)
    assert inspect.ismodule(overlay)
    assert overlay is trace.leaf(np)
    assert overlay.exp == np.exp
    assert {np.tanh: 1}[overlay.tanh] == 1
    assert overlay.pi == np.pi
    assert overlay.newaxis is None
    assert overlay.float64 == np.float64
    assert isinstance(np.float64(1), overlay.float64)
    assert not isinstance(1, overlay.float32)
    assert issubclass(np.float64, overlay.float64)
    assert isinstance(1.5, overlay.float64 | int) is False
    assert np.dtype(overlay.float32) == np.float32
    assert overlay.zeros(2, overlay.float32).dtype == overlay.float32
    assert overlay.issubdtype(np.float32, overlay.floating)
    assert overlay.finfo(overlay.float32).eps == np.finfo(np.float32).eps
    assert overlay.linalg.LinAlgError is np.linalg.LinAlgError
    assert overlay.ndarray is np.ndarray
    assert overlay.exp.__name__ == "exp"
    assert "exp" in dir(overlay)
    assert repr(overlay) == repr(np)
    assert copy.deepcopy(overlay.exp) is overlay.exp
    assert pickle.loads(pickle.dumps(overlay.exp)) is np.exp
    with overlay.errstate(all="raise"), pytest.raises(FloatingPointError):
        overlay.log(0.0)


def test_leaf_leaves_the_rest_alone():
    class Strange:
        def __hash__(self):
            raise AssertionError("the user's objects are not to be asked anything")

    class Sub(np.ndarray):
        pass

    trace = Trace()
    for value in (Strange(), np.ma.masked_array([1.0]), normal(2).view(Sub), forward_of_the_user):
        assert trace.leaf(value) is value
    for value in (
        1,
        2.5,
        "a",
        None,
        [1.0],
        {"a": 1},
        np.arange(3),
        np.array([True]),
        np.float64,
        len,
        math.pi,
        np.dtype(float),
    ):
        assert trace.leaf(value) is value
    matrix = normal(2, 2).view(np.ndarray)
    wrapped = trace.leaf(matrix)
    assert trace.leaf(wrapped) is wrapped
    assert np.shares_memory(wrapped.value, matrix)
    assert trace.leaf(GENERATOR) == GENERATOR
    assert trace.leaf(inspect) is inspect


def test_arrays_reached_through_globals_take_part():
    def forward(x):
        SHARED[1:] = x
        return SHARED * 2

    trace = Trace()
    x = trace.variable(normal(2), "x")
    out = call_traced(trace, forward, x)
    np.testing.assert_array_equal(trace.gradients([out], [np.ones(3)], {"x": x})["x"], [2, 2])
    assert trace.leaks == []


def test_arrays_of_objects_hold_traced_numbers():
    def forward(x):
        entries = x.astype(object)
        rows = np.array([[x[0], x[1]], [1.0, x[2]]], dtype=object)
        return np.array([v * v for v in entries], dtype=float).sum() + (rows @ rows).sum()

    check(forward, normal(3))


def test_entrances_local_imports_and_float():
    def forward(x):
        import math as m

        import numpy as local
        from numpy import sum as total

        out = local.zeros(2)
        out[0] = m.exp(x[0])
        out[1] = float(total(x))
        assert isinstance(2.0, float)
        return float(out[0]) * float("2") + float(out[1]) if float == float else 0.0  # noqa: E721  # as users write it

    trace = Trace()
    x = trace.variable(normal(2), "x")
    namespace = forward.__globals__
    importing = __import__
    with trace.entrances([namespace, namespace]):
        out = forward(x)
    assert trace.leaks == []
    assert "float" not in namespace
    assert __import__ is importing
    expected = [2 * np.exp(x.value[0]) + 1, 1.0]
    np.testing.assert_allclose(trace.gradients([out], [np.array(1.0)], {"x": x})["x"], expected, rtol=1e-14)
    with pytest.raises(KeyError), trace.entrances([namespace]):
        raise KeyError
    assert "float" not in namespace
