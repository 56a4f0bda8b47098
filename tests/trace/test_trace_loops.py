"""What loops cost: counted in graph nodes, combinations of writes and copies, not in seconds."""

import numpy as np
import pytest
import torch
from trace_help import call_traced, check, gradients_of, normal

from gradcheck.trace import Trace, reads
from gradcheck.trace.memory import Memory
from gradcheck.trace.reads import Reader


def convolution(x, w, b):
    N, _, H, W = x.shape
    F, _, K, _ = w.shape
    out = np.zeros((N, F, H - K + 1, W - K + 1))
    for n in range(N):
        for f in range(F):
            for i in range(H - K + 1):
                for j in range(W - K + 1):
                    out[n, f, i, j] = np.sum(x[n, :, i : i + K, j : j + K] * w[f]) + b[f]
    return out


def accumulating(x, w):
    out = np.zeros(len(x) - len(w) + 1)
    for i in range(len(out)):
        for k in range(len(w)):
            out[i] += x[i + k] * w[k]
    return out


def scattering(x, w):
    """Overlapping windows, read and written one after another."""
    out = np.zeros(len(x) + len(w) - 1)
    for i in range(len(x)):
        out[i : i + len(w)] += x[i] * w
    return out


def recurrence(x, w):
    h = np.zeros((len(x) + 1, 2))
    for t in range(len(x)):
        h[t + 1] = np.tanh(w @ h[t] + x[t])
    return h


def copying(x):
    """Sixty thousand single assignments would take hours if each copied the array."""
    out = np.zeros(x.shape)
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            out[i, j] = x[i, j]
    return out


def nodes_below(tensor):
    seen, waiting = set(), [tensor.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is not None and node not in seen:
            seen.add(node)
            waiting += [following for following, _ in node.next_functions]
    return len(seen)


@pytest.fixture
def flushes(monkeypatch):
    made = []
    ordinary = Memory.flush

    def flush(self, trace):
        if self.pending:
            made.append(len(self.pending))
        ordinary(self, trace)

    monkeypatch.setattr(Memory, "flush", flush)
    return made


def test_loops_are_right():
    check(convolution, normal(2, 2, 5, 4), normal(2, 2, 3, 3, seed=1), normal(2, seed=2))
    check(accumulating, normal(9), normal(3, seed=1))
    check(scattering, normal(9), normal(3, seed=1))
    check(recurrence, 0.5 * normal(5, 2), 0.5 * normal(2, 2, seed=1))


def test_loops_are_right_when_reads_share_one_sum(monkeypatch):
    monkeypatch.setattr(reads, "_NATIVE_READS", 1)
    monkeypatch.setattr(reads, "_SMALL", 0)
    test_loops_are_right()
    check(lambda x: sum((x[i : i + 2, ::-1] * x[[1, 1, i]][1:]).sum() for i in range(3)), normal(4, 3))


@pytest.mark.parametrize("forward", [convolution, accumulating, scattering, recurrence])
def test_writes_are_combined_once_however_many_there_are(forward, flushes):
    arguments = {
        convolution: (normal(2, 2, 7, 7), normal(2, 2, 3, 3), normal(2)),
        accumulating: (normal(60), normal(3)),
        scattering: (normal(60), normal(3)),
        recurrence: (normal(60, 2), 0.5 * normal(2, 2)),
    }[forward]
    gradients_of(forward, *arguments, trace=Trace())
    assert len(flushes) == 1
    assert flushes[0] >= 50


def test_loop_reads_do_not_make_arrays_of_the_size_of_what_is_read(monkeypatch):
    made = []
    ordinary = reads._Sum.array

    def array(self, dtype):
        if self.gradient is None:
            made.append(self.size)
        return ordinary(self, dtype)

    monkeypatch.setattr(reads._Sum, "array", array)

    def forward(x):
        total = 0.0
        for i in range(200):
            total = total + np.sum(x[i : i + 3] ** 2)
        return total

    found = gradients_of(forward, normal(5000), trace=Trace())[0]
    assert made == [5000]
    assert np.count_nonzero(found) == 202


def test_sixty_thousand_assignments(flushes):
    x = normal(200, 300)
    trace = Trace()
    variable = trace.variable(x, "x")
    out = call_traced(trace, copying, variable)
    found = trace.gradients([out], [np.ones((200, 300))], {"x": variable})["x"]
    np.testing.assert_array_equal(found, np.ones((200, 300)))
    assert flushes == [60_000]
    # the entries once taken apart and once put together, besides the handful of early reads
    assert nodes_below(out._tensor()) < 600


def test_graph_grows_in_proportion_to_the_loop():
    def count(n):
        trace = Trace()
        x, w = trace.variable(normal(n), "x"), trace.variable(normal(3), "w")
        return nodes_below(call_traced(trace, accumulating, x, w)._tensor())

    small, large = count(100), count(400)
    assert large < 4.5 * small


def test_graph_sixty_thousand_deep():
    trace = Trace()
    x = trace.variable(np.array([1.0, 2.0]), "x")
    y = x
    for _ in range(60_000):
        y = y * 1.00001
    found = trace.gradients([y], [np.ones(2)], {"x": x})["x"]
    np.testing.assert_allclose(found, 1.00001**60_000, rtol=1e-9)
    del y, x, trace


def test_chain_of_reads_through_one_array_sixty_thousand_deep():
    def forward(x):
        h = np.zeros(20_001)
        h[0] = x[0]
        for t in range(20_000):
            h[t + 1] = h[t] * 0.5 + x[1]
        return h

    found = gradients_of(forward, np.array([1.0, 2.0]), trace=Trace())[0]
    assert np.isfinite(found).all()


def test_reading_elsewhere_leaves_pending_writes_alone(flushes):
    trace = Trace()
    x = trace.variable(normal(50), "x")
    out, other = trace.leaf(np.zeros(50)), trace.leaf(np.ones(50))
    for i in range(40):
        out[i] = x[i] * other[i] + out[45]
    assert flushes == []
    assert float(out[49]) == 0.0
    assert trace.leaks == []
    np.testing.assert_array_equal(trace.gradients([out], [np.ones(50)], {"x": x})["x"], np.arange(50) < 40)
    assert flushes == [40]


def test_reader_forgets_an_interrupted_pass():
    source = torch.arange(100.0, dtype=torch.float64, requires_grad=True)
    reader = Reader(source * 1)
    reader.count = 1000
    part = reader.take(np.arange(3, 6))
    reader.total.array(np.dtype(float))[:] = 99.0
    reads.new_pass()
    (gradient,) = torch.autograd.grad(part.sum(), source, retain_graph=True)
    assert gradient.nonzero().reshape(-1).tolist() == [3, 4, 5]
    (again,) = torch.autograd.grad((2 * part).sum(), source)
    assert again.sum() == 6
