"""Loss objects whose backward is given the predictions, layers that store everything and return nothing."""

import numpy as np
import pytest
from layers_checked import numbers, verdicts

PROBABILITIES = np.random.default_rng(1).dirichlet(np.ones(3), 5)
LABELS = np.array([0, 1, 2, 1, 0])
LOGITS, OTHERS = numbers(5, 3), numbers(5, 3)


class Mean:
    def calculate(self, output, y):
        return np.mean(self.forward(output, y))


class Accumulating:
    """Counts what it has seen, and has to be told to start."""

    def new_pass(self):
        self.total, self.count = 0, 0

    def calculate(self, output, y, *, include_regularization=False):
        losses = self.forward(output, y)
        self.total += np.sum(losses)
        self.count += len(losses)
        return np.mean(losses)


class CrossEntropy(Mean):
    factor = 1

    def forward(self, y_pred, y_true):
        picked = y_pred[range(len(y_pred)), y_true] if y_true.ndim == 1 else np.sum(y_pred * y_true, axis=1)
        return -np.log(picked)

    def backward(self, dvalues, y_true):
        samples, labels = len(dvalues), len(dvalues[0])
        if y_true.ndim == 1:
            y_true = np.eye(labels)[y_true]
        self.dinputs = -self.factor * y_true / dvalues / samples


class TwiceTooMuch(CrossEntropy):
    factor = 2


class Counted(Accumulating):
    factor = 1
    forward, backward = CrossEntropy.forward, CrossEntropy.backward


class NamedAlike(Mean):
    factor = 1
    forward = CrossEntropy.forward

    def backward(self, y_pred, y_true):
        CrossEntropy.backward(self, y_pred, y_true)


@pytest.mark.parametrize("labels", [LABELS, np.eye(3)[LABELS]], ids=["integers", "one-hot"])
@pytest.mark.parametrize("loss", [CrossEntropy, Counted, TwiceTooMuch, NamedAlike])
def test_the_mean_of_calculate(loss, labels):
    style, found, _ = verdicts(loss(), PROBABILITIES, labels)
    argument = "y_pred" if loss is NamedAlike else "dvalues=y_pred"
    assert style == f"object: calculate(y_pred, y_true) -> out, backward({argument}, y_true), stores dinputs"
    assert found["dinputs"] == ("wrong" if loss is TwiceTooMuch else "right")
    assert found["dy_true"] == "not differentiated"


def test_one_loss_a_sample_is_judged_as_their_sum():
    class NoMean:
        factor = 1
        forward, backward = CrossEntropy.forward, CrossEntropy.backward

    _, found, notes = verdicts(NoMean(), PROBABILITIES, LABELS)
    assert found["dinputs"] == "wrong"  # it divides by the number of samples, and nothing else does
    assert "one loss a sample" in notes


class Softmax:
    def forward(self, inputs):
        e = np.exp(inputs - inputs.max(axis=1, keepdims=True))
        self.output = e / e.sum(axis=1, keepdims=True)

    def backward(self, dvalues):
        self.dinputs = np.empty_like(dvalues)
        for i, (s, d) in enumerate(zip(self.output, dvalues, strict=True)):
            s = s.reshape(-1, 1)
            self.dinputs[i] = (np.diagflat(s) - s @ s.T) @ d


class SoftmaxCrossEntropy:
    def __init__(self, divided=True):
        self.activation, self.loss, self.divided = Softmax(), CrossEntropy(), divided

    def forward(self, inputs, y_true):
        self.activation.forward(inputs)
        self.output = self.activation.output
        return self.loss.calculate(self.output, y_true)

    def backward(self, dvalues, y_true):
        self.dinputs = dvalues.copy()
        self.dinputs[range(len(dvalues)), y_true] -= 1
        if self.divided:
            self.dinputs = self.dinputs / len(dvalues)


def test_a_fused_loss_is_given_its_output():
    style, found, _ = verdicts(SoftmaxCrossEntropy(), LOGITS, LABELS)
    assert "backward(dvalues=self.output, y_true)" in style
    assert found["dinputs"] == "right"
    assert verdicts(SoftmaxCrossEntropy(divided=False), LOGITS, LABELS)[1]["dinputs"] == "wrong"


def square(pred, target):
    return np.mean((pred - target) ** 2)


class GivenPredictions:
    def forward(self, pred, target):
        return square(pred, target)

    def backward(self, grad, target):
        return 2 * (grad - target) / target.size


class GivenUpstream:
    def forward(self, pred, target):
        self.pred = pred
        return square(pred, target)

    def backward(self, dout, target):
        return dout * self._slope(target)

    def _slope(self, target):
        return 2 * (self.pred - target) / target.size


@pytest.mark.parametrize(
    ("loss", "words"), [(GivenPredictions, "backward(grad=pred, target)"), (GivenUpstream, "backward(dout, target)")]
)
def test_predictions_or_an_upstream_gradient(loss, words):
    style, found, _ = verdicts(loss(), LOGITS, OTHERS)
    assert words in style
    assert found["dpred"] == "right"


@pytest.mark.parametrize("factor", [1, 2])
def test_functions(factor):
    style, found, _ = verdicts(square, lambda out, target: factor * 2 * (out - target) / target.size, LOGITS, OTHERS)
    assert style == "forward -> out, backward(out=pred, target)"
    assert found["dpred"] == ("right" if factor == 1 else "wrong")


class Dense:
    def __init__(self):
        self.weights, self.biases = numbers(3, 4), np.zeros((1, 4))

    def forward(self, inputs):
        self.inputs = inputs
        self.output = inputs @ self.weights + self.biases

    def backward(self, dvalues):
        self.dweights = self.inputs.T @ dvalues
        self.dbiases = dvalues.sum(axis=0, keepdims=True)
        self.dinputs = dvalues @ self.weights.T


@pytest.mark.parametrize("layer", [Dense, Softmax])
def test_nothing_is_returned(layer):
    _, found, notes = verdicts(layer(), LOGITS)
    assert set(found.values()) == {"right"}
    assert "dinputs" in found
    assert "forward returns nothing: the output is the attribute output" in notes


def test_forward_returns_the_object():
    class Tanh:
        def forward(self, x):
            self.out = np.tanh(x)
            return self

        def backward(self, d):
            return d * (1 - self.out**2)

    _, found, notes = verdicts(Tanh(), LOGITS)
    assert found == {"dx": "right"}
    assert "forward returns the object itself" in notes
