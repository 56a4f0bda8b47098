"""Parameters, gradients, updates and layers are found however the network is written."""

import functools

import numpy as np
import numpy_styles as styles
import pytest

from gradcheck import watch


def styled(style):
    if style == "functional":
        params, step = styles.functional()
        return params, step, ("W1", "b1", "W2", "b2")
    net = style()
    return net, net.step, style.names


STYLES = [*styles.OBJECTS, "functional"]


@functools.cache
def watched(style, steps=3):
    net, step, names = styled(style)
    x, y = styles.data()
    samples = []
    with watch(net, every=1, callback=samples.append) as health:
        for _ in range(steps):
            step(x, y)
            health.step()
    return samples, names, net, health


@pytest.fixture(params=STYLES, ids=lambda s: s if isinstance(s, str) else s.__name__)
def style(request):
    return request.param


def expected():
    x, y = styles.data()
    return styles.truth(*styles.start(), x, y)


def test_parameters_and_nothing_else(style):
    samples, names, _, _ = watched(style)
    for sample in samples:
        assert sorted(p.name for p in sample.parameters) == sorted(names)


def test_gradients_updates_and_the_rate_in_effect(style):
    samples, names, _, _ = watched(style)
    of = {p.name: p for p in samples[0].parameters}
    summed = style is styles.OneByOne  # divides by the batch in the update: its gradient is a sum
    for name, before, gradient in zip(names, styles.start(), expected()["gradients"], strict=True):
        p = of[name]
        assert p.weight.norm == pytest.approx(np.linalg.norm(before))
        assert p.update.norm == pytest.approx(styles.RATE * np.linalg.norm(gradient))
        times = styles.BATCH if summed else 1
        assert p.gradient is not None
        assert p.gradient.norm == pytest.approx(times * np.linalg.norm(gradient))
        assert p.lr == pytest.approx(styles.RATE / times)


def test_roles_and_ways(style):
    samples, names, _, _ = watched(style)
    of = {p.name: p for p in samples[0].parameters}
    assert [of[name].role for name in names] == ["weight", "bias", "weight", "bias"]
    assert [(of[name].fan_in, of[name].fan_out) for name in names[::2]] == [(5, 4), (4, 3)]
    assert of[names[1]].layer == of[names[0]].layer != of[names[2]].layer == of[names[3]].layer


def test_layers_and_the_gradients_by_them(style):
    samples, _, _, _ = watched(style)
    true = expected()
    sample = samples[0]
    assert sample.samples == styles.BATCH
    assert [layer.kind for layer in sample.layers] == ["linear", "tanh", "linear", "softmax"]
    linear1, tanh, linear2, softmax = sample.layers
    assert tanh.activation.norm == pytest.approx(np.linalg.norm(true["h"]))
    slope = 1 - true["h"] ** 2
    assert tanh.slope == pytest.approx(np.sqrt((slope**2).mean()))
    assert tanh.flat == pytest.approx((slope < 0.01).mean())
    assert tanh.active.tolist() == [True] * 4
    assert softmax.before_loss
    assert not tanh.before_loss
    # summed over the batch and divided later, or divided at once: the same ratio everywhere
    times = linear2.gradient.norm / np.linalg.norm(true["d2"])
    assert times == pytest.approx(1) or times == pytest.approx(styles.BATCH)
    assert linear1.gradient.norm == pytest.approx(times * np.linalg.norm(true["d1"]))
    assert tanh.input_gradient.norm == pytest.approx(times * np.linalg.norm(true["d1"]))
    assert tanh.gradient.norm == pytest.approx(times * np.linalg.norm(true["dh"]))


def test_predictions_and_labels(style):
    samples, _, _, _ = watched(style)
    x, y = styles.data()
    W1, b1, W2, b2 = styles.start()
    said = (np.tanh(x @ W1 + b1) @ W2 + b2).argmax(axis=1)
    output = samples[0].output
    if style is styles.OneByOne:
        return  # a column a sample: it is not seen that they are one batch
    assert output.classes == 3
    assert output.predicted.tolist() == np.bincount(said, minlength=3).tolist()
    assert output.labels.tolist() == np.bincount(y, minlength=3).tolist()


def flat(net):
    if isinstance(net, dict):
        return list(net.values())
    if isinstance(net, styles.Layers):
        return [a for layer in net.layers for a in (layer.W, layer.b)]
    if isinstance(net, styles.Tuples):
        return [a for pair in net.layers for a in pair]
    return [a for value in vars(net).values() for a in (value.values() if isinstance(value, dict) else value)]


def test_nothing_is_disturbed(style):
    _, _, net, _ = watched(style)
    other, step, _ = styled(style)
    x, y = styles.data()
    for _ in range(3):
        step(x, y)
    for mine, theirs in zip(flat(net), flat(other), strict=True):
        assert type(mine) is type(theirs)
        assert np.array_equal(mine, theirs)
