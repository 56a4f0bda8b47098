# ruff: noqa
"""Losses: labels as integers, one-hot rows, pairs and triplets; clips, masks, running sums."""

import math

import forwards._shared_functions as F
import numpy as np
import scipy.special as sp
from forwards._case import Case, draws, on
from scipy.special import log_softmax, logsumexp, xlogy

draw = draws(41)


def softmax_loss(x, y):
    probs = np.exp(x - np.max(x, axis=1, keepdims=True))
    probs /= np.sum(probs, axis=1, keepdims=True)
    N = x.shape[0]
    loss = -np.sum(np.log(probs[np.arange(N), y])) / N
    dx = probs.copy()
    dx[np.arange(N), y] -= 1
    dx /= N
    return loss, dx


def svm_loss(x, y):
    N = x.shape[0]
    correct_class_scores = x[np.arange(N), y]
    margins = np.maximum(0, x - correct_class_scores[:, np.newaxis] + 1.0)
    margins[np.arange(N), y] = 0
    loss = np.sum(margins) / N
    return loss


def categorical_crossentropy(logits, labels, eps=1e-12):
    one_hot = np.eye(logits.shape[1])[labels]
    p = np.clip(F.softmax(logits), eps, 1.0 - eps)
    return -np.mean(np.sum(one_hot * np.log(p), axis=1))


def smoothed_ce(logits, labels, smoothing):
    n_class = logits.shape[-1]
    target = np.full(logits.shape, smoothing / (n_class - 1))
    np.put_along_axis(target, labels[:, None], 1 - smoothing, axis=-1)
    return -(target * log_softmax(logits, axis=-1)).sum(-1).mean()


def nll_take_along(logits, labels):
    logp = logits - logsumexp(logits, axis=1, keepdims=True)
    return -np.take_along_axis(logp, labels.reshape(-1, 1), axis=1).mean()


def bce_with_logits(x, z, pos_weight):
    loss = np.maximum(x, 0) - x * z + np.log(1 + np.exp(-np.abs(x)))
    return np.average(loss, weights=1 + (pos_weight - 1) * z)


def bce_loop(y_pred, y_true):
    losses = []
    for p, t in zip(y_pred.flatten(), y_true.flatten()):
        if t == 1:
            losses.append(-np.log(p))
        else:
            losses.append(-np.log(1 - p))
    return np.mean(losses)


def focal_loss(logits, targets, alpha=0.25, gamma=2.0):
    p = 1.0 / (1.0 + np.exp(-logits))
    pt = np.where(targets == 1, p, 1 - p)
    at = np.where(targets == 1, alpha, 1 - alpha)
    return np.mean(-at * (1 - pt) ** gamma * np.log(pt))


def dice_loss(pred, mask, smooth=1.0):
    pred = F.sigmoid(pred).ravel()
    mask = mask.ravel()
    intersection = (pred * mask).sum()
    return 1 - (2.0 * intersection + smooth) / (pred.sum() + mask.sum() + smooth)


def iou_of_boxes(a, b):
    """Corners in, one minus overlap out; Python's own min and max."""
    losses = []
    for box1, box2 in zip(a, b):
        ax1, ay1, ax2, ay2 = box1
        bx1, by1, bx2, by2 = box2
        width = max(0, min(ax2, bx2) - max(ax1, bx1))
        height = max(0, min(ay2, by2) - max(ay1, by1))
        inter = width * height
        union = (ax2 - ax1) * (ay2 - ay1) + (bx2 - bx1) * (by2 - by1) - inter
        losses.append(1 - inter / union)
    return sum(losses) / len(losses)


class HuberLoss:
    def __init__(self, delta=1.0):
        self.delta = delta

    def __call__(self, y, t):
        error = y - t
        is_small = np.abs(error) <= self.delta
        squared = 0.5 * np.square(error)
        linear = self.delta * (np.abs(error) - 0.5 * self.delta)
        return np.where(is_small, squared, linear).sum()


def smooth_l1_assign(pred, target, sigma=2.0):
    diff = np.abs(pred - target)
    loss = diff - 0.5 / sigma**2
    small = diff < 1.0 / sigma**2
    loss[small] = 0.5 * (sigma * diff[small]) ** 2
    return loss.sum(axis=1).mean()


def triplet_loss(anchor, positive, negative, margin=0.5):
    d_pos = np.sum((anchor - positive) ** 2, axis=1)
    d_neg = np.sum((anchor - negative) ** 2, axis=1)
    hinge = d_pos - d_neg + margin
    hinge = hinge[hinge > 0]
    if hinge.size == 0:
        return 0.0
    return hinge.mean()


def contrastive_pairs(x1, x2, same, margin=1.0):
    total = 0
    for i in range(x1.shape[0]):
        dist = np.linalg.norm(x1[i] - x2[i])
        if same[i]:
            total += dist**2
        else:
            total += max(0, margin - dist) ** 2
    return total / (2 * x1.shape[0])


def nt_xent(z, temperature):
    z = z / np.linalg.norm(z, axis=1, keepdims=True)
    sim = z @ z.T / temperature
    np.fill_diagonal(sim, -np.inf)
    n = z.shape[0] // 2
    partner = np.concatenate([np.arange(n, 2 * n), np.arange(n)])
    rows = np.arange(2 * n)
    return np.mean(-sim[rows, partner] + np.log(np.exp(sim).sum(axis=1)))


def clip_loss(image, text, logit_scale):
    image /= np.sqrt((image**2).sum(1, keepdims=True))
    text = text / np.sqrt((text**2).sum(1, keepdims=True))
    logits = np.exp(logit_scale) * (image @ text.T)
    labels = np.arange(len(logits))
    rows = logits - sp.logsumexp(logits, axis=1)[:, None]
    cols = logits - sp.logsumexp(logits, axis=0)[None, :]
    return -(np.diag(rows).mean() + np.diagonal(cols)[labels].mean()) / 2


def kl_divergence(p_logits, q_logits):
    p, q = F.softmax(p_logits), F.softmax(q_logits)
    return np.sum(sp.rel_entr(p, q)) - np.sum(xlogy(p, p)) * 0.1


def js_with_helper(a, b):
    def kl(p, q):
        return np.where(p != 0, p * np.log(p / q), 0).sum(axis=-1)

    p = a / a.sum(axis=-1, keepdims=True)
    q = b / b.sum(axis=-1, keepdims=True)
    m = 0.5 * (p + q)
    return (0.5 * kl(p, m) + 0.5 * kl(q, m)).mean()


def cosine_embedding(u, v, w):
    num = np.inner(u, v)
    den = np.sqrt(np.vdot(u, u)) * np.linalg.norm(v)
    return (1 - num / den) * w.dot(w)


def quantile_loss(y, q_pred, quantiles):
    e = y[:, None] - q_pred
    return np.maximum(quantiles * e, (quantiles - 1) * e).mean(axis=0).sum()


def log_cosh(y, t):
    r = y - t
    return np.sum(r + np.log1p(np.exp(-2 * r)) - math.log(2))


def r2_and_msle(y, t):
    msle = np.power(np.log1p(y) - np.log1p(t), 2).mean()
    residual = ((y - t) ** 2).sum()
    return msle + residual / ((t - t.mean()) ** 2).sum()


def gan_losses(d_real, d_fake, eps=1e-8):
    d_loss = -np.mean(np.log(d_real + eps) + np.log(1.0 - d_fake + eps))
    g_loss = -np.mean(np.log(d_fake + eps))
    return np.array([d_loss, g_loss])


def masked_sequence_loss(scores, targets, mask):
    N, T, V = scores.shape
    flat = scores.reshape(N * T, V)
    y_flat = targets.reshape(N * T)
    mask_flat = mask.reshape(N * T)
    probs = np.exp(flat - np.max(flat, axis=1, keepdims=True))
    probs /= np.sum(probs, axis=1, keepdims=True)
    return -np.sum(mask_flat * np.log(probs[np.arange(N * T), y_flat])) / N


def center_loss(features, labels, centers):
    diff = features - centers[labels]
    unique, counts = np.unique(labels, return_counts=True)
    weight = dict(zip(unique, counts))
    loss = 0
    for d, label in zip(diff, labels):
        loss += d.dot(d) / weight[label]
    return loss / 2


def ordinal_hinge(scores, thresholds, y):
    signs = np.where(np.arange(len(thresholds))[None, :] < y[:, None], -1, 1)
    return np.maximum(0, 1 - signs * (np.sort(thresholds)[None] - scores[:, None])).sum()


def hard_negative_mining(logits, labels, ratio=2):
    """The k largest losses among negatives count; argsort picks them."""
    loss = -np.log(F.softmax(logits))[np.arange(len(labels)), labels]
    positive = labels > 0
    k = ratio * np.count_nonzero(positive)
    negatives = np.nonzero(~positive)[0]
    hardest = negatives[np.argsort(-loss[negatives])[:k]]
    return loss[positive].sum() + loss[hardest].sum()


def loss_returning_float(w, X, y):
    """Closes with float(), as an optimiser from a library wants it."""
    r = X @ w - y
    return float(r @ r) / (2 * len(y))


labels5 = np.array([0, 2, 1, 2, 0])
boxes = np.array([[0.0, 0.1, 2.0, 2.2], [1.0, 1.1, 3.0, 2.9]])
seq_mask = np.array([[1, 1, 0], [1, 0, 1]], dtype=bool)
onehot2 = (draw(3, 4) > 0).astype(float)
huber = HuberLoss(0.8)
huber_y, huber_t = draw(6), draw(6)

CASES = [
    on(softmax_loss, draw(5, 3), labels5, wrt="x"),
    on(svm_loss, draw(5, 3), labels5, wrt="x"),
    on(categorical_crossentropy, draw(5, 3), labels5, wrt="logits"),
    on(smoothed_ce, draw(5, 3), labels5, 0.1, wrt="logits"),
    on(nll_take_along, draw(5, 3), labels5, wrt="logits"),
    on(bce_with_logits, draw(3, 4), onehot2, np.array(1.7), wrt="x pos_weight"),
    on(bce_loop, 1 / (1 + np.exp(-draw(3, 4))), onehot2, wrt="y_pred"),
    on(focal_loss, draw(3, 4), onehot2, wrt="logits"),
    on(dice_loss, draw(2, 3, 3), (draw(2, 3, 3) > 0).astype(np.float64), wrt="pred"),
    on(iou_of_boxes, boxes + 0.1 * draw(2, 4), boxes + 0.1 * draw(2, 4), wrt="a b"),
    Case("HuberLoss", lambda: huber(huber_y, huber_t), {"y": huber_y, "t": huber_t}),
    on(smooth_l1_assign, draw(3, 4), draw(3, 4), wrt="pred target"),
    on(triplet_loss, draw(4, 3), draw(4, 3), draw(4, 3), wrt="anchor positive negative"),
    on(contrastive_pairs, draw(4, 3), draw(4, 3), [True, False, True, False], 4.0, wrt="x1 x2"),
    on(nt_xent, draw(6, 3), 0.5, wrt="z"),
    on(clip_loss, draw(3, 4), draw(3, 4), np.array(0.3), wrt="image text logit_scale"),
    on(kl_divergence, draw(3, 4), draw(3, 4), wrt="p_logits q_logits"),
    on(js_with_helper, np.exp(draw(2, 4)), np.exp(draw(2, 4)), wrt="a b"),
    on(cosine_embedding, draw(4), draw(4), draw(3), wrt="u v w"),
    on(quantile_loss, draw(5), draw(5, 3), np.array([0.1, 0.5, 0.9]), wrt="y q_pred"),
    on(log_cosh, draw(5), draw(5), wrt="y t"),
    on(r2_and_msle, np.exp(draw(5)), np.exp(draw(5)), wrt="y t"),
    on(gan_losses, 1 / (1 + np.exp(-draw(4, 1))), 1 / (1 + np.exp(-draw(4, 1))), wrt="d_real d_fake"),
    on(masked_sequence_loss, draw(2, 3, 4), np.array([[0, 3, 1], [2, 2, 1]]), seq_mask, wrt="scores"),
    on(center_loss, draw(5, 3), labels5, draw(3, 3), wrt="features centers"),
    on(ordinal_hinge, draw(5), draw(3), np.array([0, 1, 3, 2, 1]), wrt="scores thresholds"),
    on(hard_negative_mining, draw(7, 3), np.array([0, 1, 0, 0, 2, 0, 0]), wrt="logits"),
    on(loss_returning_float, draw(3), draw(5, 3), draw(5), wrt="w X"),
]
