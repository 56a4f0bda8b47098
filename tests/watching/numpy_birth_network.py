"""A holder of arrays and a way to train it for a few steps under watch, for the tests of births."""

from types import SimpleNamespace

import numpy as np

from gradcheck.watching.arrays.follow import Follower


def network(dtype=float):
    rng = np.random.default_rng(0)
    return SimpleNamespace(
        W=rng.normal(size=(4, 3)).astype(dtype), b=np.zeros(3, dtype), x=rng.normal(size=(5, 4)).astype(dtype)
    )


def births_of(step, net=None, steps=3, quiet=True, **prepared):
    """Call ``step(net, k)`` under watch; what it returns is the step's loss. Give the births."""
    net = net or network()
    vars(net).update(prepared)
    births = []
    follower = Follower(births.append)
    follower.follow(net)
    try:
        with np.errstate(**({"all": "ignore"} if quiet else {})):
            for k in range(steps):
                follower.step_ended(k, step(net, k))
    finally:
        follower.release()
    return births
