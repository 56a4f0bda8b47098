"""Random programs of views, reads and writes: what hand-written cases do not think of."""

import numpy as np
import pytest
from trace_help import check, normal

INDICES = [0, -1, slice(1, None), slice(None, None, -1), (slice(None), 0), (Ellipsis, 1), [0, 0, 1], (slice(2), [1, 0])]


def program(seed):
    """A forward of a 3×3 array: twenty random statements over a growing list of arrays, the same for every call."""

    def forward(x):
        choose = np.random.default_rng(seed)
        arrays = [x * 1.0, np.zeros((3, 3)), np.array(x * 0.5, order="F"), np.ones(9).reshape(3, 3)]
        total = 0.0
        for _ in range(20):
            target = arrays[choose.integers(len(arrays))]
            source = arrays[choose.integers(len(arrays))]
            if target.ndim == 0 or source.ndim == 0:
                continue
            indices = [i for i in INDICES if not isinstance(i, tuple) or target.ndim == 2]
            index = indices[choose.integers(len(indices))]
            kind = choose.integers(11)
            if kind == 0:
                arrays.append(target[index])
            elif kind == 1:
                arrays.append(target.T)
            elif kind == 2:
                arrays.append(target.reshape(-1)[: target.size // 2 + 1])
            elif kind == 3:
                target[index] = source.reshape(-1)[0] * 0.7
            elif kind == 4:
                target[index] *= 0.8
            elif kind == 5 and target.shape == source.shape:
                target[...] = np.sin(source)
            elif kind == 6:
                target += source.mean()
            elif kind == 7:
                np.add.at(target, choose.integers(0, target.shape[0], size=4), source.reshape(-1)[1])
            elif kind == 8:
                target[target > 0.9] = 0.3
            elif kind == 9:
                total = total + np.tanh(target).sum() * choose.uniform()
            elif kind == 10:
                for i in range(target.shape[0]):
                    target[i] = target[i - 1] * 0.5 + source.reshape(-1)[i % source.size]
        return total + sum((array * array).sum() * 0.1 for array in arrays)

    return forward


@pytest.mark.parametrize("seed", range(40))
def test_random_programs(seed):
    check(program(seed), normal(3, 3, seed=seed) * 0.5, limit=1e-6)
