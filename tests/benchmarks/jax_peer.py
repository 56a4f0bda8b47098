"""``jax.test_util.check_grads`` on a NumPy pair, where jax is installed: the same functions on its arrays."""

import importlib.util
import types
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

INSTALLED = importlib.util.find_spec("jax") is not None


def check_grads(forward: Callable[..., Any], backward: Callable[..., Any], arrays: Sequence[Any]) -> bool:
    """Whether jax's check passes the layer, in reverse mode and in float64, as a ``jax.custom_vjp``.

    jax reads NumPy's functions from ``jax.numpy``: forward and backward are called with ``np`` bound to that.
    """
    import jax
    import jax.test_util

    jax.config.update("jax_enable_x64", True)
    on_jax = _with_numpy(jax.numpy)
    layer = jax.custom_vjp(lambda *inputs: on_jax(forward)(*inputs)[0])
    layer.defvjp(on_jax(forward), lambda cache, dout: tuple(on_jax(backward)(dout, cache)))
    try:
        jax.test_util.check_grads(layer, tuple(jax.numpy.asarray(a) for a in arrays), order=1, modes=["rev"])
    except AssertionError:
        return False
    return True


def _with_numpy(namespace: types.ModuleType) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def bound(function: Callable[..., Any]) -> Callable[..., Any]:
        def called(*args: Any) -> Any:
            space = function.__globals__
            space["np"] = namespace
            try:
                return function(*args)
            finally:
                space["np"] = np

        return called

    return bound
