"""What following a NumPy network costs, births guaranteed at every step: process time beside the bare step."""

import itertools
import time

import numpy as np
from timing import middle

from gradcheck import watch

__all__ = ["ratios"]


class MLP:
    """784-512-512-10, ReLU, softmax and cross-entropy, batches of 128, as one writes it by hand."""

    def __init__(self, dtype, sizes=(784, 512, 512, 10)):
        rng = np.random.default_rng(0)
        pairs = list(itertools.pairwise(sizes))
        self.W = [rng.normal(0, np.sqrt(2 / i), (i, o)).astype(dtype) for i, o in pairs]
        self.b = [np.zeros(o, dtype) for _, o in pairs]

    def train_step(self, x, y, lr=0.05):
        outs = [x]
        for i, (W, b) in enumerate(zip(self.W, self.b, strict=True)):
            z = outs[-1] @ W + b
            outs.append(np.maximum(z, 0) if i < 2 else z)
        z = outs[-1] - outs[-1].max(axis=1, keepdims=True)
        e = np.exp(z)
        p = e / e.sum(axis=1, keepdims=True)
        n = len(x)
        loss = -np.log(p[np.arange(n), y]).mean()
        delta = p.copy()
        delta[np.arange(n), y] -= 1
        delta /= n
        for i in (2, 1, 0):
            dW, db = outs[i].T @ delta, delta.sum(axis=0)
            if i:
                delta = (delta @ self.W[i].T) * (outs[i] > 0)
            self.W[i] -= lr * dW
            self.b[i] -= lr * db
        return loss


def ratios(dtype, steps, period):
    """Seconds of a bare step, and a watched one as a multiple of it: births alone, sampled every ``period``, always.

    Births and every step: medians of single steps taken in turn with bare ones. Sampled: what these make together.
    """
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(128, 784)).astype(dtype), rng.integers(0, 10, 128)
    unit, births = _in_turn(dtype, x, y, steps, 10**9)
    unit_too, every = _in_turn(dtype, x, y, max(steps // 5, 20), 1)
    of_births, of_every = births / unit, every / unit_too
    return unit, of_births, of_births + (of_every - of_births) / period, of_every


def _in_turn(dtype, x, y, steps, every):
    """Seconds of a bare and of a watched step, medians over steps taken in turn."""
    bare, watched = MLP(dtype), MLP(dtype)
    times = {bare: [], watched: []}
    with watch(watched, every=every) as health:
        for k in range(steps):
            for net in (bare, watched) if k % 2 else (watched, bare):
                begin = time.process_time()
                loss = net.train_step(x, y)
                if net is watched:
                    health.step(loss)
                times[net].append(time.process_time() - begin)
    together = 5 if every == 1 else 1  # so many samples are judged at once, in one of the steps
    return tuple(middle(times[net][steps // 10 :], together) for net in (bare, watched))
