"""What following a NumPy network costs, births guaranteed at every step: process time beside the bare step."""

import itertools
import statistics
import time

import numpy as np

from gradcheck.watching.arrays.follow import Follower

__all__ = ["numpy_mlp_row"]


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


def numpy_mlp_row(steps=200, dtype="float64"):
    """Milliseconds of a bare and of a followed step (medians of steps taken in turns), and their ratio."""
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(128, 784)).astype(dtype), rng.integers(0, 10, 128)
    bare, followed = MLP(dtype), MLP(dtype)
    follower = Follower(lambda birth: None)
    follower.follow(followed)
    times = {bare: [], followed: []}
    try:
        for k in range(steps):
            for net in (bare, followed) if k % 2 else (followed, bare):
                begin = time.process_time()
                loss = net.train_step(x, y)
                if net is followed:
                    follower.step_ended(k, loss)
                times[net].append(time.process_time() - begin)
    finally:
        follower.release()
    without, watched = (1e3 * statistics.median(times[net][steps // 10 :]) for net in (bare, followed))
    return without, watched, watched / without


if __name__ == "__main__":
    for dtype in ("float64", "float32"):
        print(
            "NumPy MLP {}: bare {:.2f} ms, followed {:.2f} ms, ratio {:.3f}".format(dtype, *numpy_mlp_row(dtype=dtype))
        )
