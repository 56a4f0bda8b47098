"""Inputs are drawn from declared shapes, without the values that hide bugs."""

import re

import numpy as np
import pytest
import torch

from gradcheck import GradcheckError, check_layer


def forward(x, w, b):
    return x @ w + b, (x, w)


def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)


SHAPES = {"x": (8, 3), "w": (3, 5), "b": (5,)}


def test_a_layer_is_checked_from_its_shapes():
    report = check_layer(forward, backward, shapes=SHAPES)
    assert [(g.name, g.shape, g.verdict) for g in report.gradients] == [
        ("dx", (8, 3), "right"),
        ("dw", (3, 5), "right"),
        ("db", (5,), "right"),
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        lambda dout, cache: (dout @ cache[1].T, cache[0].T @ dout, dout.mean(axis=0)),
        lambda dout, cache: (dout @ cache[1].T, np.abs(cache[0]).T @ dout, dout.sum(axis=0)),
        lambda dout, cache: (dout @ np.sign(cache[1]).T, cache[0].T @ dout, dout.sum(axis=0)),
    ],
    ids=["mean", "of one sign", "of size one"],
)
def test_a_wrong_one_is_caught(wrong):
    assert not check_layer(forward, wrong, shapes=SHAPES).ok


def test_the_seed_decides_what_is_drawn():
    one, same, other = (
        [g.norm_yours for g in check_layer(forward, backward, shapes=SHAPES, seed=seed).gradients] for seed in (1, 1, 2)
    )
    assert one == same
    assert all(a != b for a, b in zip(one, other, strict=True))


def test_objects_modules_and_functions():
    class Scale:
        def forward(self, x):
            return 2 * x

        def backward(self, dout):
            return 2 * dout

    assert check_layer(Scale(), shapes={"x": (4, 3)}).ok
    assert check_layer(torch.nn.Linear(3, 2), shapes={"input": (4, 3)}).ok

    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, dout):
            return 2 * ctx.saved_tensors[0] * dout

    assert check_layer(Square, shapes={"x": (4, 3)}).ok


def test_with_options_and_with_a_sweep():
    def scaled(x, scale=1):
        return x * scale, scale

    report = check_layer(scaled, lambda dout, scale: dout * scale, shapes={"x": (2, 3)}, sweep={"scale": [1, 2]})
    assert [c.verdict for c in report.configurations] == ["right", "right"]
    assert check_layer(scaled, lambda dout, s: dout * s, shapes={"x": (2, 3)}, kwargs={"scale": 3}, dtype="float32").ok


@pytest.mark.parametrize(
    ("layer", "shapes", "phrase"),
    [
        ((forward, backward), {}, 'give them by name, shapes={"x": (8, 3), "w": (3, 5)}'),
        ((forward, backward), (8, 3), "shapes: it is"),
        ((forward, backward, np.ones((2, 3))), SHAPES, "shapes: inputs are given as well"),
        ((forward, backward), {"y": (2,)}, "shapes: the forward has no argument 'y'; it takes x, w, b"),
        ((forward, backward), {"x": 3}, "shapes['x']: 3 is no shape; give whole numbers from 1 up"),
        ((forward, backward), {"x": (0, 3)}, "shapes['x']: (0, 3) is no shape"),
        ((forward, backward), {"x": (8, 3), "b": (5,)}, "shapes: there is none for 'w', which comes before 'b'"),
    ],
)
def test_shapes_that_cannot_be_drawn_are_refused_in_words(layer, shapes, phrase):
    with pytest.raises(GradcheckError, match=re.escape(phrase)):
        check_layer(*layer, shapes=shapes)
