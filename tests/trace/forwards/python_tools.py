# ruff: noqa
"""Forwards that lean on Python's own library: sorted, heapq, itertools, statistics, math, generators, match."""

import heapq
import math
import statistics
from bisect import bisect_right
from collections import OrderedDict, defaultdict, deque
from functools import reduce
from itertools import accumulate, product

import numpy as np
from forwards._case import Case, draws, on

draw = draws(131)


def top_k_mean(scores, w, k=3):
    ranked = sorted(range(len(scores)), key=lambda i: scores[i], reverse=True)[:k]
    return sum(scores[i] * w[i] for i in ranked) / k


def largest_by_heap(scores):
    return np.sum(heapq.nlargest(2, scores)) + max(scores, key=abs) - min(scores)


def running_products(rates):
    """Compound growth by accumulate; the last value is what counts."""
    factors = [1 + r for r in rates]
    path = list(accumulate(factors, lambda a, b: a * b))
    return path[-1] + sum(path) / len(path)


def mean_of_losses(y, t):
    losses = [(a - b) ** 2 for a, b in zip(y, t)]
    return statistics.mean(losses)


def distances_from_math(p, q):
    return (
        math.dist(p, q)
        + math.hypot(*p)
        + math.fsum(q)
        + math.prod(p)
        + math.log2(1 + p[0] ** 2)
        + math.log1p(q[1] ** 2)
    )


def interpolate_by_bisect(x, xs, ys):
    out = []
    for value in x:
        i = min(max(bisect_right(xs, value) - 1, 0), len(xs) - 2)
        t = (value - xs[i]) / (xs[i + 1] - xs[i])
        out.append(ys[i] * (1 - t) + ys[i + 1] * t)
    return np.array(out)


def determinant(M):
    if len(M) == 1:
        return M[0, 0]
    total = 0
    for c in range(len(M)):
        minor = np.delete(np.delete(M, 0, axis=0), c, axis=1)
        total += (-1) ** c * M[0, c] * determinant(minor)
    return total


def batches(X, size):
    for start in range(0, len(X), size):
        yield X[start : start + size]


def streamed_loss(X, w):
    window = deque(maxlen=2)
    for batch in batches(X, 2):
        window.append(np.mean(np.tanh(batch @ w)))
        yield sum(window) / len(window)


def last_of_stream(X, w):
    *_, last = streamed_loss(X, w)
    return last


def layer_by_match(x, spec, params):
    for layer in spec:
        match layer:
            case ("dense", name):
                x = x @ params[name]
            case ("act", "relu"):
                x = np.maximum(x, 0)
            case ("act", "square"):
                x = x**2
            case {"scale": s}:
                x = x * s
            case _:
                raise ValueError(layer)
    return x


def grouped_sums(values, keys):
    """A dict of lists, then sorted keys."""
    groups = defaultdict(list)
    for key, value in zip(keys, values):
        groups[key].append(value)
    return [math.sqrt(sum(v * v for v in groups[key])) for key in sorted(groups)]


def rounded_report(x, w):
    loss = reduce(lambda a, b: a + b, ((xi - wi) ** 2 for xi, wi in zip(x, w)))
    rounded = round(float(loss), 3)
    history = [rounded]
    return loss if history else None


def pid_controller(gains, setpoints):
    kp, ki, kd = gains
    state, integral, previous = 0.0, 0.0, 0.0
    trace = []
    for target in setpoints:
        error = target - state
        integral += error * 0.1
        derivative = (error - previous) / 0.1
        state += 0.1 * (kp * error + ki * integral + kd * derivative * 0.01)
        previous = error
        trace.append(abs(error))
    return np.mean(trace)


def walrus_bisection(c):
    """The iteration ends where the interval is small; the last step is a secant, so the slope is right."""
    lo, hi = 0.0, 3.0
    while (mid := (lo + hi) / 2) and hi - lo > 1e-3:
        if mid**3 + mid < c:
            lo = mid
        else:
            hi = mid
    for _ in range(3):
        mid = mid - (mid**3 + mid - c) / (3 * mid**2 + 1)
    return mid


def tree_ensemble(x, thresholds, leaves):
    """Hard splits; only the leaves carry slope."""
    total = 0.0
    for (feature, threshold), (left, right) in zip(thresholds, leaves):
        total += left if x[feature] < threshold else right
    return total


def all_pairs(points):
    energy = 0
    for i, j in product(range(len(points)), repeat=2):
        if i < j:
            r = points[i] - points[j]
            r6 = (r @ r) ** -3
            energy += 4 * (r6 * r6 - r6) * 1e-2
    return energy


def dense_as_closures(x, layers):
    def compose(*functions):
        return reduce(lambda f, g: lambda value: g(f(value)), functions)

    return compose(*(lambda v, w=w: np.tanh(v @ w) for w in layers))(x)


spec = [("dense", "W1"), ("act", "relu"), {"scale": 0.5}, ("dense", "W2"), ("act", "square")]
match_params, match_x = OrderedDict(W1=draw(3, 4), W2=draw(4, 2)), draw(2, 3)
closure_weights, closure_x = [draw(3, 3), draw(3, 2)], draw(2, 3)
leaves = draw(3, 2)

CASES = [
    on(top_k_mean, draw(6), draw(6), wrt="scores w"),
    on(largest_by_heap, draw(5), wrt="scores"),
    on(running_products, 0.1 * draw(5), wrt="rates"),
    on(mean_of_losses, draw(4), draw(4), wrt="y t"),
    on(distances_from_math, draw(3), draw(3), wrt="p q"),
    on(interpolate_by_bisect, np.array([0.3, 1.7, 2.4]), [0.0, 1.0, 2.0, 3.0], draw(4), wrt="x ys"),
    on(determinant, draw(3, 3), wrt="M"),
    on(last_of_stream, draw(5, 3), draw(3), wrt="X w"),
    Case("match statement", lambda: layer_by_match(match_x, spec, match_params), {"x": match_x, **match_params}),
    on(grouped_sums, draw(6), "abacba", wrt="values"),
    on(rounded_report, draw(3), draw(3), wrt="x w"),
    on(pid_controller, np.array([1.2, 0.5, 0.1]), draw(5), wrt="gains setpoints"),
    on(walrus_bisection, np.array(4.3), wrt="c"),
    on(tree_ensemble, draw(2), [(0, 0.3), (1, -0.2), (0, -1.0)], leaves, wrt={"leaves": leaves}),
    on(all_pairs, 1.5 * draw(4, 3), wrt="points"),
    Case(
        "composed closures",
        lambda: dense_as_closures(closure_x, closure_weights),
        {"x": closure_x, "w0": closure_weights[0], "w1": closure_weights[1]},
    ),
]
