"""Losses that are written by hand: labels, weights, temperatures and means go wrong."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from wrong_functions.planting import Function, Planted, normal, planted

FUNCTIONS: list[Planted] = []
LABELS = torch.tensor([0, 2, 1, 3, 2, 0])


@planted(
    FUNCTIONS,
    (normal("x", 6, 5), normal("w", 4, 5), LABELS),
    {
        "sum for the mean": "GC201",
        "weight's of the last chunk": "GC235 GC237 GC207 GC215",
        "upstream forgotten": "GC201 GC213 GC232",
        "label's of another row": "GC242 GC243 GC206 GC233",
    },
)
def linear_cross_entropy(wrong: str) -> Function:
    """The gradients made in the forward, chunk by chunk, so that the logits are never held together."""

    class LinearCrossEntropy(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor, w: Tensor, labels: Tensor) -> Tensor:
            total = x.new_zeros(())
            dx, dw = torch.empty_like(x), torch.zeros_like(w)
            rows = torch.arange(2)
            for k in range(0, len(x), 2):
                part, y = x[k : k + 2], labels[k : k + 2]
                logits = part @ w.t()
                total = total + functional.cross_entropy(logits, y, reduction="sum")
                d = torch.softmax(logits, -1)
                d[rows.flip(0) if wrong == "label's of another row" else rows, y] -= 1
                if wrong != "sum for the mean":
                    d = d / len(x)
                dx[k : k + 2] = d @ w
                dw = d.t() @ part if wrong == "weight's of the last chunk" else dw + d.t() @ part
            ctx.save_for_backward(dx, dw)
            return total / len(x)

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            dx, dw = ctx.saved_tensors
            return (dx, dw, None) if wrong == "upstream forgotten" else (g * dx, g * dw, None)

    return LinearCrossEntropy


@planted(
    FUNCTIONS,
    (normal("z", 6, 4, dtype=torch.float32), LABELS, 0.1),
    {
        "no smoothing": "GC236 GC230 GC238 GC242 GC231 GC251",
        "spread over the other classes": "GC231 GC238",
        "sum for the mean": "GC201",
    },
)
def label_smoothing(wrong: str) -> Function:
    """Cross-entropy with smoothed labels, in float32."""

    class LabelSmoothing(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, z: Tensor, labels: Tensor, eps: float) -> Tensor:
            logp = torch.log_softmax(z, -1)
            nll = -logp.gather(1, labels[:, None]).squeeze(1)
            smooth = -logp.mean(-1)
            ctx.save_for_backward(logp, labels)
            ctx.eps = eps
            return ((1 - eps) * nll + eps * smooth).mean()

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            logp, labels = ctx.saved_tensors
            eps = 0.0 if wrong == "no smoothing" else ctx.eps
            classes = logp.shape[1] - (wrong == "spread over the other classes")
            target = torch.full_like(logp, eps / classes)
            target.scatter_add_(1, labels[:, None], torch.full_like(logp[:, :1], 1 - eps))
            d = logp.exp() - target
            return g * d if wrong == "sum for the mean" else g * d / len(d), None, None

    return LabelSmoothing


@planted(
    FUNCTIONS,
    (normal("z", 7), (normal("y", 7) > 0).double(), 2.0),
    {
        "modulation as a constant": "GC230 GC236",
        "γ forgotten": "GC231 GC233 GC232",
        "γ for γ - 1": "GC233 GC238 GC213 GC234",
        "derivative of the logistic function missing": "GC232",
    },
    "y",
)
def focal(wrong: str) -> Function:
    """Of two classes."""

    class Focal(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, z: Tensor, y: Tensor, gamma: float) -> Tensor:
            p = torch.sigmoid(z)
            pt = p * y + (1 - p) * (1 - y)
            ctx.save_for_backward(p, pt, y)
            ctx.gamma = gamma
            return (-((1 - pt) ** gamma) * torch.log(pt)).mean()

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            p, pt, y = ctx.saved_tensors
            gamma = ctx.gamma
            power = gamma if wrong == "γ for γ - 1" else gamma - 1
            inner = (1 if wrong == "γ forgotten" else gamma) * (1 - pt) ** power * torch.log(pt)
            if wrong == "modulation as a constant":
                inner = torch.zeros_like(inner)
            dpt = (inner - (1 - pt) ** gamma / pt) * g / len(pt)
            dp = dpt * (2 * y - 1)
            if wrong != "derivative of the logistic function missing":
                dp = dp * p * (1 - p)
            return dp, None, None

    return Focal


@planted(
    FUNCTIONS,
    (2 * normal("x", 4, 5), normal("t", 4, 5), 0.7),
    {
        "δ forgotten outside": "GC231 GC233 GC236 GC232",
        "square everywhere": "GC233 GC236 GC230 GC251 GC238 GC232",
        "target's sign": "GC202",
    },
)
def huber(wrong: str) -> Function:
    """By torch.where."""

    class Huber(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor, t: Tensor, delta: float) -> Tensor:
            d = x - t
            ctx.save_for_backward(d)
            ctx.delta = delta
            return torch.where(d.abs() <= delta, 0.5 * d * d, delta * (d.abs() - 0.5 * delta)).sum()

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            (d,) = ctx.saved_tensors
            outside = d.sign() if wrong == "δ forgotten outside" else ctx.delta * d.sign()
            dx = d if wrong == "square everywhere" else torch.where(d.abs() <= ctx.delta, d, outside)
            return g * dx, g * dx if wrong == "target's sign" else -g * dx, None

    return Huber


@planted(
    FUNCTIONS,
    (normal("s", 5, 4), normal("t", 5, 4), 2.0),
    {
        "T² for T": "GC201",
        "teacher and student exchanged": "GC202",
        "student's probabilities at T = 1": "GC233 GC238 GC243 GC231",
    },
    "teacher",
)
def distillation(wrong: str) -> Function:
    """KL of a teacher's and a student's probabilities at a temperature."""

    class Distillation(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, student: Tensor, teacher: Tensor, t: float) -> Tensor:
            p = torch.softmax(teacher / t, -1)
            logq = torch.log_softmax(student / t, -1)
            ctx.save_for_backward(p, logq, student)
            ctx.t = t
            return functional.kl_div(logq, p, reduction="batchmean") * t * t

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            p, logq, student = ctx.saved_tensors
            q = torch.softmax(student, -1) if wrong == "student's probabilities at T = 1" else logq.exp()
            d = p - q if wrong == "teacher and student exchanged" else q - p
            return g * d * (ctx.t**2 if wrong == "T² for T" else ctx.t) / len(d), None, None

    return Distillation


@planted(
    FUNCTIONS,
    (normal("a", 4, 3), normal("b", 4, 3), 0.5),
    {
        "temperature forgotten": "GC201 GC231",
        "transposed for the other": "GC203",
        "only one direction": "GC230 GC236 GC231",
        "diagonal not subtracted": "GC233 GC230 GC236",
    },
)
def contrastive(wrong: str) -> Function:
    """As in CLIP, both directions."""

    class Contrastive(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, a: Tensor, b: Tensor, tau: float) -> Tensor:
            scores = a @ b.t() / tau
            labels = torch.arange(len(a))
            ctx.save_for_backward(a, b, scores)
            ctx.tau = tau
            rows = functional.cross_entropy(scores, labels)
            columns = functional.cross_entropy(scores.t(), labels)
            return 0.5 * (rows + columns)

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            a, b, scores = ctx.saved_tensors
            eye = torch.eye(len(a), dtype=a.dtype)
            if wrong == "diagonal not subtracted":
                eye = torch.zeros_like(eye)
            rows = torch.softmax(scores, 1) - eye
            columns = torch.softmax(scores, 0) - eye
            d = rows if wrong == "only one direction" else rows + columns
            d = 0.5 * g * d / len(a) / (1 if wrong == "temperature forgotten" else ctx.tau)
            return d @ b, (d if wrong == "transposed for the other" else d.t()) @ a, None

    return Contrastive


@planted(
    FUNCTIONS,
    (normal("z", 5, 3), (normal("y", 5, 3) > 0).double(), 1 + normal("w", 3) ** 2),
    {
        "weight forgotten": "GC232 GC238 GC236 GC231",
        "weight for all": "GC238 GC213 GC233",
        "divided by the batch": "GC201",
    },
    "y weight",
)
def binary_cross_entropy(wrong: str) -> Function:
    """By the logits, with weights for the positive."""

    class BinaryCrossEntropy(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, z: Tensor, y: Tensor, weight: Tensor) -> Tensor:
            positive = weight * y * functional.softplus(-z)
            negative = (1 - y) * functional.softplus(z)
            ctx.save_for_backward(z, y, weight)
            return (positive + negative).mean()

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            z, y, weight = ctx.saved_tensors
            if wrong == "weight forgotten":
                weight = torch.ones_like(weight)
            p = torch.sigmoid(z)
            d = weight * (p - y) if wrong == "weight for all" else (1 - y) * p - weight * y * (1 - p)
            return g * d / (len(d) if wrong == "divided by the batch" else d.numel()), None, None

    return BinaryCrossEntropy


@planted(
    FUNCTIONS,
    (normal("a", 6, 3), normal("p", 6, 3), normal("n", 6, 3), 0.5),
    {
        "mask forgotten": "GC232 GC233",
        "anchor without the negative": "GC230 GC236",
        "2 forgotten": "GC201",
        "negative's sign": "GC202",
    },
)
def triplet(wrong: str) -> Function:
    """Squared distances and a margin."""

    class Triplet(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, a: Tensor, p: Tensor, n: Tensor, margin: float) -> Tensor:
            near = (a - p).pow(2).sum(1)
            far = (a - n).pow(2).sum(1)
            loss = (near - far + margin).clamp(min=0)
            ctx.save_for_backward(a, p, n, loss)
            return loss.mean()

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            a, p, n, loss = ctx.saved_tensors
            on = torch.ones_like(loss) if wrong == "mask forgotten" else (loss > 0).to(loss)
            d = (1 if wrong == "2 forgotten" else 2) * g * on[:, None] / len(a)
            da = d * (a - p) if wrong == "anchor without the negative" else d * (n - p)
            dn = -d * (a - n) if wrong == "negative's sign" else d * (a - n)
            return da, -d * (a - p), dn, None

    return Triplet


@planted(
    FUNCTIONS,
    (normal("z", 3, 6), (normal("y", 3, 6) > 0).double()),
    {
        "denominator as a constant": "GC230 GC236",
        "denominator not squared": "GC233 GC238 GC213 GC232",
        "2 forgotten above": "GC231 GC232 GC236 GC233",
    },
    "y",
)
def dice(wrong: str) -> Function:
    """One minus twice the overlap over the sum, of logistic units."""

    class Dice(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, z: Tensor, y: Tensor) -> Tensor:
            p = torch.sigmoid(z)
            overlap = (p * y).sum(1)
            total = p.sum(1) + y.sum(1)
            ctx.save_for_backward(p, y, overlap, total)
            return (1 - 2 * overlap / total).mean()

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            p, y, overlap, total = (t if t.ndim > 1 else t[:, None] for t in ctx.saved_tensors)
            above = (1 if wrong == "2 forgotten above" else 2) * y / total
            below = 2 * overlap / (total if wrong == "denominator not squared" else total**2)
            if wrong == "denominator as a constant":
                below = torch.zeros_like(below)
            return g * (below - above) * p * (1 - p) / len(p), None

    return Dice
