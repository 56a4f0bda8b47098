# ruff: noqa
"""Attention and transformers."""

import math

import numpy as np
import scipy.special
from forwards._case import Case, draws, on

draw = draws(71, 0.6)


def softmax(x, axis=-1):
    e_x = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return e_x / e_x.sum(axis=axis, keepdims=True)


def self_attention(X, mask, W_KQV, W_out):
    K, Q, V = np.split(X @ W_KQV, 3, axis=-1)
    attn = softmax(K @ Q.swapaxes(-1, -2) / np.sqrt(X.shape[-1]) + mask)
    return attn @ V @ W_out, attn


class MultiHeadAttention:
    def __init__(self, d_model, num_heads, draw):
        assert d_model % num_heads == 0
        self.num_heads, self.d_k = num_heads, d_model // num_heads
        self.W_q, self.W_k, self.W_v, self.W_o = (draw(d_model, d_model) for _ in range(4))

    def split_heads(self, x):
        batch, seq, d = x.shape
        return x.reshape(batch, seq, self.num_heads, self.d_k).transpose(0, 2, 1, 3)

    def forward(self, query, key, value, mask=None):
        Q, K, V = (
            self.split_heads(query @ self.W_q),
            self.split_heads(key @ self.W_k),
            self.split_heads(value @ self.W_v),
        )
        scores = np.matmul(Q, K.transpose(0, 1, 3, 2)) / math.sqrt(self.d_k)
        if mask is not None:
            scores = np.where(mask, scores, -1e9)
        self.attn = softmax(scores)
        out = np.matmul(self.attn, V).transpose(0, 2, 1, 3).reshape(query.shape[0], query.shape[1], -1)
        return np.dot(out, self.W_o)


def heads_in_a_loop(Q, K, V, num_heads):
    outs = []
    width = Q.shape[-1] // num_heads
    for i in range(0, Q.shape[-1], width):
        q, k, v = Q[:, i : i + width], K[:, i : i + width], V[:, i : i + width]
        outs.append(scipy.special.softmax(q @ k.T / width**0.5, axis=-1) @ v)
    return np.concatenate(outs, axis=-1)


def causal_by_assignment(x, Wq, Wk, Wv):
    q, k, v = x @ Wq, x @ Wk, x @ Wv
    scores = q @ k.T
    scores /= np.sqrt(k.shape[1])
    scores[np.triu_indices(len(x), k=1)] = -np.inf
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    weights /= weights.sum(axis=1, keepdims=True)
    return weights @ v


def masked_fill_tril(scores, values):
    mask = np.tril(np.ones_like(scores)).astype(bool)
    filled = np.where(mask, scores, np.full_like(scores, -np.inf))
    return softmax(filled) @ values


def rotary(x, base=10000.0):
    seq, dim = x.shape
    inv_freq = 1.0 / (base ** (np.arange(0, dim, 2) / dim))
    angles = np.outer(np.arange(seq), inv_freq)
    cos, sin = np.cos(angles), np.sin(angles)
    out = np.empty_like(x)
    out[:, 0::2] = x[:, 0::2] * cos - x[:, 1::2] * sin
    out[:, 1::2] = x[:, 0::2] * sin + x[:, 1::2] * cos
    return out


def rotate_half(x):
    x1, x2 = np.array_split(x, 2, axis=-1)
    return np.concatenate((-x2, x1), axis=-1)


def rope_complex(x):
    """Pairs as complex numbers, turned by unit phases."""
    half = x.reshape(x.shape[0], -1, 2)
    z = half[..., 0] + 1j * half[..., 1]
    phase = np.exp(1j * np.arange(x.shape[0])[:, None] / np.array([1.0, 10.0]))
    z = z * phase
    return np.stack([z.real, z.imag], axis=-1).reshape(x.shape)


def positional_encoding(length, depth):
    pe = np.zeros((length, depth))
    for pos in range(length):
        for i in range(0, depth, 2):
            pe[pos, i] = math.sin(pos / 10000 ** (i / depth))
            pe[pos, i + 1] = math.cos(pos / 10000 ** (i / depth))
    return pe


def layer_norm(x, gamma, beta):
    mu = x.mean(-1, keepdims=True)
    sigma = x.std(-1, keepdims=True)
    return gamma * (x - mu) / (sigma + 1e-6) + beta


def gelu(x):
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def linear(x, w, b):
    return x @ w + b


def ffn(x, c_fc, c_proj):
    return linear(gelu(linear(x, **c_fc)), **c_proj)


def attention(q, k, v, mask):
    return softmax(q @ k.T / np.sqrt(q.shape[-1]) + mask) @ v


def mha(x, c_attn, c_proj, n_head):
    """Heads as lists of arrays, mapped and zipped."""
    x = linear(x, **c_attn)
    qkv = np.split(x, 3, axis=-1)
    qkv_heads = list(map(lambda t: np.split(t, n_head, axis=-1), qkv))
    causal_mask = (1 - np.tri(x.shape[0], dtype=x.dtype)) * -1e10
    out_heads = [attention(q, k, v, causal_mask) for q, k, v in zip(*qkv_heads)]
    x = linear(np.hstack(out_heads), **c_proj)
    return x


def transformer_block(x, mlp, attn, ln_1, ln_2, n_head):
    x = x + mha(layer_norm(x, **ln_1), **attn, n_head=n_head)
    x = x + ffn(layer_norm(x, **ln_2), **mlp)
    return x


def gpt(ids, wte, wpe, blocks, ln_f, n_head):
    x = wte[ids] + wpe[range(len(ids))]
    for block in blocks:
        x = transformer_block(x, **block, n_head=n_head)
    return layer_norm(x, **ln_f) @ wte.T


def additive_attention(query, keys, W1, W2, v):
    scores = []
    for key in keys:
        scores.append(v.dot(np.tanh(W1.dot(query) + W2.dot(key))))
    weights = softmax(np.array(scores))
    context = np.zeros(keys.shape[1])
    for weight, key in zip(weights, keys):
        context += weight * key
    return context


def linear_attention(q, k, v):
    phi_q, phi_k = np.where(q > 0, q + 1, np.exp(q)), np.where(k > 0, k + 1, np.exp(k))
    kv = np.einsum("nd,nm->dm", phi_k, v)
    z = 1 / (np.einsum("nd,d->n", phi_q, phi_k.sum(axis=0)) + 1e-6)
    return np.einsum("nd,dm,n->nm", phi_q, kv, z)


class KVCache:
    """Tokens arrive one at a time, keys and values are written into buffers."""

    def __init__(self, Wq, Wk, Wv, max_len):
        self.Wq, self.Wk, self.Wv, self.max_len = Wq, Wk, Wv, max_len

    def generate(self, tokens):
        keys = np.zeros((self.max_len, self.Wk.shape[1]))
        values = np.zeros((self.max_len, self.Wv.shape[1]))
        outputs = []
        for pos, token in enumerate(tokens):
            keys[pos] = token @ self.Wk
            values[pos] = token @ self.Wv
            scores = keys[: pos + 1] @ (token @ self.Wq)
            outputs.append(softmax(scores) @ values[: pos + 1])
        return np.vstack(outputs)


def grouped_query(q, k, v, groups):
    k, v = np.repeat(k, groups, axis=0), np.repeat(v, groups, axis=0)
    slopes = 2.0 ** -np.arange(1, q.shape[0] + 1)
    distance = np.arange(q.shape[1])[None, :] - np.arange(q.shape[1])[:, None]
    bias = slopes[:, None, None] * -np.abs(distance)
    return np.moveaxis(softmax(np.einsum("hid,hjd->hij", q, k) + bias) @ v, 0, 1).reshape(q.shape[1], -1)


def sinkhorn_attention(scores, iterations=5):
    P = np.exp(scores)
    for _ in range(iterations):
        P /= P.sum(axis=1)[:, np.newaxis]
        P /= P.sum(axis=0)[np.newaxis, :]
    return P


def mixture_of_experts(x, gate, experts, k=2):
    """Each row goes to its k best experts only."""
    logits = x @ gate
    out = np.zeros((x.shape[0], experts[0].shape[1]))
    for n, row in enumerate(logits):
        chosen = np.argsort(row)[-k:]
        w = softmax(row[chosen])
        for weight, e in zip(w, chosen):
            out[n] += weight * np.maximum(0, x[n] @ experts[e])
    return out


multi = MultiHeadAttention(4, 2, draw)
mq, mk = draw(2, 3, 4), draw(2, 5, 4)
pad_mask = np.array([[1, 1, 1, 0, 1], [1, 1, 0, 1, 1]], dtype=bool)[:, None, None, :]
rot_x = draw(3, 4)
posed, E = draw(4, 4), draw(4, 3)
ln = lambda: {"gamma": 1 + draw(4), "beta": draw(4)}
block = {
    "mlp": {"c_fc": {"w": draw(4, 6), "b": draw(6)}, "c_proj": {"w": draw(6, 4), "b": draw(4)}},
    "attn": {"c_attn": {"w": draw(4, 12), "b": draw(12)}, "c_proj": {"w": draw(4, 4), "b": draw(4)}},
    "ln_1": ln(),
    "ln_2": ln(),
}
gpt_params = {"wte": draw(5, 4), "wpe": draw(4, 4), "blocks": [block], "ln_f": ln()}
kv, kv_x = KVCache(draw(3, 4), draw(3, 4), draw(3, 2), 6), draw(4, 3)
experts = [draw(3, 2) for _ in range(4)]
causal = np.triu(-1e9 * np.ones((3, 3)), 1)

CASES = [
    on(self_attention, draw(2, 3, 4), causal, draw(4, 12), draw(4, 4), wrt="X W_KQV W_out"),
    Case(
        "MultiHeadAttention",
        lambda: multi.forward(mq, mk, mk, pad_mask),
        {"q": mq, "k": mk, "W_q": multi.W_q, "W_k": multi.W_k, "W_o": multi.W_o},
    ),
    on(heads_in_a_loop, draw(3, 4), draw(5, 4), draw(5, 4), 2, wrt="Q K V"),
    on(causal_by_assignment, draw(4, 3), draw(3, 3), draw(3, 3), draw(3, 2), wrt="x Wq Wk Wv"),
    on(masked_fill_tril, draw(4, 4), draw(4, 2), wrt="scores values"),
    on(rotary, draw(3, 4), wrt="x"),
    Case(
        "rotate_half and absolute positions",
        lambda: rotate_half(rot_x) * 0.3 + (rot_x + positional_encoding(3, 4)),
        {"x": rot_x},
    ),
    on(rope_complex, draw(3, 4), wrt="x"),
    Case(
        "gpt",
        lambda: gpt([3, 1, 1], **gpt_params, n_head=2),
        {
            "wte": gpt_params["wte"],
            "wpe": gpt_params["wpe"],
            "c_attn": block["attn"]["c_attn"]["w"],
            "c_fc": block["mlp"]["c_fc"]["b"],
        },
    ),
    on(additive_attention, draw(3), draw(4, 2), draw(3, 3), draw(3, 2), draw(3), wrt="query keys W1 W2 v"),
    on(linear_attention, draw(3, 2), draw(4, 2), draw(4, 3), wrt="q k v"),
    Case("KVCache", lambda: kv.generate(kv_x), {"x": kv_x, "Wq": kv.Wq, "Wk": kv.Wk, "Wv": kv.Wv}),
    on(grouped_query, draw(4, 3, 2), draw(2, 3, 2), draw(2, 3, 2), 2, wrt="q k v"),
    on(sinkhorn_attention, draw(3, 4), wrt="scores"),
    on(mixture_of_experts, draw(3, 3), draw(3, 4), experts, wrt="x gate"),
]
