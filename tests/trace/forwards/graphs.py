# ruff: noqa
"""Networks on graphs and sets."""

from collections import defaultdict

import numpy as np
from forwards._case import Case, draws, on

draw = draws(89)

A = np.array([[0, 1, 1, 0], [1, 0, 1, 0], [1, 1, 0, 1], [0, 0, 1, 0]], dtype=float)
edges = [(0, 1), (1, 0), (0, 2), (2, 0), (1, 2), (2, 1), (2, 3), (3, 2)]


def gcn(A, X, W1, W2):
    A_hat = A + np.identity(A.shape[0])
    D = np.diag(np.power(A_hat.sum(axis=1), -0.5))
    norm = D @ A_hat @ D
    return norm @ np.maximum(norm @ X @ W1, 0) @ W2


class GraphAttention:
    def __init__(self, W, a):
        self.W, self.a = W, a

    def __call__(self, H, adj):
        Wh = H @ self.W
        n, f = Wh.shape
        left, right = Wh @ self.a[:f], Wh @ self.a[f:]
        e = left[:, None] + right[None, :]
        e = np.where(e > 0, e, 0.2 * e)
        e[adj == 0] = -1e9
        weights = np.exp(e - e.max(axis=1, keepdims=True))
        weights = weights / weights.sum(axis=1, keepdims=True)
        return np.tanh(weights @ Wh)


def message_passing(h, edges, W_msg, W_upd):
    src, dst = zip(*edges)
    messages = np.maximum(h[list(src)] @ W_msg, 0)
    agg = np.zeros_like(messages, shape=(len(h), messages.shape[1]))
    np.add.at(agg, list(dst), messages)
    return np.tanh(np.column_stack([h, agg]) @ W_upd)


def sage_mean(h, edges, W):
    neighbours = defaultdict(list)
    for s, d in edges:
        neighbours[d].append(s)
    rows = []
    for node in range(len(h)):
        mean = np.mean([h[n] for n in neighbours[node]], axis=0)
        rows.append(np.concatenate((h[node], mean)) @ W)
    out = np.array(rows)
    return out / np.linalg.norm(out, axis=1, keepdims=True)


def max_aggregator(h, edges):
    out = np.full_like(h, -np.inf)
    src, dst = np.array(edges).T
    np.maximum.at(out, dst, h[src])
    return out


def deep_sets(sets, phi, rho):
    """Sets of different sizes in a list."""
    pooled = [np.sum(np.tanh(s @ phi), axis=0) for s in sets]
    return np.stack(pooled) @ rho


def personalised_pagerank(P, s, alpha, tol=1e-13):
    P = P / P.sum(axis=0)
    r = s.copy()
    delta = 1.0
    while delta > tol:
        r_next = (1 - alpha) * P @ r + alpha * s
        delta = np.abs(r_next - r).sum()
        r = r_next
    return r


def point_net(points, W, b):
    features = np.maximum(0, points @ W + b)
    centred = points - points.mean(axis=0)
    return np.hstack([features.max(axis=0), (centred.T @ centred).ravel()])


def laplacian_energy(x, w):
    W = np.zeros((4, 4))
    iu = np.triu_indices(4, 1)
    W[iu] = w
    W = W + W.T
    L = np.diag(W.sum(1)) - W
    chebyshev = [x, L @ x]
    for _ in range(2):
        chebyshev.append(2 * L @ chebyshev[-1] - chebyshev[-2])
    return sum(chebyshev) + x.T @ L @ x


gat, gat_h = GraphAttention(draw(3, 2), draw(4)), draw(4, 3)
sets = [draw(2, 3), draw(4, 3)]
phi, rho = draw(3, 4), draw(4, 2)

CASES = [
    on(gcn, A, draw(4, 3), draw(3, 4), draw(4, 2), wrt="X W1 W2"),
    Case("GraphAttention", lambda: gat(gat_h, A + np.eye(4)), {"h": gat_h, "W": gat.W, "a": gat.a}),
    on(message_passing, draw(4, 3), edges, draw(3, 2), draw(5, 3), wrt="h W_msg W_upd"),
    on(sage_mean, draw(4, 2), edges, draw(4, 3), wrt="h W"),
    on(max_aggregator, draw(4, 3), edges, wrt="h"),
    Case("deep_sets", lambda: deep_sets(sets, phi, rho), {"s0": sets[0], "s1": sets[1], "phi": phi, "rho": rho}),
    on(personalised_pagerank, np.exp(draw(4, 4)), np.array([1.0, 0, 0, 0]) + 0.1 * draw(4), 0.4, wrt="P s"),
    on(point_net, draw(5, 3), draw(3, 4), draw(4), wrt="points W b"),
    on(laplacian_energy, draw(4), draw(6), wrt="x w"),
]
