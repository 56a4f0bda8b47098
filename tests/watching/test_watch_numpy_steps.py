"""Where steps end, what is put back, and what the caller can do wrong."""

import numpy as np
import numpy_styles as styles
import pytest

import gradcheck
from gradcheck import watch


def test_steps_that_nobody_marks():
    net = styles.Attributes()
    x, y = styles.data()
    samples = []
    with watch(net, every=1, callback=samples.append) as health:
        for _ in range(4):
            net.step(x, y)
    assert [sample.step for sample in samples] == [0, 1, 2, 3]
    assert all(len(sample.parameters) == 4 for sample in samples)
    report = health.report()
    assert report.watched.steps == 4
    assert any("marked" in sentence for sentence in report.watched.unseen)


def test_steps_that_rebind_and_that_nobody_marks():
    net = styles.Tuples()
    x, y = styles.data()
    samples = []
    with watch(net, every=1, callback=samples.append):
        for _ in range(3):
            net.step(x, y)
    assert [sample.step for sample in samples] == [0, 1, 2]


@pytest.mark.parametrize("style", [styles.Attributes, styles.Tuples])
def test_an_evaluation_between_the_update_and_the_mark_is_no_step(style):
    net = style()
    x, y = styles.data()
    samples = []
    with watch(net, every=1, callback=samples.append) as health:
        for k in range(3):
            net.step(x, y)
            if style is styles.Attributes:
                np.tanh(x @ net.W1 + net.b1) @ net.W2
            else:
                np.tanh(x @ net.layers[0][0]) @ net.layers[1][0]
            health.step(loss=float(k))
    assert [(sample.step, sample.loss) for sample in samples] == [(0, 0.0), (1, 1.0), (2, 2.0)]
    assert health.report().watched.unseen == ()


def test_a_sample_every_so_many_steps():
    net = styles.Dicts()
    x, y = styles.data()
    samples = []
    with watch(net, every=3, callback=samples.append) as health:
        for _ in range(7):
            net.step(x, y)
            health.step(loss=1.0)
    assert [sample.step for sample in samples] == [0, 3, 6]
    assert [sample.first for sample in samples] == [True, False, False]
    assert health.report().watched.steps == 7


def test_a_cross_entropy_is_told_by_its_value():
    net = styles.Rebinding()
    x, y = styles.data()
    losses = [styles.truth(*styles.start(), x, y)["loss"], 7.0]
    samples = []
    with watch(net, every=1, callback=samples.append) as health:
        for loss in losses:
            net.step(x, y)
            health.step(loss=loss)
    assert [sample.output.loss_kind for sample in samples] == ["cross-entropy", "other"]


@pytest.mark.parametrize("labels", ["numbers", "column", "one-hot"])
def test_outputs_and_labels_that_are_given(labels):
    net = styles.Attributes()
    x, y = styles.data()
    given = {"numbers": y, "column": y[:, None], "one-hot": np.eye(3)[y]}[labels]
    scores = np.random.default_rng(0).normal(size=(8, 3))
    samples = []
    with watch(net, every=1, callback=samples.append) as health:
        net.step(x, y)
        health.step(loss=1.0, outputs=scores, labels=given)
    output = samples[0].output
    assert output.predicted.tolist() == np.bincount(scores.argmax(axis=1), minlength=3).tolist()
    assert output.labels.tolist() == np.bincount(y, minlength=3).tolist()


@pytest.mark.parametrize("fails", [False, True])
def test_everything_is_put_back(fails):
    net = styles.Attributes()
    x, y = styles.data()
    W1 = net.W1
    try:
        with watch(net) as health:
            net.step(x, y)
            health.step(loss=1.0)
            if fails:
                raise KeyError("the training ends")
    except KeyError:
        assert fails
    assert net.W1 is W1
    assert all(type(value) is np.ndarray for value in vars(net).values())


W = np.ones((4, 3))


def forward(x):
    return x @ W


def backward(x, out):
    global W
    W -= 0.1 * (x.T @ out)


@pytest.mark.parametrize("together", [False, True])
def test_functions_and_their_globals(together):
    global W
    W = np.full((4, 3), 0.5)
    x = np.random.default_rng(0).normal(size=(6, 4))
    samples = []
    roots = ((forward, backward),) if together else (forward, backward)
    with watch(*roots, every=1, callback=samples.append) as health:
        for _ in range(2):
            backward(x, forward(x))
            health.step(loss=1.0)
    [parameter] = samples[0].parameters
    assert parameter.name.endswith("W")
    assert parameter.gradient.norm == pytest.approx(np.linalg.norm(x.T @ (x @ np.full((4, 3), 0.5))))
    assert type(W) is np.ndarray


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"loss": np.ones(3)}, "one number"),
        ({"loss": "low"}, "number"),
        ({"loss": 1.0, "outputs": np.ones(3)}, "samples × classes"),
        ({"loss": 1.0, "outputs": [["a", "b"]]}, "outputs: an array of numbers"),
        ({"loss": 1.0, "labels": [0.5, 1.0]}, "whole numbers"),
        ({"loss": 1.0, "labels": ["cat", "dog"]}, r"of names: np.unique\(labels, return_inverse=True\)"),
        ({"loss": 1.0, "labels": [0, 1, 1], "outputs": np.ones((2, 2))}, "labels: 3, for 2 rows"),
        ({"loss": 1.0, "labels": [0, 2], "outputs": np.ones((2, 2))}, "up to 2, and the outputs have 2 classes"),
    ],
)
def test_what_a_step_cannot_take(arguments, says):
    net = styles.Attributes()
    x, y = styles.data()
    with watch(net, every=1) as health:
        net.step(x, y)
        with pytest.raises(gradcheck.GradcheckError, match=says):
            health.step(**arguments)


@pytest.mark.parametrize("loss", [10**400, -(10**400)], ids=["high", "low"])
def test_a_loss_beyond_every_float_is_infinite(loss):
    net = styles.Attributes()
    x, y = styles.data()
    samples = []
    with watch(net, every=1, callback=samples.append) as health:
        net.step(x, y)
        health.step(loss=loss)
    assert samples[0].loss == (np.inf if loss > 0 else -np.inf)


def test_an_object_without_arrays_is_refused_or_said():
    class Empty:
        pass

    with watch(Empty()) as health:
        health.step(loss=1.0)
    assert any("no array" in sentence for sentence in health.report(raises=False).watched.unseen)


def test_the_memory_does_not_grow():
    net = styles.Attributes()
    x, y = styles.data()
    with watch(net) as health:
        for _ in range(300):
            net.step(x, y)
            health.step(loss=1.0)
        series = health.report().watched.layers[0].activation
    assert len(series.steps) <= 65


def test_a_network_whose_own_attributes_raise():
    class Guarded(styles.Attributes):
        @property
        def weight_grad(self):
            raise RuntimeError("call backward first")

        @property
        def lr(self):
            raise OSError("no schedule")

        def __getattr__(self, name):
            raise RuntimeError(f"nothing is called {name}")

    net = Guarded()
    x, y = styles.data()
    with watch(net, every=1) as health:
        net.step(x, y)
        health.step(loss=1.0)
    report = health.report()
    assert report.subject == Guarded.__name__
    assert len(report.watched.parameters) == 4
