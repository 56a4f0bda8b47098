"""Large results lie in memory that is used again: never while anybody can see it."""

from types import SimpleNamespace

import numpy as np
import pytest
from numpy_birth_network import births_of

from gradcheck.watching.arrays.follow import Follower

SIZE = 400  # entries a side: large enough

OPERATIONS = {
    "sum": lambda x: x + x,
    "row": lambda x: x + x[0],
    "column": lambda x: x * x[:, :1],
    "number": lambda x: 2 * x - 1,
    "mask": lambda x: x * (x > 0),
    "product": lambda x: x @ x,
    "transposed product": lambda x: x.T @ x,
    "transposed": lambda x: x.T + x.T,
    "wide and narrow": lambda x: x + np.float32(1),
    "float64 scalar": lambda x: x * np.float64(3),
    "integers": lambda x: x + np.arange(SIZE),
    "strided": lambda x: x[:, ::2] + x[:, 1::2],
    "vector product": lambda x: x @ x[0],
    "stack product": lambda x: x.reshape(2, SIZE // 2, SIZE) @ x,
    "chain": lambda x: np.tanh(np.exp(-(x**2)) * x + x) / 3,
}


@pytest.mark.parametrize("dtype", ["f4", "f8", ">f8"])
@pytest.mark.parametrize("name", OPERATIONS)
def test_large_results_are_numpys(name, dtype):
    x = np.random.default_rng(0).normal(size=(SIZE, SIZE)).astype(dtype)
    wanted = OPERATIONS[name](x)
    net = SimpleNamespace(x=x.copy())
    follower = Follower(lambda birth: None)
    follower.follow(net)
    try:
        results = [OPERATIONS[name](net.x) for _ in range(3)]
    finally:
        follower.release()
    for got in results:
        assert (got.dtype, got.shape, got.strides) == (wanted.dtype, wanted.shape, wanted.strides)
        np.testing.assert_array_equal(np.asarray(got), wanted)
    assert not np.shares_memory(results[0], results[1])


def test_what_is_held_by_any_view_is_not_written_to():
    net = SimpleNamespace(x=np.ones((SIZE, SIZE)))
    follower = Follower(lambda birth: None)
    follower.follow(net)
    held, where = [], set()
    for k in range(20):
        result = net.x + k
        where.add(result.__array_interface__["data"][0])
        if k % 4 == 0:
            held.append((k, result[5:, 3]))
        if k % 4 == 1:
            held.append((k, memoryview(result)[2:]))
        if k % 4 == 2:
            held.append((k, np.asarray(result).T))
        del result
    for k, view in held:
        assert (np.asarray(view) == 1 + k).all()
    assert len(where) < 20  # the others were used again
    kept = net.x * 2
    net.kept = kept
    follower.release()
    assert net.kept.base is None
    del follower
    assert (np.asarray(kept) == 2).all()


def test_a_birth_in_large_arrays():
    def step(net, k):
        z = net.big * (1.0 if k else 0.5)
        h = np.log(z + z - 1.0)
        net.big -= 0.1 * h

    (birth,) = births_of(step, big=np.ones((SIZE, SIZE)))
    assert (birth.operation, birth.step, birth.entries) == ("np.log", 0, SIZE * SIZE)
    assert birth.consequences[-1] == "big is Inf at the end of the step"
