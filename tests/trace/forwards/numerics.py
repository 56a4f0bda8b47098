# ruff: noqa
"""Scientific forwards: kernels, splines, linear algebra, statistics, signals."""

import numpy as np
import numpy.linalg as la
from forwards._case import draws, on
from numpy.polynomial import chebyshev, polynomial
from scipy.linalg import expm

draw = draws(103)


def rbf_kernel(X, Y, gamma):
    K = np.empty((len(X), len(Y)))
    for i, x in enumerate(X):
        for j, y in enumerate(Y):
            K[i, j] = np.exp(-gamma * np.linalg.norm(x - y) ** 2)
    return K


def nadaraya_watson(x, X, y, h):
    w = np.exp(-((x[:, np.newaxis] - X) ** 2) / (2 * h**2))
    w /= w.sum(axis=1)[:, np.newaxis]
    return w @ y


def kernel_ridge(X, y, Xq, lam):
    gram = (1 + X @ X.T) ** 2
    coef = np.linalg.solve(gram + lam * np.eye(len(X)), y)
    return (1 + Xq @ X.T) ** 2 @ coef


def soft_kmeans(X, centres, beta):
    d2 = ((X[:, None, :] - centres[None, :, :]) ** 2).sum(-1)
    r = np.exp(-beta * (d2 - d2.min(axis=1, keepdims=True)))
    r /= r.sum(axis=1, keepdims=True)
    new = (r.T @ X) / r.sum(axis=0)[:, None]
    return (r * d2).sum() + new.sum()


def hard_kmeans_loss(X, centres):
    labels = np.argmin(np.array([np.sum((X - c) ** 2, axis=1) for c in centres]), axis=0)
    return sum(np.sum((X[labels == k] - c) ** 2) for k, c in enumerate(centres) if np.any(labels == k))


def b_spline_basis(i, k, t, x):
    """Cox and de Boor, recursively, one number at a time."""
    if k == 0:
        return 1.0 if t[i] <= x < t[i + 1] else 0.0
    left = 0.0 if t[i + k] == t[i] else (x - t[i]) / (t[i + k] - t[i]) * b_spline_basis(i, k - 1, t, x)
    right = (
        0.0
        if t[i + k + 1] == t[i + 1]
        else (t[i + k + 1] - x) / (t[i + k + 1] - t[i + 1]) * b_spline_basis(i + 1, k - 1, t, x)
    )
    return left + right


def b_spline_curve(xs, coef, t, k=3):
    return np.array([sum(c * b_spline_basis(i, k, t, x) for i, c in enumerate(coef)) for x in xs])


def kan_layer(x, grid, coef, k=2):
    """Spline bases for all edges at once, by shrinking slices."""
    x = x[..., None]
    bases = ((x >= grid[:-1]) & (x < grid[1:])).astype(x.dtype)
    for p in range(1, k + 1):
        left = (x - grid[: -(p + 1)]) / (grid[p:-1] - grid[: -(p + 1)]) * bases[..., :-1]
        right = (grid[p + 1 :] - x) / (grid[p + 1 :] - grid[1:(-p)]) * bases[..., 1:]
        bases = left + right
    return np.einsum("nib,iob->no", bases, coef)


def piecewise_linear(x, knots, values):
    return np.interp(x, knots, values)


def lookup_by_searchsorted(x, knots, values):
    i = np.clip(np.searchsorted(knots, x) - 1, 0, len(knots) - 2)
    t = (x - knots[i]) / (knots[i + 1] - knots[i])
    return (1 - t) * values[i] + t * values[i + 1]


def polynomial_fit(x, y, degree=2):
    V = np.vander(x, degree + 1)
    coef = la.lstsq(V, y, rcond=None)[0]
    return np.polyval(coef, 0.3) + np.sum(coef**2)


def normal_equations(X, y, lam):
    Xb = np.concatenate([np.ones((len(X), 1)), X], axis=1)
    beta = la.inv(Xb.T.dot(Xb) + lam * np.eye(Xb.shape[1])).dot(Xb.T).dot(y)
    return beta


def pinv_regression(X, y):
    return np.linalg.pinv(X) @ y


def chebyshev_features(x, c):
    return chebyshev.chebval(np.tanh(x), c) + polynomial.polyval(x, c[:2])


def horner(x, coefficients):
    result = np.zeros_like(x)
    for a in reversed(coefficients):
        result = result * x + a
    return result


def fourier_features(x, B, w):
    proj = 2 * np.pi * x @ B.T
    return np.concatenate([np.sin(proj), np.cos(proj)], axis=-1) @ w


def power_iteration(A, x, n=40):
    A = A + A.T
    for _ in range(n):
        x = A @ x
        x = x / la.norm(x)
    return x @ A @ x / (x @ x)


def spectral_functions(A):
    S = A @ A.T + np.eye(len(A))
    vals, vecs = la.eigh(S)
    root = (vecs * np.sqrt(vals)) @ vecs.T
    return (
        root + np.linalg.svd(A, compute_uv=False).sum() + np.log(np.linalg.det(S)) + np.linalg.matrix_power(S, 2) * 0.01
    )


def qr_projection(X, y):
    Q, R = np.linalg.qr(X)
    return Q @ (Q.T @ y) + np.abs(np.diag(R)).sum()


def lie_exponential(generator, v):
    skew = generator - generator.T
    return expm(skew) @ v


def correlations(X):
    return (
        np.corrcoef(X, rowvar=False)[np.triu_indices(X.shape[1], 1)]
        + np.cov(X.T)[0, 1]
        + np.percentile(X, 30)
        + np.ptp(X, axis=0).sum()
    )


def spectrum_power(x, window):
    frames = np.array([x[i : i + 4] * window for i in range(0, len(x) - 3, 2)])
    spec = np.abs(np.fft.rfft(frames, axis=1)) ** 2
    return np.log(spec + 1e-3)


def trapezoid_and_gradient(y, x):
    area = np.trapezoid(y, x)
    slope = np.gradient(y)
    return area + np.sum(slope**2) + np.dot(np.diff(y, 2), np.ediff1d(y)[1:])


def portfolio(w, mu, cov, rf=0.02):
    w = np.abs(w) / np.sum(np.abs(w))
    ret = np.sum(mu * w)
    vol = np.sqrt(np.dot(w.T, np.dot(cov, w)))
    return -(ret - rf) / vol


def soft_histogram(x, edges, width):
    centres = (edges[1:] + edges[:-1]) / 2
    u = np.abs(np.subtract.outer(x, centres)) / width
    return np.clip(1 - u, 0, None).sum(axis=0)


def dynamic_time_warping(a, b):
    n, m = len(a), len(b)
    D = np.full((n + 1, m + 1), np.inf)
    D[0, 0] = 0
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            cost = abs(a[i - 1] - b[j - 1])
            D[i, j] = cost + min(D[i - 1, j], D[i, j - 1], D[i - 1, j - 1])
    return D[n, m]


def soft_dtw(a, b, gamma=0.5):
    D = (a[:, None] - b[None, :]) ** 2
    R = np.zeros((len(a) + 1, len(b) + 1)) + 1e8
    R[0, 0] = 0.0
    for j in range(1, len(b) + 1):
        for i in range(1, len(a) + 1):
            r = np.array([-R[i - 1, j - 1], -R[i - 1, j], -R[i, j - 1]]) / gamma
            rmax = max(r)
            softmin = -gamma * (np.log(np.sum(np.exp(r - rmax))) + rmax)
            R[i, j] = D[i - 1, j - 1] + softmin
    return R[-1, -1]


def kronecker_layer(x, A, B):
    return np.kron(A, B) @ x + np.trace(A) * np.outer(B[0], B[1]).ravel()[: A.shape[0] * B.shape[0]].sum()


def complex_impedance(R, L, C, omega):
    z = R + 1j * omega * L + 1 / (1j * omega * C)
    return np.abs(z) + np.angle(z) + z.conj().imag


def signed_distance_scene(p, centre, radius):
    sphere = np.linalg.norm(p - centre, axis=-1) - radius
    q = np.abs(p) - np.array([0.5, 0.8])
    box = np.linalg.norm(np.maximum(q, 0), axis=-1) + np.minimum(np.max(q, axis=-1), 0)
    k = 0.3
    h = np.clip(0.5 + 0.5 * (box - sphere) / k, 0, 1)
    return box * (1 - h) + sphere * h - k * h * (1 - h)


uniform_knots = np.linspace(-1.5, 1.5, 9)
C3 = draw(3, 3)

CASES = [
    on(rbf_kernel, draw(3, 2), draw(2, 2), np.array(0.4), wrt="X Y gamma"),
    on(nadaraya_watson, draw(3), draw(5), draw(5), np.array(0.7), wrt="x X y h"),
    on(kernel_ridge, draw(4, 2), draw(4), draw(3, 2), np.array(0.6), wrt="X y Xq lam"),
    on(soft_kmeans, draw(5, 2), draw(3, 2), np.array(0.9), wrt="X centres beta"),
    on(hard_kmeans_loss, draw(6, 2), draw(3, 2), wrt="X centres"),
    on(b_spline_curve, np.array([0.15, 0.33, 0.71]), draw(5), np.linspace(-0.6, 1.4, 9), wrt="xs coef t"),
    on(kan_layer, 0.4 * draw(3, 2), uniform_knots, draw(2, 3, 6), wrt="x coef"),
    on(piecewise_linear, np.array([0.21, 0.55, 0.9]), np.linspace(0, 1, 5), draw(5), wrt="x values"),
    on(lookup_by_searchsorted, np.array([0.21, 0.55, 0.9]), np.linspace(0, 1, 5), draw(5), wrt="x knots values"),
    on(polynomial_fit, draw(6), draw(6), wrt="x y"),
    on(normal_equations, draw(6, 2), draw(6), np.array(0.3), wrt="X y lam"),
    on(pinv_regression, draw(5, 2), draw(5), wrt="X y"),
    on(chebyshev_features, draw(4), draw(4), wrt="x c"),
    on(horner, draw(4), draw(3), wrt="x coefficients"),
    on(fourier_features, 0.3 * draw(3, 2), draw(4, 2), draw(8, 1), wrt="x B w"),
    on(power_iteration, np.eye(3) * [3.0, 1.0, 0.2] + 0.1 * C3, draw(3), wrt="A x"),
    on(spectral_functions, draw(3, 3), wrt="A"),
    on(qr_projection, draw(5, 2), draw(5), wrt="X y"),
    on(lie_exponential, 0.5 * draw(3, 3), draw(3), wrt="generator v"),
    on(correlations, draw(7, 3), wrt="X"),
    on(spectrum_power, draw(10), np.hanning(6)[1:-1].copy(), wrt="x window"),
    on(trapezoid_and_gradient, draw(6), np.cumsum(np.abs(draw(6))), wrt="y x"),
    on(portfolio, draw(3), 0.1 + 0.05 * draw(3), C3 @ C3.T + np.eye(3), wrt="w mu cov"),
    on(soft_histogram, draw(6), np.linspace(-2, 2, 6), np.array(0.8), wrt="x width"),
    on(dynamic_time_warping, draw(4), draw(5), wrt="a b"),
    on(soft_dtw, draw(4), draw(3), wrt="a b"),
    on(kronecker_layer, draw(4), draw(2, 2), draw(2, 2), wrt="x A B"),
    on(complex_impedance, np.array(1.2), np.array(0.5), np.array(0.8), np.array([0.7, 1.9]), wrt="R L C omega"),
    on(signed_distance_scene, draw(5, 2), np.array([0.2, 0.1]), np.array(0.6), wrt="p centre radius"),
]
