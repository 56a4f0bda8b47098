"""Backwards of a maximum over rows of four: equal maxima paid once, not at all, or each in full."""

import numpy as np


def pay_first(d, x):
    rows = x.reshape(-1, 4)
    out = np.zeros_like(rows)
    out[np.arange(len(rows)), rows.argmax(axis=1)] = d
    return out.reshape(x.shape)


def pay_nobody(d, x):
    rows = x.reshape(-1, 4)
    tied = (rows == rows.max(axis=1, keepdims=True)).sum(axis=1) > 1
    return (pay_first(d, x).reshape(-1, 4) * ~tied[:, None]).reshape(x.shape)


def pay_every(d, x):
    rows = x.reshape(-1, 4)
    return ((rows == rows.max(axis=1, keepdims=True)) * d[:, None]).reshape(x.shape)
