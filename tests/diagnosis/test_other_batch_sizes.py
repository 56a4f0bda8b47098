"""A layer that remembers the size of its first batch: caught where another size goes wrong, left alone where not."""

import numpy as np
import pytest

from gradcheck import check_layer

RNG = np.random.default_rng(5)
X = RNG.normal(size=(6, 4))


class Dense:
    def __init__(self):
        self.w, self.rows, self.out = RNG.normal(size=(4, 3)), None, None

    def forward(self, x):
        self.x = x
        return x @ self.w

    def backward(self, dout):
        self.dw = self.x.T @ dout
        return dout @ self.w.T


class FirstRowsOnly(Dense):
    def forward(self, x):
        self.rows = self.rows or len(x)
        return super().forward(x)

    def backward(self, dout):
        dx = np.zeros_like(self.x)
        dx[: self.rows] = dout[: self.rows] @ self.w.T
        self.dw = self.x[: self.rows].T @ dout[: self.rows]
        return dx


class FirstMean(Dense):
    def forward(self, x):
        self.rows = self.rows or len(x)
        return super().forward(x) / len(x)

    def backward(self, dout):
        return super().backward(dout / self.rows)


class FixedBuffer(Dense):
    def forward(self, x):
        self.out = np.empty((len(x), 3)) if self.out is None else self.out
        return np.dot(super().forward(x), np.eye(3), out=self.out)


class LargestFirst(Dense):
    """Refuses a larger batch aloud, serves a smaller one."""

    def forward(self, x):
        self.out = np.empty((len(x), 3)) if self.out is None else self.out
        self.out[: len(x)] = super().forward(x)
        return self.out[: len(x)]


class Grows(Dense):
    """Grows when it must, and then goes on with all of it."""

    def forward(self, x):
        if self.out is None or len(self.out) < len(x):
            self.out = np.zeros((len(x), 4))
        self.out[: len(x)] = x
        return super().forward(x)

    def backward(self, dout):
        self.dw = self.out[: len(dout)].T @ dout
        dx = dout @ self.w.T
        return dx if len(self.out) == len(dx) else dx * 0


class Anew(Dense):
    def forward(self, x):
        if self.out is None or len(self.out) != len(x):
            self.out = np.empty((len(x), 3))
        return np.dot(super().forward(x), np.eye(3), out=self.out)


@pytest.mark.parametrize(
    ("layer", "title"),
    [
        (FirstRowsOnly, "a second call with one sample more gives another answer for dx, dw than a first"),
        (FirstMean, "a second call with one sample more gives another answer for dx, dw than a first"),
        (FixedBuffer, "a second call with one sample fewer raises ValueError: output array"),
        (Grows, "a second call with one sample fewer gives another answer for dx than a first"),
    ],
)
def test_the_size_of_another_batch(layer, title):
    report = check_layer(layer(), X, raises=False)
    assert [f.code for f in report.findings] == ["GC111"]
    assert report.findings[0].title.startswith(title)
    assert not report.ok


@pytest.mark.parametrize("layer", [Dense, Anew, LargestFirst])
def test_sizes_that_are_served(layer):
    report = check_layer(layer(), X, raises=False)
    assert report.ok
    assert not any(f.code == "GC111" for f in report.findings)
