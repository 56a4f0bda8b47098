# ruff: noqa
"""Likelihoods: mixtures, Gaussian processes, hidden Markov chains, CTC, CRF, Kalman filters."""

import math
from math import log, pi

import numpy as np
import scipy.linalg
from forwards._case import draws, on
from scipy.special import gammaln, logsumexp

draw = draws(83)


def mdn_loss(x, y, W1, b1, W2, b2, k=3):
    h = np.tanh(x @ W1 + b1)
    out = h @ W2 + b2
    pi_, mu, log_sigma = out[:, :k], out[:, k : 2 * k], out[:, 2 * k :]
    pi_ = np.exp(pi_ - np.max(pi_, axis=1, keepdims=True))
    pi_ /= np.sum(pi_, axis=1, keepdims=True)
    sigma = np.exp(log_sigma)
    component = np.exp(-0.5 * ((y - mu) / sigma) ** 2) / (sigma * np.sqrt(2 * np.pi))
    return -np.mean(np.log(np.sum(pi_ * component, axis=1) + 1e-10))


def gmm_log_likelihood(X, means, covs, weights):
    """np.linalg in a loop over components, columns filled in."""
    n, d = X.shape
    log_prob = np.zeros((n, len(means)))
    for k, (m, S, w) in enumerate(zip(means, covs, weights)):
        S = S @ S.T + np.eye(d)
        diff = X - m
        inv = np.linalg.inv(S)
        maha = np.sum(diff.dot(inv) * diff, axis=1)
        log_prob[:, k] = np.log(w) - 0.5 * (d * np.log(2 * np.pi) + np.log(np.linalg.det(S)) + maha)
    return np.sum(np.logaddexp.reduce(log_prob, axis=1))


def gp_marginal(X, y, log_params):
    ell, sf, sn = np.exp(log_params)
    sqdist = np.sum(X**2, 1).reshape(-1, 1) + np.sum(X**2, 1) - 2 * np.dot(X, X.T)
    K = sf**2 * np.exp(-0.5 / ell**2 * sqdist) + (sn**2 + 1e-6) * np.eye(len(X))
    L = np.linalg.cholesky(K)
    alpha = np.linalg.solve(L.T, np.linalg.solve(L, y))
    return 0.5 * y.dot(alpha) + np.sum(np.log(np.diagonal(L))) + 0.5 * len(X) * np.log(2 * np.pi)


def gp_scipy(X, y, params):
    K = params[0] * np.exp(-np.abs(X - X.T) / params[1]) + 0.1 * np.eye(len(X))
    factor = scipy.linalg.cho_factor(K, lower=True)
    a = scipy.linalg.cho_solve(factor, y)
    sign, logdet = np.linalg.slogdet(K)
    return y @ a + logdet


def multivariate_normal_logpdf(x, mean, chol):
    L = np.tril(chol, -1) + np.diag(np.exp(np.diag(chol)))
    z = scipy.linalg.solve_triangular(L, x - mean, lower=True)
    return -0.5 * z @ z - np.trace(np.log(L * np.eye(len(x)) + (1 - np.eye(len(x))))) - len(x) / 2 * log(2 * pi)


def hmm_scaled(A, B, pi0, obs):
    A = A / A.sum(axis=1, keepdims=True)
    T = len(obs)
    alpha = np.zeros((T, A.shape[0]))
    c = np.zeros(T)
    for i in range(A.shape[0]):
        alpha[0][i] = pi0[i] * B[i][obs[0]]
        c[0] += alpha[0][i]
    alpha[0] /= c[0]
    for t in range(1, T):
        for j in range(A.shape[0]):
            for i in range(A.shape[0]):
                alpha[t][j] += alpha[t - 1][i] * A[i][j]
            alpha[t][j] *= B[j][obs[t]]
            c[t] += alpha[t][j]
        alpha[t] /= c[t]
    return np.log(c).sum()


def hmm_log_space(log_A, log_B, log_pi, obs):
    f = log_pi + log_B[:, obs[0]]
    for o in obs[1:]:
        f = logsumexp(f[:, None] + log_A, axis=0) + log_B[:, o]
    return logsumexp(f)


def crf_nll(unary, transitions, tags):
    score = unary[0, tags[0]]
    for i in range(1, len(tags)):
        score += transitions[tags[i - 1], tags[i]] + unary[i, tags[i]]
    forward = unary[0]
    for emission in unary[1:]:
        broadcast = forward[:, np.newaxis] + transitions + emission
        biggest = broadcast.max(axis=0)
        forward = biggest + np.log(np.exp(broadcast - biggest).sum(axis=0))
    return np.log(np.sum(np.exp(forward))) - score


def ctc_loss(params, seq, blank=0):
    """Softmax columns, forward variables normalised at each time."""
    params = np.exp(params - np.max(params, axis=0))
    params = params / np.sum(params, axis=0)
    L, T = 2 * len(seq) + 1, params.shape[1]
    alphas = np.zeros((L, T))
    alphas[0, 0], alphas[1, 0] = params[blank, 0], params[seq[0], 0]
    c = np.sum(alphas[:, 0])
    alphas[:, 0] = alphas[:, 0] / c
    ll = np.log(c)
    for t in range(1, T):
        start = max(0, L - 2 * (T - t))
        end = min(2 * t + 2, L)
        for s in range(start, L):
            l = (s - 1) // 2
            if s % 2 == 0:
                if s == 0:
                    alphas[s, t] = alphas[s, t - 1] * params[blank, t]
                else:
                    alphas[s, t] = (alphas[s, t - 1] + alphas[s - 1, t - 1]) * params[blank, t]
            elif s == 1 or seq[l] == seq[l - 1]:
                alphas[s, t] = (alphas[s, t - 1] + alphas[s - 1, t - 1]) * params[seq[l], t]
            else:
                alphas[s, t] = (alphas[s, t - 1] + alphas[s - 1, t - 1] + alphas[s - 2, t - 1]) * params[seq[l], t]
        c = np.sum(alphas[start:end, t])
        alphas[start:end, t] = alphas[start:end, t] / c
        ll += np.log(c)
    return -ll


def ctc_recursive(mat, labels, blank=0):
    """Recursion with a table of None, on probabilities."""
    extended = [blank]
    for l in labels:
        extended += [l, blank]
    probs = np.exp(mat) / np.exp(mat).sum(axis=1)[:, None]
    cache = [[None for _ in extended] for _ in range(len(probs))]

    def rec(t, s):
        if s < 0:
            return 0.0
        if cache[t][s] is not None:
            return cache[t][s]
        if t == 0:
            res = probs[0, extended[s]] if s < 2 else 0.0
        else:
            res = rec(t - 1, s) + rec(t - 1, s - 1)
            if extended[s] != blank and s >= 2 and extended[s - 2] != extended[s]:
                res += rec(t - 1, s - 2)
            res *= probs[t, extended[s]]
        cache[t][s] = res
        return res

    return -math.log(rec(len(probs) - 1, len(extended) - 1) + rec(len(probs) - 1, len(extended) - 2))


def kalman_filter(zs, F, H, q, r):
    x, P = np.zeros((2, 1)), np.eye(2)
    nll = 0.0
    for z in zs:
        x = F @ x
        P = F @ P @ F.T + np.exp(q) * np.eye(2)
        S = H @ P @ H.T + np.exp(r)
        K = P @ H.T @ np.linalg.inv(S)
        residual = z - H @ x
        nll += 0.5 * (np.log(S) + residual.T @ np.linalg.solve(S, residual)).item()
        x = x + K @ residual
        P = (np.eye(2) - K @ H) @ P
    return x, nll


def bayesian_logistic(w, X, y, tau):
    z = X.dot(w)
    return np.sum(np.logaddexp(0, z) - y * z) + 0.5 * tau * w.T.dot(w)


def beta_binomial(a, b, k, n):
    def betaln(p, q):
        return gammaln(p) + gammaln(q) - gammaln(p + q)

    return np.sum(betaln(k + a, n - k + b) - betaln(a, b))


def dirichlet_multinomial_lists(alpha, docs):
    ll = 0.0
    for doc in docs:
        ll += math.lgamma(sum(alpha)) - math.lgamma(sum(alpha) + sum(doc))
        for a, c in zip(alpha, doc):
            ll += math.lgamma(a + c) - math.lgamma(a)
    return ll


def kernel_density(x, data, h):
    u = (x[:, None] - data[None, :]) / h
    return np.exp(-0.5 * u**2).mean(axis=1) / (h * np.sqrt(2 * np.pi))


def poisson_regression(beta, X, counts):
    mu = np.exp(X @ beta)
    return (mu - counts * np.log(mu)).sum()


def student_t(x, mu, log_s, nu):
    z = (x - mu) / np.exp(log_s)
    return np.sum(
        0.5 * (nu + 1) * np.log1p(z**2 / nu)
        + log_s
        - gammaln((nu + 1) / 2)
        + gammaln(nu / 2)
        + 0.5 * np.log(nu * np.pi)
    )


def garch(returns, omega, alpha, beta):
    """Variance recursion into an empty array."""
    sigma2 = np.empty(len(returns))
    sigma2[0] = np.var(returns)
    for t in range(1, len(returns)):
        sigma2[t] = omega + alpha * returns[t - 1] ** 2 + beta * sigma2[t - 1]
    return 0.5 * np.sum(np.log(2 * np.pi * sigma2) + returns**2 / sigma2)


def elbo_monte_carlo(mean, log_std, samples):
    z = mean + np.exp(log_std) * samples
    log_joint = -0.5 * (z[:, 0] / 1.35) ** 2 - 0.5 * ((z[:, 1] - np.sin(z[:, 0])) / np.exp(0.3)) ** 2
    entropy = 0.5 * len(mean) * (1.0 + np.log(2 * np.pi)) + np.sum(log_std)
    return -(entropy + np.mean(log_joint))


covs = [0.5 * draw(2, 2) for _ in range(2)]
means = [draw(2), draw(2)]
gmm_x, gmm_w = draw(5, 2), np.array([0.3, 0.7])
positive = lambda *shape: np.exp(0.3 * draw(*shape))

CASES = [
    on(mdn_loss, draw(4, 1), draw(4, 1), draw(1, 5), draw(5), draw(5, 9), draw(9), wrt="x W1 b1 W2 b2"),
    on(gmm_log_likelihood, gmm_x, means, covs, gmm_w, wrt={"X": gmm_x, "m0": means[0], "S1": covs[1], "w": gmm_w}),
    on(gp_marginal, draw(5, 2), draw(5), 0.3 * draw(3), wrt="X y log_params"),
    on(gp_scipy, np.linspace(0, 2, 4)[:, None] ** 1.5, draw(4), positive(2), wrt="y params"),
    on(multivariate_normal_logpdf, draw(3), draw(3), 0.4 * draw(3, 3), wrt="x mean chol"),
    on(hmm_scaled, positive(2, 2), positive(2, 3), positive(2), [0, 2, 1, 1], wrt="A B pi0"),
    on(hmm_log_space, draw(3, 3), draw(3, 2), draw(3), np.array([0, 1, 1, 0]), wrt="log_A log_B log_pi"),
    on(crf_nll, draw(4, 3), draw(3, 3), [0, 2, 2, 1], wrt="unary transitions"),
    on(ctc_loss, draw(4, 6), [1, 3, 3], wrt="params"),
    on(ctc_recursive, draw(5, 3), [1, 2], wrt="mat"),
    on(
        kalman_filter,
        draw(4),
        np.array([[1.0, 0.5], [0.0, 0.9]]),
        draw(1, 2),
        np.array(-1.0),
        np.array(-0.5),
        wrt="zs F H q r",
    ),
    on(bayesian_logistic, draw(3), draw(6, 3), np.array([0, 1, 1, 0, 1, 0]), 0.1, wrt="w X"),
    on(beta_binomial, np.array(1.7), np.array(2.2), np.array([3, 0, 5]), 6, wrt="a b"),
    on(dirichlet_multinomial_lists, positive(3), [[1, 0, 2], [3, 1, 0]], wrt="alpha"),
    on(kernel_density, draw(3), draw(5), np.array(0.6), wrt="x data h"),
    on(poisson_regression, 0.3 * draw(3), draw(5, 3), np.array([0, 2, 1, 4, 0]), wrt="beta X"),
    on(student_t, draw(5), np.array(0.2), np.array(-0.1), np.array(4.5), wrt="x mu log_s nu"),
    on(garch, draw(6), np.array(0.1), np.array(0.2), np.array(0.6), wrt="returns omega alpha beta"),
    on(elbo_monte_carlo, draw(2), 0.3 * draw(2), draw(6, 2), wrt="mean log_std"),
]
