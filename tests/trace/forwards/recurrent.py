# ruff: noqa
"""Recurrent networks: char-level scripts, cells with caches, preallocated buffers, trees."""

from collections import namedtuple

import forwards._shared_functions as functions
import numpy as np
from forwards._case import Case, draws, on
from numpy import tanh

draw = draws(67, 0.5)

hidden_size, vocab_size = 4, 3
Wxh = draw(hidden_size, vocab_size)
Whh = draw(hidden_size, hidden_size)
Why = draw(vocab_size, hidden_size)
bh = draw(hidden_size, 1)
by = draw(vocab_size, 1)


def lossFun(inputs, targets, hprev):
    """Dictionaries keyed by time, -1 for the state before; parameters are globals."""
    xs, hs, ys, ps = {}, {}, {}, {}
    hs[-1] = np.copy(hprev)
    loss = 0
    for t in range(len(inputs)):
        xs[t] = np.zeros((vocab_size, 1))
        xs[t][inputs[t]] = 1
        hs[t] = np.tanh(np.dot(Wxh, xs[t]) + np.dot(Whh, hs[t - 1]) + bh)
        ys[t] = np.dot(Why, hs[t]) + by
        ps[t] = np.exp(ys[t]) / np.sum(np.exp(ys[t]))
        loss += -np.log(ps[t][targets[t], 0])
    return loss, hs[len(inputs) - 1]


def rnn_step_forward(x, prev_h, Wx, Wh, b):
    next_h = np.tanh(x.dot(Wx) + prev_h.dot(Wh) + b)
    return next_h, (x, prev_h, Wx, Wh, next_h)


def rnn_forward(x, h0, Wx, Wh, b):
    N, T, D = x.shape
    H = b.shape[0]
    h = np.zeros((N, T, H))
    cache = []
    prev = h0
    for t in range(T):
        prev, step_cache = rnn_step_forward(x[:, t, :], prev, Wx, Wh, b)
        h[:, t, :] = prev
        cache.append(step_cache)
    return h, cache


def lstm_forward(x, h0, Wx, Wh, b):
    """The gates share one affine and are cut out by column ranges."""
    N, T, D = x.shape
    H = h0.shape[1]
    h = np.empty((T, N, H))
    prev_h, prev_c = h0, np.zeros_like(h0)
    for t, x_t in enumerate(x.transpose(1, 0, 2)):
        a = x_t @ Wx + prev_h @ Wh + b
        i, f, o = (
            functions.sigmoid(a[:, :H]),
            functions.sigmoid(a[:, H : 2 * H]),
            functions.sigmoid(a[:, 2 * H : 3 * H]),
        )
        g = np.tanh(a[:, 3 * H :])
        prev_c = f * prev_c + i * g
        prev_h = o * np.tanh(prev_c)
        h[t] = prev_h
    return h.transpose(1, 0, 2)


def lstm_batched_buffers(X, WLSTM, c0=None, h0=None):
    """All activations of all steps live in preallocated arrays; the bias is row 0 of the matrix."""
    n, b, input_size = X.shape
    d = WLSTM.shape[1] // 4
    if c0 is None:
        c0 = np.zeros((b, d))
    if h0 is None:
        h0 = np.zeros((b, d))
    xphpb = WLSTM.shape[0]
    Hin = np.zeros((n, b, xphpb))
    Hout = np.zeros((n, b, d))
    IFOG = np.zeros((n, b, d * 4))
    IFOGf = np.zeros((n, b, d * 4))
    C = np.zeros((n, b, d))
    Ct = np.zeros((n, b, d))
    for t in range(n):
        prevh = Hout[t - 1] if t > 0 else h0
        Hin[t, :, 0] = 1
        Hin[t, :, 1 : input_size + 1] = X[t]
        Hin[t, :, input_size + 1 :] = prevh
        IFOG[t] = Hin[t].dot(WLSTM)
        IFOGf[t, :, : 3 * d] = 1.0 / (1.0 + np.exp(-IFOG[t, :, : 3 * d]))
        IFOGf[t, :, 3 * d :] = np.tanh(IFOG[t, :, 3 * d :])
        prevc = C[t - 1] if t > 0 else c0
        C[t] = IFOGf[t, :, :d] * IFOGf[t, :, 3 * d :] + IFOGf[t, :, d : 2 * d] * prevc
        Ct[t] = np.tanh(C[t])
        Hout[t] = IFOGf[t, :, 2 * d : 3 * d] * Ct[t]
    return Hout, C[t], Hout[t]


def lstm_cell_columns(xt, a_prev, c_prev, parameters):
    concat = np.zeros((a_prev.shape[0] + xt.shape[0], xt.shape[1]))
    concat[: a_prev.shape[0], :] = a_prev
    concat[a_prev.shape[0] :, :] = xt
    ft = functions.sigmoid(np.dot(parameters["Wf"], concat) + parameters["bf"])
    it = functions.sigmoid(np.dot(parameters["Wi"], concat) + parameters["bi"])
    cct = np.tanh(np.dot(parameters["Wc"], concat) + parameters["bc"])
    c_next = ft * c_prev + it * cct
    ot = functions.sigmoid(np.dot(parameters["Wo"], concat) + parameters["bo"])
    a_next = ot * np.tanh(c_next)
    return a_next, c_next, functions.softmax((np.dot(parameters["Wy"], a_next) + parameters["by"]).T).T


def lstm_columns(x, a0, parameters):
    n_x, m, T_x = x.shape
    n_y, n_a = parameters["Wy"].shape
    a = np.zeros((n_a, m, T_x))
    y = np.zeros((n_y, m, T_x))
    a_next, c_next = a0, np.zeros(a0.shape)
    for t in range(T_x):
        a_next, c_next, yt = lstm_cell_columns(x[:, :, t], a_next, c_next, parameters)
        a[:, :, t] = a_next
        y[:, :, t] = yt
    return y, a


class GRUCell:
    def __init__(self, draw, n_in, n_hidden):
        for gate in "rzn":
            setattr(self, "W" + gate + "x", draw(n_hidden, n_in))
            setattr(self, "W" + gate + "h", draw(n_hidden, n_hidden))
            setattr(self, "b" + gate, draw(n_hidden))

    def __call__(self, x, h):
        return self.forward(x, h)

    def forward(self, x, h_prev_t):
        self.r = functions.sigmoid(self.Wrx @ x + self.Wrh @ h_prev_t + self.br)
        self.z = functions.sigmoid(self.Wzx @ x + self.Wzh @ h_prev_t + self.bz)
        self.n = tanh(self.Wnx @ x + self.r * (self.Wnh @ h_prev_t) + self.bn)
        return (1 - self.z) * self.n + self.z * h_prev_t


def run_cell(cell, xs):
    h = np.zeros(3)
    hiddens = [h]
    for x in xs:
        h = cell(x, h)
        hiddens.append(h)
    return np.stack(hiddens[1:], axis=0)


class StatefulRNN:
    """Keeps self.h between calls, as when a text is read in pieces."""

    def __init__(self, draw):
        self.Wx, self.Wh, self.b = draw(2, 3), draw(3, 3), draw(3)
        self.h, self.stateful = None, True

    def forward(self, xs):
        N, T, D = xs.shape
        hs = np.empty((N, T, 3), dtype="f8")
        if not self.stateful or self.h is None:
            self.h = np.zeros((N, 3), dtype="d")
        for t in range(T):
            self.h = np.tanh(np.dot(self.h, self.Wh) + np.dot(xs[:, t, :], self.Wx) + self.b)
            hs[:, t, :] = self.h
        return hs


def bidirectional(x, fwd, bwd):
    def scan(sequence, p):
        h, out = np.zeros(p["U"].shape[0]), []
        for v in sequence:
            h = np.tanh(v @ p["W"] + h @ p["U"])
            out.append(h)
        return out

    left = scan(x, fwd)
    right = scan(x[::-1], bwd)[::-1]
    return np.array([np.concatenate(pair) for pair in zip(left, right)])


Node = namedtuple("Node", "word left right")


def recursive_tree(node, L, W, b):
    """Parents from children, recursively; leaves look up their word."""
    if node.left is None:
        return L[:, node.word]
    children = np.hstack([recursive_tree(node.left, L, W, b), recursive_tree(node.right, L, W, b)])
    return np.maximum(0.1 * (W.dot(children) + b), W.dot(children) + b)


def until_converged(x, W, U, tol=1e-12, limit=200):
    """A fixed point: how long it runs depends on the data."""
    h = np.zeros(U.shape[0])
    steps = 0
    while True:
        new = np.tanh(U @ h + W @ x)
        steps += 1
        if np.max(np.abs(new - h)) < tol or steps >= limit:
            break
        h = new
    return new


def echo_state(u, W_in, W_res, W_out, leak=0.3):
    states = np.zeros((len(u) + 1, W_res.shape[0]))
    for t in range(len(u)):
        pre = W_res @ states[t] + W_in * u[t]
        states[t + 1] = (1 - leak) * states[t] + leak * np.tanh(pre)
    return states[1:] @ W_out


def seq2seq_teacher_forcing(source, target, E, We, Wd, V):
    h = np.zeros(We.shape[1])
    for token in source:
        h = np.tanh(np.r_[E[token], h] @ np.vstack((We, We)))
    loss, previous = 0.0, 0
    for token in target:
        h = np.tanh(np.append(E[previous], h) @ Wd)
        logits = h @ V
        loss -= logits[token] - np.log(np.sum(np.exp(logits)))
        previous = token
    return loss / len(target)


def many_to_one_list(xs, w):
    """One recurrent unit; the state history is a Python list of scalars."""
    states = [0.0]
    for x in xs:
        states.append(np.tanh(w[0] * x + w[1] * states[-1] + w[2]))
    return states[-1] ** 2 + states[-2]


def temporal_attention_lstm(x, params):
    wx, wh, v = (params[k] for k in ("wx", "wh", "v"))
    hs = []
    h = c = np.zeros(wh.shape[0])
    for t in range(x.shape[0]):
        z = x[t] @ wx + h @ wh
        i, f, o, g = np.split(z, 4)
        c = c / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
        h = np.tanh(c) / (1 + np.exp(-o))
        hs += [h]
    hs = np.asarray(hs)
    a = functions.softmax(hs @ v)
    return a @ hs


h_prev = draw(hidden_size, 1)
col_params = {"W" + g: draw(3, 5) for g in "fico"}
col_params.update({"b" + g: draw(3, 1) for g in "fico"})
col_params.update(Wy=draw(2, 3), by=draw(2, 1))
gru, gru_x = GRUCell(draw, 2, 3), draw(4, 2)
stateful, stateful_x = StatefulRNN(draw), draw(2, 4, 2)
tree = Node(None, Node(0, None, None), Node(None, Node(2, None, None), Node(1, None, None)))
fwd, bwd = {"W": draw(2, 3), "U": draw(3, 3)}, {"W": draw(2, 3), "U": draw(3, 3)}
bi_x = draw(4, 2)
attn_lstm = {"wx": draw(2, 12), "wh": draw(3, 12), "v": draw(3)}
attn_x = draw(4, 2)

CASES = [
    Case(
        "lossFun",
        lambda: lossFun([0, 2, 1], [2, 1, 1], h_prev),
        {"Wxh": Wxh, "Whh": Whh, "Why": Why, "bh": bh, "by": by, "hprev": h_prev},
    ),
    on(rnn_forward, draw(2, 3, 2), draw(2, 4), draw(2, 4), draw(4, 4), draw(4), wrt="x h0 Wx Wh b"),
    on(lstm_forward, draw(2, 3, 2), draw(2, 3), draw(2, 12), draw(3, 12), draw(12), wrt="x h0 Wx Wh b"),
    on(lstm_batched_buffers, draw(3, 2, 2), draw(6, 12), wrt="X WLSTM"),
    on(
        lstm_columns,
        draw(2, 2, 3),
        draw(3, 2),
        col_params,
        wrt={"Wf": col_params["Wf"], "by": col_params["by"], "Wo": col_params["Wo"]},
    ),
    Case("GRUCell", lambda: run_cell(gru, gru_x), {"x": gru_x, "Wrx": gru.Wrx, "Wzh": gru.Wzh, "bn": gru.bn}),
    Case(
        "StatefulRNN",
        lambda: stateful.forward(stateful_x),
        {"x": stateful_x, "Wx": stateful.Wx, "Wh": stateful.Wh, "b": stateful.b},
    ),
    Case("bidirectional", lambda: bidirectional(bi_x, fwd, bwd), {"x": bi_x, "W": fwd["W"], "U": bwd["U"]}),
    on(recursive_tree, tree, draw(3, 4), draw(3, 6), draw(3), wrt="L W b"),
    on(until_converged, draw(2), draw(3, 2), 0.4 * draw(3, 3), wrt="x W U"),
    on(echo_state, draw(5), draw(4), draw(4, 4), draw(4), wrt="u W_in W_res W_out"),
    on(seq2seq_teacher_forcing, [1, 2, 0], [2, 1], draw(3, 4), draw(4, 4), draw(8, 4), draw(4, 3), wrt="E We Wd V"),
    on(many_to_one_list, draw(5), draw(3), wrt="xs w"),
    Case("temporal_attention_lstm", lambda: temporal_attention_lstm(attn_x, attn_lstm), {"x": attn_x, **attn_lstm}),
]
