# ruff: noqa
"""Lookups, word vectors, factor models."""

from collections import Counter
from itertools import combinations

import numpy as np
from forwards._case import Case, draws, on

draw = draws(73)


def word_embedding_forward(x, W):
    out = W[x, :]
    cache = x, W
    return out, cache


class Embedding:
    """Holds its weight in a list, writes the lookup into a field."""

    def __init__(self, W):
        self.params = [W]
        self.idx = None

    def forward(self, idx):
        (W,) = self.params
        self.idx = idx
        out = W[idx]
        return out


class EmbeddingDot:
    def __init__(self, W):
        self.embed = Embedding(W)
        self.params = self.embed.params

    def forward(self, h, idx):
        target_W = self.embed.forward(idx)
        return np.sum(target_W * h, axis=1)


class SimpleCBOW:
    def __init__(self, W_in, W_out):
        self.W_in, self.W_out = W_in, W_out

    def forward(self, contexts, target):
        h0 = np.dot(contexts[:, 0], self.W_in)
        h1 = np.dot(contexts[:, 1], self.W_in)
        h = (h0 + h1) * 0.5
        score = h @ self.W_out
        score = score - score.max(axis=1, keepdims=True)
        log_p = score - np.log(np.exp(score).sum(axis=1, keepdims=True))
        return -(target * log_p).sum() / len(target)


def skipgram_softmax(center, outside_idx, center_vectors, outside_vectors):
    y_hat = np.exp(outside_vectors @ center_vectors[center])
    y_hat /= np.sum(y_hat)
    return -np.log(y_hat[outside_idx])


def neg_sampling(centers, contexts, U, V, k):
    """Negatives from the global generator, rows visited one by one."""
    np.random.seed(0)
    loss = 0.0
    sig = lambda s: 1 / (1 + np.exp(-s))
    for c, o in zip(centers, contexts):
        negatives = np.random.choice(len(U), k, replace=True)
        loss -= np.log(sig(np.dot(U[o], V[c])))
        loss -= np.sum(np.log(sig(-np.dot(U[negatives], V[c]))))
    return loss


def sentence_skipgram(sentence, window, word2ind, vectors, outside):
    """Ids through a dict; the loss adds up over windows."""
    total = 0
    words = sentence.split()
    for position, word in enumerate(words):
        around = words[max(0, position - window) : position] + words[position + 1 : position + 1 + window]
        v_c = vectors[word2ind[word]]
        for other in around:
            scores = np.dot(outside, v_c)
            scores -= scores.max()
            total += -scores[word2ind[other]] + np.log(np.exp(scores).sum())
    return total / len(words)


def glove(W, W_ctx, b, b_ctx, pairs):
    cost = 0
    for (i, j), x_ij in pairs.items():
        weight = (x_ij / 10) ** 0.75 if x_ij < 10 else 1
        inner = W[i].dot(W_ctx[j]) + b[i] + b_ctx[j] - np.log(x_ij)
        cost += 0.5 * weight * inner**2
    return cost


def bag_of_vectors(W, documents):
    """Documents of different lengths; averages through np.add.at and bincount."""
    flat = np.concatenate(documents)
    owner = np.repeat(np.arange(len(documents)), [len(d) for d in documents])
    sums = np.zeros((len(documents), W.shape[1]))
    np.add.at(sums, owner, W[flat])
    return sums / np.bincount(owner)[:, None]


def one_hot_lookup(W, ids):
    onehot = np.zeros((ids.size, W.shape[0]), dtype=np.int64)
    onehot[np.arange(ids.size), ids.ravel()] = 1
    return np.matmul(onehot, W).reshape(ids.shape + (-1,))


def take_and_compress(W, ids, keep):
    rows = np.take(W, ids, axis=0, mode="clip")
    rows = np.compress(keep, rows, axis=0)
    return rows.take([0, -1], axis=1)


def matrix_factorisation(R, P, Q, reg):
    """Sum over the known entries only."""
    e = 0
    for i in range(len(R)):
        for j in range(len(R[i])):
            if R[i][j] > 0:
                e = e + pow(R[i][j] - np.dot(P[i, :], Q[:, j]), 2)
                for k in range(P.shape[1]):
                    e = e + (reg / 2) * (pow(P[i][k], 2) + pow(Q[k][j], 2))
    return e


def masked_ratings(R, U, V, bu, bi, mu):
    known = R != 0
    pred = mu + bu[:, None] + bi[None, :] + U @ V.T
    error = (R - pred)[known]
    return (error**2).sum() + 0.1 * sum(np.sum(p**2) for p in (U, V, bu, bi))


def factorisation_machine(X, w0, w, V):
    linear = w0 + X.dot(w)
    inter = 0.5 * np.sum(np.power(X @ V, 2) - np.power(X, 2) @ np.power(V, 2), axis=1)
    return linear + inter


def fm_by_pairs(x, w, V):
    y = sum(wi * xi for wi, xi in zip(w, x))
    for i, j in combinations(range(len(x)), 2):
        y += V[i].dot(V[j]) * x[i] * x[j]
    return y


def transe(E, R, triples, corrupted, margin=1.0):
    h, r, t = triples.T
    hc, _, tc = corrupted.T
    positive = np.linalg.norm(E[h] + R[r] - E[t], ord=1, axis=1)
    negative = np.linalg.norm(E[hc] + R[r] - E[tc], ord=1, axis=1)
    return np.maximum(0, margin + positive - negative).sum()


def wide_and_deep(fields, tables, w):
    """A dict of tables, one a field; the concatenation follows sorted names."""
    parts = [tables[name][ids] for name, ids in sorted(fields.items())]
    deep = np.concatenate(parts, axis=1)
    return np.tanh(deep) @ w


def hierarchical_softmax(h, nodes, path, code):
    p = 1.0
    for node, bit in zip(path, code):
        s = 1 / (1 + np.exp(-nodes[node] @ h))
        p *= s if bit == 0 else 1 - s
    return -np.log(p)


counts = Counter({(0, 1): 3, (1, 2): 12, (2, 0): 1})
vocab = {w: i for i, w in enumerate("the cat sat on mat".split())}
embed, embed_dot_h = EmbeddingDot(draw(5, 3)), draw(4, 3)
cbow = SimpleCBOW(draw(4, 3), draw(3, 4))
contexts, targets = np.eye(4)[[[0, 2], [1, 3]]], np.eye(4)[[1, 2]]
tables = {"user": draw(3, 2), "item": draw(4, 3)}
fields = {"user": np.array([0, 2, 2]), "item": np.array([1, 1, 3])}
wide_w = draw(5)
R = np.array([[5, 3, 0, 1], [4, 0, 0, 1], [0, 1, 5, 4]])

CASES = [
    on(word_embedding_forward, np.array([[0, 3, 1], [2, 1, 0]]), draw(5, 3), wrt="W"),
    Case(
        "EmbeddingDot",
        lambda: embed.forward(embed_dot_h, np.array([0, 4, 0, 2])),
        {"W": embed.params[0], "h": embed_dot_h},
    ),
    Case("SimpleCBOW", lambda: cbow.forward(contexts, targets), {"W_in": cbow.W_in, "W_out": cbow.W_out}),
    on(skipgram_softmax, 1, 2, draw(4, 3), draw(4, 3), wrt="center_vectors outside_vectors"),
    on(neg_sampling, [0, 1], [2, 0], draw(4, 3), draw(4, 3), 3, wrt="U V"),
    on(sentence_skipgram, "the cat sat on the mat", 2, vocab, draw(5, 2), draw(5, 2), wrt="vectors outside"),
    on(glove, draw(3, 2), draw(3, 2), draw(3), draw(3), counts, wrt="W W_ctx b b_ctx"),
    on(bag_of_vectors, draw(5, 2), [np.array([0, 1]), np.array([4]), np.array([2, 2, 3])], wrt="W"),
    on(one_hot_lookup, draw(4, 3), np.array([[1, 0], [3, 3]]), wrt="W"),
    on(take_and_compress, draw(4, 3), np.array([0, 3, 9, 1]), [True, False, True, True], wrt="W"),
    on(matrix_factorisation, R.tolist(), draw(3, 2), draw(2, 4), 0.02, wrt="P Q"),
    on(masked_ratings, R.astype(float), draw(3, 2), draw(4, 2), draw(3), draw(4), np.array(2.5), wrt="U V bu bi mu"),
    on(factorisation_machine, draw(3, 4), draw(1), draw(4), draw(4, 2), wrt="X w0 w V"),
    on(fm_by_pairs, draw(4), draw(4), draw(4, 2), wrt="x w V"),
    on(
        transe,
        draw(4, 3),
        draw(2, 3),
        np.array([[0, 0, 1], [2, 1, 3]]),
        np.array([[0, 0, 2], [1, 1, 3]]),
        4.0,
        wrt="E R",
    ),
    Case("wide_and_deep", lambda: wide_and_deep(fields, tables, wide_w), {**tables, "w": wide_w}),
    on(hierarchical_softmax, draw(3), draw(4, 3), [0, 2, 3], [0, 1, 1], wrt="h nodes"),
]
