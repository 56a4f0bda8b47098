# ruff: noqa
"""Reinforcement learning losses and roll-outs."""

import numpy as np
from forwards._case import draws, on
from scipy.signal import lfilter

draw = draws(107)


def discount_rewards(r, gamma=0.99):
    discounted = np.zeros_like(r)
    running_add = 0
    for t in reversed(range(0, r.size)):
        if r[t] != 0:
            running_add = 0
        running_add = running_add * gamma + r[t]
        discounted[t] = running_add
    return discounted


def policy_gradient(states, W1, W2, actions, rewards):
    h = states @ W1
    h[h < 0] = 0
    logp = h @ W2
    p = 1.0 / (1.0 + np.exp(-logp))
    adv = discount_rewards(rewards)
    adv -= np.mean(adv)
    adv /= np.std(adv)
    return -np.sum(adv * np.log(np.where(actions == 1, p, 1 - p)))


def lfilter_returns(rewards, w):
    """The return as a recursive filter over reversed rewards."""
    return lfilter([1], [1, -0.9], rewards[::-1])[::-1] * w


def gae_and_critic(rewards, values, lam=0.95, gamma=0.99):
    adv, last = np.zeros(len(rewards)), 0
    for t in range(len(rewards) - 1, -1, -1):
        delta = rewards[t] + gamma * values[t + 1] - values[t]
        adv[t] = last = delta + gamma * lam * last
    return adv @ adv


def ppo(logits, old_logp, actions, adv, clip=0.2):
    z = logits - logits.max(1, keepdims=True)
    logp_all = z - np.log(np.exp(z).sum(1, keepdims=True))
    logp = logp_all[np.arange(len(actions)), actions]
    ratio = np.exp(logp - old_logp)
    surr = np.minimum(ratio * adv, np.clip(ratio, 1 - clip, 1 + clip) * adv)
    entropy = -(np.exp(logp_all) * logp_all).sum(1)
    return -(surr + 0.01 * entropy).mean()


def dqn(q, q_next, batch, gamma=0.9):
    """Transitions unpacked from tuples; one loss term each."""
    total = 0.0
    for state, action, reward, nxt, done in batch:
        target = reward if done else reward + gamma * np.amax(q_next[nxt])
        td = target - q[state, action]
        total += 0.5 * td**2 if abs(td) < 1 else abs(td) - 0.5
    return total / len(batch)


def lqr_rollout(K, x0, A, B):
    x, cost = x0, 0.0
    for _ in range(6):
        u = -K @ x
        cost += x.T @ x + 0.1 * u.T @ u
        x = A @ x + B @ u
    return cost


def gaussian_policy(obs, W, log_std, actions):
    mean = np.tanh(obs @ W)
    std = np.exp(log_std)
    logp = -0.5 * (((actions - mean) / std) ** 2 + 2 * log_std + np.log(2 * np.pi)).sum(axis=-1)
    squash = np.log(1 - np.tanh(actions) ** 2 + 1e-6).sum(axis=-1)
    return (logp - squash).mean()


def soft_value_iteration(R, P, tau):
    V = np.zeros(R.shape[0])
    for _ in range(15):
        Q = R + 0.8 * np.einsum("sat,t->sa", P, V)
        V = tau * np.log(np.exp(Q / tau).sum(axis=1))
    return V


transitions = [(0, 1, 0.5, 1, False), (1, 0, -1.0, 2, True), (2, 1, 0.2, 0, False)]
P3 = np.abs(draw(3, 2, 3))
P3 /= P3.sum(-1, keepdims=True)

CASES = [
    on(
        policy_gradient, draw(5, 3), draw(3, 4), draw(4), np.array([1, 0, 0, 1, 1]), draw(5), wrt="states W1 W2 rewards"
    ),
    on(lfilter_returns, draw(5), draw(5), wrt="rewards w"),
    on(gae_and_critic, draw(4), draw(5), wrt="rewards values"),
    on(ppo, draw(4, 3), -1 + 0.2 * draw(4), np.array([0, 2, 1, 1]), draw(4), wrt="logits old_logp adv"),
    on(dqn, draw(3, 2), draw(3, 2), transitions, wrt="q q_next"),
    on(
        lqr_rollout,
        0.3 * draw(1, 2),
        draw(2),
        np.array([[1.0, 0.1], [0.0, 1.0]]),
        np.array([[0.0], [0.1]]),
        wrt="K x0 A B",
    ),
    on(gaussian_policy, draw(4, 3), draw(3, 2), 0.2 * draw(2), draw(4, 2), wrt="obs W log_std actions"),
    on(soft_value_iteration, draw(3, 2), P3, np.array(0.5), wrt="R P tau"),
]
