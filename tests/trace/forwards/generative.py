# ruff: noqa
"""Autoencoders, flows, energy models, capsules, diffusion, adversarial pairs."""

import numpy as np
from forwards._case import Case, draws, on
from numpy.random import RandomState
from scipy.special import expit as sigmoid

draw = draws(79, 0.6)


class VAE:
    def __init__(self, draw):
        self.params = {"We": draw(5, 4), "Wm": draw(4, 2), "Ws": draw(4, 2), "Wd": draw(2, 4), "Wo": draw(4, 5)}
        self.seed = 42

    def encode(self, x):
        h = np.tanh(x @ self.params["We"])
        return h @ self.params["Wm"], h @ self.params["Ws"]

    def decode(self, z):
        return sigmoid(np.tanh(z @ self.params["Wd"]) @ self.params["Wo"])

    def loss(self, x):
        mu, log_var = self.encode(x)
        eps = RandomState(self.seed).standard_normal(mu.shape)
        z = mu + np.exp(0.5 * log_var) * eps
        x_hat = self.decode(z)
        bce = -np.sum(x * np.log(x_hat + 1e-8) + (1 - x) * np.log(1 - x_hat + 1e-8))
        kl = -0.5 * np.sum(1 + log_var - mu**2 - np.exp(log_var))
        return (bce + kl) / x.shape[0]


def sparse_autoencoder_cost(theta, visible, hidden, data, lambda_, rho, beta):
    """One vector holds everything; samples stand in columns."""
    W1 = theta[: hidden * visible].reshape(hidden, visible)
    W2 = theta[hidden * visible : 2 * hidden * visible].reshape(visible, hidden)
    b1 = theta[2 * hidden * visible : 2 * hidden * visible + hidden]
    b2 = theta[2 * hidden * visible + hidden :]
    m = data.shape[1]
    a2 = sigmoid(W1.dot(data) + np.tile(b1, (m, 1)).transpose())
    h = sigmoid(W2.dot(a2) + np.tile(b2, (m, 1)).transpose())
    rho_hat = np.sum(a2, axis=1) / m
    rho_vec = np.tile(rho, hidden)
    kl = rho_vec * np.log(rho_vec / rho_hat) + (1 - rho_vec) * np.log((1 - rho_vec) / (1 - rho_hat))
    return np.sum((h - data) ** 2) / (2 * m) + (lambda_ / 2) * (np.sum(W1**2) + np.sum(W2**2)) + beta * np.sum(kl)


def tied_denoising(x, W, b, c, corruption=0.3):
    np.random.seed(5)
    noisy = np.random.binomial(size=x.shape, n=1, p=1 - corruption) * x
    y = sigmoid(np.dot(noisy, W) + b)
    z = sigmoid(np.dot(y, W.T) + c)
    return -np.mean(np.sum(x * np.log(z) + (1 - x) * np.log(1 - z), axis=1))


def rbm_free_energy(v, W, vbias, hbias):
    wx_b = np.dot(v, W) + hbias
    return -np.dot(v, vbias) - np.log(1 + np.exp(wx_b)).sum(axis=1)


def rbm_mean_field(v, W, hb, vb, steps=3):
    """Probabilities in place of samples, up and down."""
    for _ in range(steps):
        h = sigmoid(v @ W + hb)
        v = sigmoid(h @ W.T + vb)
    return v


def planar_flow(z, layers):
    log_det = np.zeros(len(z))
    for w, u, b in layers:
        activation = np.tanh(z @ w + b)
        psi = (1 - activation**2)[:, None] * w
        log_det += np.log(np.abs(1 + psi @ u) + 1e-9)
        z = z + np.outer(activation, u)
    return log_det - 0.5 * np.sum(z**2, axis=1)


def coupling(x, s_net, t_net):
    x1, x2 = x[:, ::2], x[:, 1::2]
    s = np.tanh(x1 @ s_net)
    y = np.empty_like(x)
    y[:, ::2] = x1
    y[:, 1::2] = x2 * np.exp(s) + x1 @ t_net
    return y + s.sum(axis=1, keepdims=True)


def made(x, W1, W2, degrees):
    d_in, d_h = degrees
    M1 = (d_h[None, :] >= d_in[:, None]).astype(float)
    M2 = d_in[None, :] > d_h[:, None]
    return sigmoid(np.maximum(x @ (W1 * M1), 0) @ (W2 * M2))


def gumbel_softmax(logits, tau, seed=0):
    rng = np.random.default_rng(seed)
    u = rng.uniform(low=1e-6, high=1.0, size=logits.shape)
    y = (logits - np.log(-np.log(u))) / tau
    y = np.exp(y - y.max(-1, keepdims=True))
    return y / y.sum(-1, keepdims=True)


def diffusion_step_loss(x0, W, t, betas):
    alphas = 1.0 - betas
    bar = np.cumprod(alphas)
    noise = np.random.RandomState(3).randn(*x0.shape)
    x_t = np.sqrt(bar[t])[:, None] * x0 + np.sqrt(1.0 - bar[t])[:, None] * noise
    predicted = np.tanh(np.concatenate([x_t, t[:, None] / len(betas)], axis=1) @ W)
    return ((noise - predicted) ** 2).mean()


class GAN:
    """Generator and discriminator share one object; the generator's output feeds the discriminator."""

    def __init__(self, draw):
        self.g = [draw(2, 4), draw(4, 3)]
        self.d = [draw(3, 4), draw(4, 1)]

    def forward_generator(self, z):
        self.z0_g = z @ self.g[0]
        self.a0_g = np.maximum(self.z0_g, self.z0_g * 0.2)
        self.z1_g = self.a0_g @ self.g[1]
        self.a1_g = np.tanh(self.z1_g)
        return self.z1_g, self.a1_g

    def forward_discriminator(self, x):
        z0 = np.dot(x, self.d[0])
        a0 = np.where(z0 >= 0, z0, z0 * 0.2)
        z1 = np.dot(a0, self.d[1])
        return z1, 1.0 / (1.0 + np.exp(-z1))

    def losses(self, z, real):
        _, fake = self.forward_generator(z)
        logit_real, p_real = self.forward_discriminator(real)
        logit_fake, p_fake = self.forward_discriminator(fake)
        return [-np.log(p_real + 1e-8).sum() - np.log(1 - p_fake + 1e-8).sum(), -np.log(p_fake + 1e-8).mean()]


def squash(s, axis=-1):
    sq = np.sum(np.square(s), axis, keepdims=True)
    return sq / (1 + sq) * s / np.sqrt(sq + 1e-7)


def capsule_routing(u, W, rounds=3):
    u_hat = np.einsum("bid,ijdk->bijk", u, W)
    b = np.zeros(u_hat.shape[:3])
    for r in range(rounds):
        c = np.exp(b) / np.exp(b).sum(axis=2, keepdims=True)
        v = squash((c[..., None] * u_hat).sum(axis=1))
        if r < rounds - 1:
            b += (u_hat * v[:, None]).sum(axis=-1)
    return np.linalg.norm(v, axis=-1)


def hopfield_energy(states, W, theta):
    energies = []
    for s in states:
        energies.append(-0.5 * s @ W @ s + theta @ s)
    return np.array(energies)


def vector_quantise(x, codebook):
    """Nearest code for each row, by argmin over squared distances."""
    d = (x**2).sum(1, keepdims=True) - 2 * x @ codebook.T + (codebook**2).sum(1)
    codes = d.argmin(axis=1)
    quantised = codebook[codes]
    return ((quantised - x) ** 2).mean() + quantised.sum()


def style_gram(features, target):
    c = features.shape[0]
    F = features.reshape(c, -1)
    gram = F.dot(F.T) / F.size
    tv = np.abs(np.diff(features, axis=1)).sum() + np.abs(features[:, :, 1:] - features[:, :, :-1]).sum()
    return np.sum((gram - target) ** 2) + 0.01 * tv


vae, vae_x = VAE(draw), 1 / (1 + np.exp(-draw(3, 5)))
gan, gan_z, gan_real = GAN(draw), draw(3, 2), draw(3, 3)
flow_layers = [(draw(2), draw(2), draw(1)), (draw(2), draw(2), draw(1))]
flow_z = draw(4, 2)

CASES = [
    Case("VAE", lambda: vae.loss(vae_x), {**vae.params, "x": vae_x}),
    on(sparse_autoencoder_cost, draw(2 * 12 + 3 + 4), 4, 3, 1 / (1 + np.exp(-draw(4, 5))), 1e-2, 0.1, 3, wrt="theta"),
    on(tied_denoising, 1 / (1 + np.exp(-draw(3, 4))), draw(4, 2), draw(2), draw(4), wrt="x W b c"),
    on(rbm_free_energy, draw(3, 4), draw(4, 2), draw(4), draw(2), wrt="v W vbias hbias"),
    on(rbm_mean_field, draw(3, 4), draw(4, 2), draw(2), draw(4), wrt="v W hb vb"),
    Case(
        "planar_flow",
        lambda: planar_flow(flow_z, flow_layers),
        {"z": flow_z, "w0": flow_layers[0][0], "u1": flow_layers[1][1], "b1": flow_layers[1][2]},
    ),
    on(coupling, draw(3, 4), draw(2, 2), draw(2, 2), wrt="x s_net t_net"),
    on(made, draw(3, 3), draw(3, 4), draw(4, 3), (np.array([1, 2, 3]), np.array([1, 2, 1, 2])), wrt="x W1 W2"),
    on(gumbel_softmax, draw(3, 4), 0.7, wrt="logits"),
    on(diffusion_step_loss, draw(3, 2), draw(3, 2), np.array([0, 2, 3]), np.linspace(0.01, 0.2, 4), wrt="x0 W betas"),
    Case(
        "GAN",
        lambda: gan.losses(gan_z, gan_real),
        {"z": gan_z, "g0": gan.g[0], "g1": gan.g[1], "d0": gan.d[0], "d1": gan.d[1]},
    ),
    on(capsule_routing, draw(2, 3, 2), draw(3, 2, 2, 3), wrt="u W"),
    on(hopfield_energy, draw(3, 4), draw(4, 4), draw(4), wrt="states W theta"),
    on(vector_quantise, draw(4, 2), draw(3, 2), wrt="x codebook"),
    on(style_gram, draw(2, 3, 3), draw(2, 2), wrt="features target"),
]
