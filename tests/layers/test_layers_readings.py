"""Several outputs, outputs in dicts and objects, caches called like an input; refused where two readings fit."""

from collections import namedtuple
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest
from layers_checked import numbers, verdicts

from gradcheck import check_layer
from gradcheck.errors import GradcheckError

X, W = numbers(4, 3), numbers(3, 2)


def lstm_like(x, h, c, w):
    a = np.tanh(x @ w + h)
    return a * c, (x, h, c, w, a)


def lstm_like_backward(d, c):
    x, _, c0, w, a = c
    da = d * c0 * (1 - a * a)
    return da @ w.T, da, d * a, x.T @ da


def test_the_cache_may_be_called_like_an_input():
    inputs = numbers(2, 3), numbers(2, 4), numbers(2, 4), numbers(3, 4)
    style, found, notes = verdicts(lstm_like, lstm_like_backward, *inputs)
    assert style == "forward -> (out, cache), backward(d, c)"
    assert set(found.values()) == {"right"}
    assert "c: given what the forward returned beside its output" in notes

    def wrong(d, c):
        dx, dh, dc, dw = lstm_like_backward(d, c)
        return dx, dh, 2 * dc, dw

    assert verdicts(lstm_like, wrong, *inputs)[1]["dc"] == "wrong"


def test_an_input_where_the_cache_does_not_fit():
    # the cache reading raises: a dict cannot be multiplied
    style, found, _ = verdicts(lambda x, g: (x * g, {"x": x}), lambda d, g: (d * g, d * X), X, numbers(4, 3))
    assert style == "forward -> (out, cache), backward(d, g)"
    assert found["dx"] == "right"


def test_an_upstream_called_like_an_input():
    def forward(x, g):
        return x * g, (x, g)

    def backward(g, cache):
        x, gain = cache
        return g * gain, g * x

    assert set(verdicts(forward, backward, X, numbers(4, 3))[1].values()) == {"right"}


def unnamed_pair(x, w):
    y = x @ w
    return np.tanh(y), y**2, x, w


@pytest.mark.parametrize("names", ["da, db", "d1, d2", "dout, dh", "dy1, dy2", "grad_a, grad_b", "d_out, d_state"])
@pytest.mark.parametrize("factor", [1, 3])
def test_as_many_upstreams_as_names(names, factor):
    first, second = names.split(", ")
    source = f"""
def backward({names}, x, w):
    y = x @ w
    dy = {first} * (1 - np.tanh(y) ** 2) + {factor} * 2 * {second} * y
    return dy @ w.T, x.T @ dy
"""
    scope = {"np": np}
    exec(source, scope)
    style, found, _ = verdicts(unnamed_pair, scope["backward"], X, W)
    assert style == f"forward -> (out, out2, x, w), backward({names}, x, w)"
    assert set(found.values()) == ({"right"} if factor == 1 else {"wrong"})


def sine(x):
    return np.sin(x), np.cos(x)


def test_a_kept_derivative_or_a_second_upstream_is_refused():
    with pytest.raises(GradcheckError) as caught:
        check_layer(sine, lambda dout, dcos: dout * dcos, X)
    text = str(caught.value)
    assert 'dcos is the upstream gradient of the forward\'s second output (style="pair, 2 outputs")' in text
    assert 'dcos is a value that the forward kept (style="pair, 1 output")' in text


def test_style_says_which():
    style, found, _ = verdicts(sine, lambda dout, dcos: dout * dcos, X, style="pair, 1 output")
    assert (style, found) == ("forward -> (out, cache), backward(dout, dcos)", {"dx": "right"})
    kept = []

    def forward(x):
        kept[:] = [x]
        return np.sin(x), np.cos(x)

    def backward(dout, dcos):
        return dout * np.cos(kept[0]) - dcos * np.sin(kept[0])

    style, found, _ = verdicts(forward, backward, X, style="pair, 2 outputs")
    assert (style, found) == ("forward -> (out, out2), backward(dout, dcos)", {"dx": "right"})


def test_a_name_in_the_return_statement_says_which():
    def forward(x):
        out, dcos = np.sin(x), np.cos(x)
        return out, dcos

    assert verdicts(forward, lambda dout, dcos: dout * dcos, X)[1] == {"dx": "right"}


def test_an_array_kept_or_an_input_is_refused():
    def forward(x, w):
        return x * w, np.tanh(x)

    def backward(d, w):
        return d * w, d * w

    with pytest.raises(GradcheckError, match=r'the forward\'s input \(style="pair, input"\)'):
        check_layer(forward, backward, X, numbers(4, 3))
    assert verdicts(forward, backward, X, numbers(4, 3), style="pair, input")[1]["dx"] == "right"
    assert verdicts(forward, backward, X, numbers(4, 3), style="pair, cache")[1]["dx"] == "wrong"


@pytest.mark.parametrize("style", ["pair, many", "pair, 0 outputs", "pair, out=2"])
def test_what_may_stand_after_the_comma(style):
    with pytest.raises(GradcheckError, match="2 outputs"):
        check_layer(sine, lambda dout, dcos: dout * dcos, X, style=style)


def test_more_outputs_said_than_upstreams_taken():
    with pytest.raises(GradcheckError, match="style= says 3 outputs"):
        check_layer(sine, lambda dout, dcos: dout * dcos, X, style="pair, 3 outputs")


def test_no_output_for_an_upstream():
    with pytest.raises(GradcheckError, match="no array of floats that it could belong to"):
        check_layer(lambda x: ("done", {"x": x}), lambda ds, cache: ds, X)


Pair = namedtuple("Pair", "s q")


@dataclass
class Both:
    s: object
    q: object


class Plain:
    def __init__(self, s, q):
        self.s, self.q = s, q


def by_key(ds, x):
    return ds["s"] * np.cos(x) + 2 * ds["q"] * x


def by_attribute(d, x):
    return d.s * np.cos(x) + 2 * d.q * x


def one_by_one(ds, dq, x):
    return ds * np.cos(x) + 2 * dq * x


def in_order(ds, x):
    return ds[0] * np.cos(x) + 2 * ds[1] * x


@pytest.mark.parametrize(
    ("make", "backward", "words"),
    [
        (lambda s, q: {"s": s, "q": q}, by_key, "{s, q}"),
        (lambda s, q: {"s": s, "q": q}, one_by_one, "{s, q}"),
        (Pair, by_attribute, "Pair(s, q)"),
        (Pair, one_by_one, "Pair(s, q)"),
        (Both, by_attribute, "Both(s, q)"),
        (Both, one_by_one, "Both(s, q)"),
        (Plain, by_attribute, "Plain(s, q)"),
        (lambda s, q: SimpleNamespace(s=s, q=q), one_by_one, "SimpleNamespace(s, q)"),
        (lambda s, q: (s, q), in_order, "(out, out2)"),
        (lambda s, q: [s, q], in_order, "[out, out2]"),
    ],
)
def test_outputs_in_one_value(make, backward, words):
    style, found, _ = verdicts(lambda x: make(np.sin(x), x**2), backward, X)
    argument = "ds, dq, x" if backward is one_by_one else "d, x" if backward is by_attribute else "ds, x"
    assert style == f"forward -> {words}, backward({argument})"
    assert found == {"dx": "right"}

    def wrong(*args):
        return backward(*args) * 2

    wrong.__wrapped__ = backward
    assert verdicts(lambda x: make(np.sin(x), x**2), wrong, X)[1] == {"dx": "wrong"}


@pytest.mark.parametrize("make", [tuple, list, lambda pair: {"a": pair[0], "b": pair[1]}])
def test_outputs_and_a_cache(make):
    def forward(x, w):
        y = x @ w
        return make((y, y**2)), (x, w, y)

    def backward(ds, cache):
        x, w, y = cache
        a, b = (ds["a"], ds["b"]) if isinstance(ds, dict) else ds
        dy = a + 2 * b * y
        return dy @ w.T, x.T @ dy

    assert set(verdicts(forward, backward, X, W)[1].values()) == {"right"}


def test_a_dict_of_outputs_and_one_upstream_is_refused():
    with pytest.raises(GradcheckError, match=r"ds, dq\), or say style=\"pair, 1 output\" for s alone"):
        check_layer(lambda x: {"s": np.sin(x), "q": x**2}, lambda dout, x: dout * np.cos(x), X)


def test_a_dict_of_an_output_and_what_was_kept():
    def backward(dout, cache):
        x, w = cache
        return dout @ w.T, x.T @ dout

    style, found, _ = verdicts(lambda x, w: {"out": x @ w, "cache": (x, w)}, backward, X, W)
    assert style == "forward -> {out, cache}, backward(dout, cache)"
    assert set(found.values()) == {"right"}
