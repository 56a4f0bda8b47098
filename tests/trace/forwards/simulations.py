# ruff: noqa
"""Integrators, grids, rigid bodies and rendering."""

import math

import numpy as np
from forwards._case import draws, on

draw = draws(151)


def euler(f, y0, t):
    ys = [y0]
    for t0, t1 in zip(t[:-1], t[1:]):
        ys.append(ys[-1] + (t1 - t0) * f(ys[-1]))
    return np.array(ys)


def rk4(f, y, h, n):
    for _ in range(n):
        k1 = f(y)
        k2 = f(y + h / 2 * k1)
        k3 = f(y + h / 2 * k2)
        k4 = f(y + h * k3)
        y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return y


def neural_ode(y0, W, b):
    return rk4(lambda y: np.tanh(y @ W + b), y0, 0.2, 4)


def lotka_volterra(params, start):
    a, b, c, d = params

    def rhs(state):
        x, y = state
        return np.array([a * x - b * x * y, -c * y + d * x * y])

    return euler(rhs, start, np.linspace(0, 1, 9))


def pendulum(theta0, omega0, g_over_l, dt=0.05, steps=12):
    th, om = theta0, omega0
    trajectory = np.zeros((steps, 2))
    for n in range(steps):
        om = om - dt * g_over_l * math.sin(th)
        th = th + dt * om
        trajectory[n] = th, om
    return trajectory


def heat_equation(u0, alpha, steps=5):
    u = u0.copy()
    for _ in range(steps):
        u = u + alpha * (np.roll(u, 1) - 2 * u + np.roll(u, -1))
    return u


def wave_interior(u, c):
    """Slices of a grid updated from the grid before."""
    prev, cur = u.copy(), u.copy()
    for _ in range(3):
        nxt = np.zeros_like(cur)
        nxt[1:-1, 1:-1] = (
            2 * cur[1:-1, 1:-1]
            - prev[1:-1, 1:-1]
            + c**2 * (cur[2:, 1:-1] + cur[:-2, 1:-1] + cur[1:-1, 2:] + cur[1:-1, :-2] - 4 * cur[1:-1, 1:-1])
        )
        prev, cur = cur, nxt
    return cur


def gauss_seidel(u, f, sweeps=3):
    """In place: later cells see earlier ones already new."""
    u = u.copy()
    for _ in range(sweeps):
        for i in range(1, u.shape[0] - 1):
            for j in range(1, u.shape[1] - 1):
                u[i, j] = 0.25 * (u[i + 1, j] + u[i - 1, j] + u[i, j + 1] + u[i, j - 1] - f[i, j])
    return u


def newton_root(a, b):
    x = 1.0
    while True:
        step = (x**3 + a * x - b) / (3 * x**2 + a)
        x = x - step
        if abs(step) < 1e-14:
            return x


def forward_kinematics(angles, lengths):
    T = np.eye(3)
    for theta, l in zip(angles, lengths):
        c, s = np.cos(theta), np.sin(theta)
        T = T @ np.array([[c, -s, l * c], [s, c, l * s], [0, 0, 1]])
    return T[:2, 2]


def rodrigues(rvec, points):
    theta = np.linalg.norm(rvec)
    k = rvec / theta
    K = np.array([[0, -k[2], k[1]], [k[2], 0, -k[0]], [-k[1], k[0], 0]])
    R = np.eye(3) + math.sin(theta) * K + (1 - math.cos(theta)) * (K @ K)
    return points @ R.T


def quaternion_rotate(q, v):
    w, x, y, z = q / np.sqrt(np.sum(q**2))
    R = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    return R @ v + np.cross(q[1:], v)


def project_points(points, pose, focal):
    homogeneous = np.hstack([points, np.ones((len(points), 1))])
    cam = homogeneous @ pose.T
    return focal * cam[:, :2] / cam[:, 2:3]


def volume_rendering(sigma, rgb, t):
    deltas = np.append(np.diff(t), 1.0)
    alpha = 1 - np.exp(-np.maximum(sigma, 0) * deltas)
    transmittance = np.cumprod(np.concatenate([[1.0], 1 - alpha + 1e-10]))[:-1]
    weights = alpha * transmittance
    return (weights[:, None] * rgb).sum(axis=0)


def spatial_transformer(img, theta):
    H, W = img.shape
    ys, xs = np.meshgrid(np.linspace(-1, 1, H), np.linspace(-1, 1, W), indexing="ij")
    grid = np.stack([xs.ravel(), ys.ravel(), np.ones(H * W)])
    x, y = theta @ grid
    x, y = (x + 1) * (W - 1) / 2, (y + 1) * (H - 1) / 2
    x0, y0 = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
    out = 0
    for dx in (0, 1):
        for dy in (0, 1):
            xi, yi = np.clip(x0 + dx, 0, W - 1), np.clip(y0 + dy, 0, H - 1)
            out = out + img[yi, xi] * (1 - np.abs(x - x0 - dx)) * (1 - np.abs(y - y0 - dy))
    return out.reshape(H, W)


CASES = [
    on(neural_ode, draw(2, 3), draw(3, 3), draw(3), wrt="y0 W b"),
    on(lotka_volterra, np.array([1.1, 0.4, 0.4, 0.1]), np.array([2.0, 1.0]), wrt="params start"),
    on(pendulum, np.array(0.8), np.array(0.1), np.array(9.0), wrt="theta0 omega0 g_over_l"),
    on(heat_equation, draw(6), np.array(0.2), wrt="u0 alpha"),
    on(wave_interior, draw(5, 5), np.array(0.5), wrt="u c"),
    on(gauss_seidel, draw(4, 5), draw(4, 5), wrt="u f"),
    on(newton_root, np.array(1.5), np.array(2.5), wrt="a b"),
    on(forward_kinematics, draw(3), draw(3), wrt="angles lengths"),
    on(rodrigues, draw(3), draw(4, 3), wrt="rvec points"),
    on(quaternion_rotate, draw(4), draw(3), wrt="q v"),
    on(volume_rendering, np.abs(draw(6)), draw(6, 3), np.linspace(0, 2, 6), wrt="sigma rgb t"),
    on(spatial_transformer, draw(4, 5), np.array([[0.8, 0.1, 0.05], [-0.1, 0.7, 0.02]]), wrt="img theta"),
    on(
        project_points,
        draw(4, 3) + np.array([0, 0, 5.0]),
        np.eye(3, 4) + 0.1 * draw(3, 4),
        np.array(1.5),
        wrt="points pose focal",
    ),
]
