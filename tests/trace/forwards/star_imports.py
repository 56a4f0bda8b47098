# ruff: noqa
"""`from numpy import *`: sum, max, abs and round are no longer Python's own."""

from forwards._case import draws, on
from numpy import *

draw = draws(127)


def sigmoid(x):
    return 1 / (1 + exp(-x))


def nonlin(x, deriv=False):
    if deriv == True:
        return x * (1 - x)
    return 1 / (1 + exp(-x))


def star_network(X, syn0, syn1):
    l1 = nonlin(dot(X, syn0))
    l2 = nonlin(dot(l1, syn1))
    return mean(abs(l2 - 0.5)) + sum(l1, axis=0)


def grad_ascent_likelihood(dataMat, labels, weights):
    h = sigmoid(sum(dataMat * weights.T, 1))
    return sum(labels * log(h) + (1 - labels) * log(1 - h))


def locally_weighted(testPoint, xArr, yArr, k):
    m = shape(xArr)[0]
    weights = eye(m)
    for j in range(m):
        diff = testPoint - xArr[j, :]
        weights[j, j] = exp(dot(diff, diff) / (-2.0 * k**2))
    xTx = dot(xArr.T, dot(weights, xArr))
    if linalg.det(xTx) == 0.0:
        return zeros(1)
    ws = dot(linalg.inv(xTx), dot(xArr.T, dot(weights, yArr)))
    return dot(testPoint, ws)


def distances(inX, dataSet):
    diffMat = tile(inX, (dataSet.shape[0], 1)) - dataSet
    return sqrt(sum(diffMat**2, axis=1)) + max(diffMat) - amin(abs(diffMat))


CASES = [
    on(star_network, draw(4, 3), draw(3, 4), draw(4, 1), wrt="X syn0 syn1"),
    on(grad_ascent_likelihood, draw(5, 3), array([0, 1, 1, 0, 1]), draw(3), wrt="dataMat weights"),
    on(locally_weighted, draw(2), draw(6, 2), draw(6), 0.9, wrt="testPoint xArr yArr"),
    on(distances, draw(3), draw(4, 3), wrt="inX dataSet"),
]
