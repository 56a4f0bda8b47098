"""Of several places that explain equally the one is named whose own derivative is what is missing."""

import numpy as np
import pytest
from planted_arrays import causes

from gradcheck import check_layer

RNG = np.random.default_rng(2)


def masked(q, k, v):
    s = q @ k.T / np.sqrt(q.shape[1])
    s = np.where(np.tri(4) > 0, s, -1e9)
    e = np.exp(s - s.max(-1, keepdims=True))
    p = e / e.sum(-1, keepdims=True)
    return p @ v, (q, k, v, p)


def shifted(q, k, v):
    s = q @ k.T / np.sqrt(q.shape[1])
    s = s + np.where(np.tri(4) > 0, 0, -1e9)
    e = np.exp(s - s.max(-1, keepdims=True))
    p = e / e.sum(-1, keepdims=True)
    return p @ v, (q, k, v, p)


def unscaled(dout, cache):
    q, k, v, p = cache
    dp = dout @ v.T
    ds = p * (dp - (dp * p).sum(-1, keepdims=True))
    return ds @ k, ds.T @ q, p.T @ dout


@pytest.mark.parametrize("forward", [masked, shifted])
def test_a_scale_forgotten_is_named_at_its_own_line_not_at_the_mask(forward):
    arrays = RNG.normal(size=(4, 5)), RNG.normal(size=(4, 5)), RNG.normal(size=(4, 3))
    [found] = causes(check_layer(forward, unscaled, *arrays))
    assert (found.code, found.title) == ("GC232", "dq and dk lack the derivative of q @ k.T / np.sqrt(q.shape[1])")
    assert found.where is not None
    assert found.where.source == "s = q @ k.T / np.sqrt(q.shape[1])"
