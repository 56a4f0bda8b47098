# ruff: noqa
"""Forwards that hand their arrays to scipy's larger packages."""

import numpy as np
import scipy.sparse as sp
from forwards._case import draws, on
from scipy import ndimage, special, stats
from scipy.spatial import distance
from scipy.spatial.distance import cdist, pdist, squareform
from scipy.stats import norm

draw = draws(139)


def gelu_cdf(x):
    return x * norm.cdf(x)


def gaussian_classes(x, means, stds):
    """A Gaussian for each class, densities from scipy.stats."""
    columns = [norm(m, s).pdf(x) for m, s in zip(means, stds)]
    return np.log(np.stack(columns, axis=1).sum(axis=1))


def log_density(x, mu, sigma):
    return stats.norm.logpdf(x, loc=mu, scale=sigma).sum()


def distance_kernel(X, Y, gamma):
    return np.exp(-gamma * cdist(X, Y, "sqeuclidean"))


def pairwise_kernel(X):
    return np.exp(-(squareform(pdist(X)) ** 2) / 2)


def cosine_row(u, v):
    return distance.cosine(u, v) + distance.euclidean(u, v) ** 2


def sparse_gcn(adjacency, X, W):
    """The normalised adjacency is a scipy.sparse matrix."""
    degrees = np.asarray(adjacency.sum(axis=1)).ravel()
    normalised = sp.diags(1 / degrees) @ adjacency
    return np.maximum(normalised.dot(X @ W), 0)


def blurred(x, kernel):
    return ndimage.convolve(x, kernel, mode="constant") + ndimage.correlate1d(x, kernel[1], axis=0)


def special_mixture(x, a):
    return (
        special.logit(special.expit(x))
        + special.log1p(x**2)
        + special.softmax(a)
        + special.erfc(a)
        + special.digamma(a**2 + 1)
        + special.log_expit(x)
    )


def uniform_from_normal(x):
    return special.ndtr(x) * special.ndtri(0.3) + special.erfinv(np.tanh(x))


def bessel_and_polynomials(x):
    return special.j0(x) + special.i0e(x) + special.eval_legendre(3, np.tanh(x)) + special.huber(1.0, x)


edges = sp.csr_matrix(np.array([[1.0, 1, 0], [1, 1, 1], [0, 1, 1]]))

CASES = [
    on(gelu_cdf, draw(3, 4), wrt="x"),
    on(gaussian_classes, draw(4), draw(2), np.exp(draw(2)), wrt="x means stds"),
    on(log_density, draw(4), draw(1), np.array(1.3), wrt="x mu sigma"),
    on(distance_kernel, draw(3, 2), draw(4, 2), np.array(0.5), wrt="X Y gamma"),
    on(pairwise_kernel, draw(4, 2), wrt="X"),
    on(cosine_row, draw(3), draw(3), wrt="u v"),
    on(sparse_gcn, edges, draw(3, 2), draw(2, 4), wrt="X W"),
    on(blurred, draw(4, 5), draw(3, 3), wrt="x kernel"),
    on(special_mixture, draw(4), draw(4), wrt="x a"),
    on(uniform_from_normal, 0.5 * draw(4), wrt="x"),
    on(bessel_and_polynomials, draw(4), wrt="x"),
]
