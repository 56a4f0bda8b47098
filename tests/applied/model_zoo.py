"""Models with custom Functions inside, right ones and wrong ones: what people write."""

import math

import torch
from torch import nn
from torch.autograd import Function
from torch.utils.checkpoint import checkpoint


class Softmax(Function):
    """Along the last axis."""

    @staticmethod
    def forward(ctx, scores):
        p = torch.softmax(scores, -1)
        ctx.save_for_backward(p)
        return p

    @staticmethod
    def backward(ctx, g):
        (p,) = ctx.saved_tensors
        return p * (g - (g * p).sum(-1, keepdim=True))


class DiagonalSoftmax(Softmax):
    """It takes the diagonal of the Jacobian for the whole."""

    @staticmethod
    def backward(ctx, g):
        (p,) = ctx.saved_tensors
        return p * (1 - p) * g


class LayerNorm(Function):
    """Over the last axis, with weight and bias."""

    @staticmethod
    def forward(ctx, x, weight, bias, eps):
        mean = x.mean(-1, keepdim=True)
        rstd = (x.var(-1, unbiased=False, keepdim=True) + eps).rsqrt()
        ctx.save_for_backward(x, weight, mean, rstd)
        return (x - mean) * rstd * weight + bias

    @staticmethod
    def backward(ctx, g):
        x, weight, mean, rstd = ctx.saved_tensors
        normal = (x - mean) * rstd
        h = g * weight
        dx = rstd * (h - h.mean(-1, keepdim=True) - normal * (h * normal).mean(-1, keepdim=True))
        lead = tuple(range(g.ndim - 1))
        return dx, (g * normal).sum(lead), g.sum(lead), None


class LayerNormWithoutMean(LayerNorm):
    """It forgets that the mean depends on x."""

    @staticmethod
    def backward(ctx, g):
        x, weight, mean, rstd = ctx.saved_tensors
        _, dw, db, _ = LayerNorm.backward(ctx, g)
        normal, h = (x - mean) * rstd, g * weight
        return rstd * (h - normal * (h * normal).mean(-1, keepdim=True)), dw, db, None


class Gelu(Function):
    """The tanh form."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return nn.functional.gelu(x, approximate="tanh")

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        c = math.sqrt(2 / math.pi)
        t = torch.tanh(c * (x + 0.044715 * x**3))
        return g * (0.5 * (1 + t) + 0.5 * x * (1 - t * t) * c * (1 + 3 * 0.044715 * x**2))


class GeluOfExact(Gelu):
    """Its derivative is that of the other form: off by a little."""

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        cdf = 0.5 * (1 + torch.erf(x / math.sqrt(2)))
        return g * (cdf + x * torch.exp(-0.5 * x * x) / math.sqrt(2 * math.pi))


class ReLU(Function):
    """The usual one."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * (x > 0)


class LeakyBackward(ReLU):
    """Its backward is that of another activation."""

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return torch.where(x > 0, g, 0.01 * g)


class Cell(Function):
    """One step of an Elman network."""

    @staticmethod
    def forward(ctx, x, h, w, u):
        out = torch.tanh(x @ w + h @ u)
        ctx.save_for_backward(x, h, w, u, out)
        return out

    @staticmethod
    def backward(ctx, g):
        x, h, w, u, out = ctx.saved_tensors
        d = g * (1 - out * out)
        return d @ w.T, d @ u.T, x.T @ d, h.T @ d


class CellWithoutState(Cell):
    """Its state gets no gradient of its own: du is right, dh is that of a state before the activation."""

    @staticmethod
    def backward(ctx, g):
        u = ctx.saved_tensors[3]
        dx, _, dw, du = Cell.backward(ctx, g)
        return dx, g @ u.T, dw, du


class Wrapped(nn.Module):
    """A Function as a module."""

    def __init__(self, function, *rest):
        super().__init__()
        self.function, self.rest = function, rest

    def forward(self, x):
        return self.function.apply(x, *self.rest)


class Norm(nn.Module):
    def __init__(self, width, function=LayerNorm):
        super().__init__()
        self.weight = nn.Parameter(1 + 0.1 * torch.randn(width))
        self.bias = nn.Parameter(0.1 * torch.randn(width))
        self.function = function

    def forward(self, x):
        return self.function.apply(x, self.weight, self.bias, 1e-5)


class Attention(nn.Module):
    def __init__(self, width, heads, softmax=Softmax, causal=True):
        super().__init__()
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.heads, self.softmax, self.causal = heads, softmax, causal

    def forward(self, x):
        n, t, width = x.shape
        q, k, v = (
            part.view(n, t, self.heads, width // self.heads).transpose(1, 2) for part in self.qkv(x).chunk(3, -1)
        )
        scores = q @ k.transpose(-2, -1) / math.sqrt(width // self.heads)
        if self.causal:
            scores = scores.masked_fill(torch.ones(t, t, dtype=torch.bool).triu(1), float("-inf"))
        return self.out((self.softmax.apply(scores) @ v).transpose(1, 2).reshape(n, t, width))


class Block(nn.Module):
    def __init__(self, width=16, heads=2, *, softmax=Softmax, norm=LayerNorm, gelu=Gelu, dropout=0.1):
        super().__init__()
        self.norm1, self.norm2 = Norm(width, norm), Norm(width, norm)
        self.attn = Attention(width, heads, softmax)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), Wrapped(gelu), nn.Linear(2 * width, width))
        self.drop = nn.Dropout(dropout)

    def forward(self, x):
        x = x + self.drop(self.attn(self.norm1(x)))
        return x + self.drop(self.mlp(self.norm2(x)))


class Transformer(nn.Module):
    """Token ids to logits; ``bad`` says which block gets the wrong Functions."""

    def __init__(self, blocks=2, width=16, bad=None, recompute=None, **wrong):
        super().__init__()
        self.embed = nn.Embedding(11, width)
        self.blocks = nn.ModuleList(Block(width, **(wrong if i == bad else {})) for i in range(blocks))
        self.head = nn.Linear(width, 11)
        self.recompute = recompute

    def forward(self, ids):
        x = self.embed(ids)
        for block in self.blocks:
            x = block(x) if self.recompute is None else checkpoint(block, x, use_reentrant=self.recompute)
        return self.head(x)


class Residual(nn.Module):
    """A residual block of convolutions, as torchvision has them."""

    def __init__(self, channels, function=ReLU):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.relu1, self.relu2 = Wrapped(ReLU), Wrapped(function)

    def forward(self, x):
        out = self.relu1(self.bn1(self.conv1(x)))
        return self.relu2(x + self.bn2(self.conv2(out)))


def resnet(function=ReLU):
    """A stem, two residual blocks and a classifier."""
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1),
        Residual(4),
        Residual(4, function),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4, 3),
    )


class Recurrent(nn.Module):
    """A Function called once for each step of a sequence."""

    def __init__(self, width=5, function=Cell):
        super().__init__()
        self.w = nn.Parameter(0.5 * torch.randn(3, width))
        self.u = nn.Parameter(0.5 * torch.randn(width, width))
        self.function = function

    def forward(self, x):
        h = x.new_zeros(x.shape[1], self.u.shape[0])
        for step in x:
            h = self.function.apply(step, h, self.w, self.u)
        return {"last": h, "length": len(x)}
