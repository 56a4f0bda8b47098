"""Mistakes in a Function's backward that are one and reach several places, or entries that a torch call reads."""

import pytest
import torch
from torch.nn import functional

from gradcheck import check_layer


def normal(*shape):
    seed = torch.Generator().manual_seed(sum(shape) + len(shape))
    return torch.randn(*shape, generator=seed, dtype=torch.float64)


class BatchNorm(torch.autograd.Function):
    """The gradient of evaluation."""

    @staticmethod
    def forward(ctx, x):
        mean = x.mean(0, keepdim=True)
        centred = x - mean
        var = (centred * centred).mean(0, keepdim=True)
        std = torch.sqrt(var + 1e-5)
        ctx.save_for_backward(std)
        return centred / std

    @staticmethod
    def backward(ctx, g):
        (std,) = ctx.saved_tensors
        return g / std


class Turned(torch.autograd.Function):
    """The rotation of the forward once more."""

    @staticmethod
    def forward(ctx, x, angle):
        cos, sin = angle.cos(), angle.sin()
        ctx.save_for_backward(cos, sin)
        a, b = x.chunk(2, -1)
        return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)

    @staticmethod
    def backward(ctx, g):
        cos, sin = ctx.saved_tensors
        a, b = g.chunk(2, -1)
        return torch.cat([a * cos - b * sin, b * cos + a * sin], -1), None


class Chosen(torch.autograd.Function):
    """The mask the wrong way round, for x alone."""

    @staticmethod
    def forward(ctx, x, a):
        ctx.save_for_backward(x, a)
        return torch.where(x > 0, x, a * x)

    @staticmethod
    def backward(ctx, g):
        x, a = ctx.saved_tensors
        return torch.where(x > 0, a * g, g), (g * x * (x <= 0)).sum(0)


class Features(torch.autograd.Function):
    """What comes back to the pieces cut in another order."""

    @staticmethod
    def forward(ctx, x, w):
        ctx.save_for_backward(x, w)
        return torch.cat([x, x.square(), torch.sin(x)], dim=1) @ w

    @staticmethod
    def backward(ctx, g):
        x, w = ctx.saved_tensors
        plain, sine, square = (g @ w.t()).split(3, dim=1)
        return plain + 2 * x * square + x.cos() * sine, torch.cat([x, x.square(), torch.sin(x)], dim=1).t() @ g


class Softmax(torch.autograd.Function):
    """Summed over the batch."""

    @staticmethod
    def forward(ctx, x):
        p = x.softmax(-1)
        ctx.save_for_backward(p)
        return p

    @staticmethod
    def backward(ctx, g):
        (p,) = ctx.saved_tensors
        return p * (g - (g * p).sum(0, keepdim=True))


class Gelu(torch.autograd.Function):
    """Without the density."""

    @staticmethod
    def forward(ctx, z):
        ctx.save_for_backward(z)
        return functional.gelu(z)

    @staticmethod
    def backward(ctx, g):
        (z,) = ctx.saved_tensors
        return g * torch.special.ndtr(z)


class Pooled(torch.autograd.Function):
    """= for += where two windows have one maximum."""

    @staticmethod
    def forward(ctx, x):
        out, places = functional.max_pool2d(x, 3, 2, return_indices=True)
        ctx.save_for_backward(places)
        ctx.shape = x.shape
        return out

    @staticmethod
    def backward(ctx, g):
        (places,) = ctx.saved_tensors
        flat = g.new_zeros(*ctx.shape[:2], ctx.shape[2] * ctx.shape[3])
        return flat.scatter_(2, places.flatten(2), g.flatten(2)).view(ctx.shape)


class Gathered(torch.autograd.Function):
    """= for +=."""

    @staticmethod
    def forward(ctx, x, index):
        ctx.save_for_backward(index)
        ctx.shape = x.shape
        return x.gather(1, index)

    @staticmethod
    def backward(ctx, g):
        (index,) = ctx.saved_tensors
        return g.new_zeros(ctx.shape).scatter_(1, index, g), None


class Repeated(torch.autograd.Function):
    """The last of the copies alone."""

    @staticmethod
    def forward(ctx, x):
        return x.repeat_interleave(2, dim=1)

    @staticmethod
    def backward(ctx, g):
        return g[:, 1::2]


class Scores(torch.autograd.Function):
    """What comes back not transposed, in a product with a factor and a sum."""

    @staticmethod
    def forward(ctx, m, a, b):
        ctx.save_for_backward(a, b)
        return torch.baddbmm(m, a, b, beta=-1.0, alpha=0.25)

    @staticmethod
    def backward(ctx, g):
        a, b = ctx.saved_tensors
        return -g, 0.25 * g @ b.mT, 0.25 * a.mT @ g.mT


class InPlace(torch.autograd.Function):
    """The factor forgotten, of what the forward changes in place."""

    @staticmethod
    def forward(ctx, x, w):
        h = x @ w
        h[:, 0] *= 3
        y = torch.tanh(h)
        ctx.save_for_backward(x, w, h)
        return y

    @staticmethod
    def backward(ctx, g):
        x, w, h = ctx.saved_tensors
        d = g * (1 - h**2)
        d = torch.cat([3 * d[:, :1], d[:, 1:]], 1)
        return d @ w.t(), x.t() @ d


class Clamped(torch.autograd.Function):
    """One of two bounds."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.clamp(x, -1, 1)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * (x < 1)


class Masked(torch.autograd.Function):
    """mask for ~mask."""

    @staticmethod
    def forward(ctx, x, mask):
        y = torch.tanh(x.masked_fill(mask, -2.0))
        ctx.save_for_backward(y, mask)
        return y

    @staticmethod
    def backward(ctx, g):
        y, mask = ctx.saved_tensors
        return g * (1 - y * y) * mask, None


class CrossEntropy(torch.autograd.Function):
    """The labels are not subtracted."""

    @staticmethod
    def forward(ctx, z, labels):
        ctx.save_for_backward(z)
        return functional.cross_entropy(z, labels, ignore_index=3)

    @staticmethod
    def backward(ctx, g):
        (z,) = ctx.saved_tensors
        counted = torch.tensor([1, 1, 1, 0, 1])[:, None]
        return g * counted * torch.softmax(z, 1) / 4, None


CASES = [
    (
        BatchNorm,
        (normal(5, 3),),
        "GC230",
        "dx lacks what goes back through x.mean(0, keepdim=True) and (centred * centred).mean(0, keepdim=True)",
    ),
    (Turned, (normal(4, 6), normal(3)), "GC238", "dx has sin negated wherever it is multiplied with"),
    (
        Chosen,
        (normal(6, 4), normal(4)),
        "GC233",
        "dx has the choice of torch.where(x > 0, x, a * x) the wrong way round",
    ),
    (
        Features,
        (normal(5, 3), normal(9, 2)),
        "GC212",
        "dx has the pieces of torch.cat([x, x.square(), torch.sin(x)], dim=1) in another order: "
        "the second and the third exchanged",
    ),
    (Softmax, (normal(5, 4),), "GC244", "dx has the softmax of x.softmax(-1) differentiated along axis 0"),
    (Gelu, (normal(5, 4),), "GC233", "dz has the wrong derivative of functional.gelu(z)"),
    (
        Pooled,
        (normal(2, 2, 5, 5),),
        "GC237",
        "dx has entries overwritten that functional.max_pool2d(x, 3, 2, r…n_indices=True) reads more than once",
    ),
    (
        Gathered,
        (normal(4, 3), torch.tensor([[0, 2, 2], [1, 1, 0], [2, 0, 1], [0, 0, 0]])),
        "GC237",
        "dx has entries overwritten that x.gather(1, index) reads more than once",
    ),
    (
        Repeated,
        (normal(4, 3),),
        "GC237",
        "dx has entries overwritten that x.repeat_interleave(2, dim=1) reads more than once",
    ),
    (
        Scores,
        (normal(2, 3, 3), normal(2, 3, 4), normal(2, 4, 3)),
        "GC203",
        "db has what comes back to torch.baddbmm(m, a, b, beta=-1.0, alpha=0.25) transposed in what goes to "
        "its second factor",
    ),
    (Clamped, (2 * normal(5, 4),), "GC233", "dx has the mask of torch.clamp(x, -1, 1) without its lower bound"),
    (
        Masked,
        (normal(5, 4), normal(5, 4) > 0),
        "GC233",
        "dx has the mask of x.masked_fill(mask, -2.0) the wrong way round",
    ),
    (
        CrossEntropy,
        (normal(5, 4), torch.tensor([0, 2, 1, 3, 2])),
        "GC233",
        "dz has the wrong derivative of functional.cross_entropy(z, labe…ignore_index=3)",
    ),
    (InPlace, (normal(5, 4), normal(4, 3)), "GC233", "dx and dw have the wrong derivative of torch.tanh(h)"),
]


@pytest.mark.parametrize(("function", "inputs", "code", "title"), CASES, ids=[case[0].__name__ for case in CASES])
def test_the_cause_is_named(function, inputs, code, title):
    constants = ("angle",) if function is Turned else ()
    report = check_layer(function, *inputs, constants=constants, raises=False)
    [finding] = [f for f in report.findings if f.severity == "error"]
    assert (finding.code, finding.title) == (code, title)
    assert "with that one change autograd gives your" in finding.evidence[0]


def test_what_stands_for_the_derivative_is_spelled_with_the_name_of_its_argument():
    [finding] = check_layer(Gelu, normal(5, 4), raises=False).findings
    assert finding.cause == ("yours is Φ(z)",)
