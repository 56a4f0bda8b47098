"""Functions with one fault each against their contract, and right ones beside them."""

from typing import Any

import torch
from torch.autograd import Function
from torch.autograd.function import once_differentiable


def linear(name="Linear", forward=None, backward=None):
    """A linear layer of three inputs whose forward or backward is another."""

    def right_forward(ctx, x, w, b):
        ctx.save_for_backward(x, w)
        return x @ w + b

    def right_backward(ctx, g):
        x, w = ctx.saved_tensors
        return g @ w.T, x.T @ g, g.sum(0)

    parts = {"forward": staticmethod(forward or right_forward), "backward": staticmethod(backward or right_backward)}
    return type(name, (Function,), parts)


class Flattened(Function):
    """Its backward takes the upstream gradient for contiguous, aloud."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin()

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return (g.view(-1) * x.reshape(-1).cos()).view(x.shape)


class Memory(Function):
    """Its backward reads the memory of the upstream gradient as if it were contiguous, in silence."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin()

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        flat = torch.as_strided(g, (g.numel(),), (1,), g.storage_offset())
        return flat.reshape(x.shape) * x.cos()


class Two(Function):
    """Two outputs, upstream gradients that may be None, and a backward that knows it."""

    @staticmethod
    def forward(ctx, x):
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(x)
        return x.sin(), x.cos()

    @staticmethod
    def backward(ctx, g, h):
        (x,) = ctx.saved_tensors
        out = torch.zeros_like(x)
        if g is not None:
            out = out + g * x.cos()
        if h is not None:
            out = out - h * x.sin()
        return out


class TwoWithoutNone(Two):
    """It multiplies None."""

    @staticmethod
    def backward(ctx, g, h):
        (x,) = ctx.saved_tensors
        return g * x.cos() - h * x.sin()


class TwoHalf(Two):
    """Where one upstream gradient is None it gives up on the other as well."""

    @staticmethod
    def backward(ctx, g, h):
        (x,) = ctx.saved_tensors
        if g is None or h is None:
            return None
        return g * x.cos() - h * x.sin()


class NeedsOnly(Function):
    """It computes what is asked for."""

    @staticmethod
    def forward(ctx, x, w):
        ctx.save_for_backward(x, w)
        return x @ w

    @staticmethod
    def backward(ctx, g):
        x, w = ctx.saved_tensors
        return (g @ w.T if ctx.needs_input_grad[0] else None), (x.T @ g if ctx.needs_input_grad[1] else None)


class OnContext(Function):
    """It keeps its output as an attribute."""

    @staticmethod
    def forward(ctx, x):
        ctx.out = x.exp()
        return ctx.out

    @staticmethod
    def backward(ctx, g):
        return g * ctx.out


class ChangesItsInput(Function):
    """It writes into its input and does not say so."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x.clone())
        x.clamp_(min=0)
        return 2 * x

    @staticmethod
    def backward(ctx, g):
        return 2 * g * (ctx.saved_tensors[0] > 0)


class InPlace(Function):
    """It writes into its input, and says so."""

    @staticmethod
    def forward(ctx, x):
        x.mul_(3)
        ctx.mark_dirty(x)
        return x

    @staticmethod
    def backward(ctx, g):
        return 3 * g


class ChangesSaved(Function):
    """Its backward works in the saved tensor itself."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x.cos())
        return x.sin()

    @staticmethod
    def backward(ctx, g):
        (slope,) = ctx.saved_tensors
        return slope.mul_(g)


class OnClass(Function):
    """It keeps its cache on the class."""

    cache: Any = None

    @staticmethod
    def forward(ctx, x):
        OnClass.cache = x
        return x.sin()

    @staticmethod
    def backward(ctx, g):
        return g * OnClass.cache.cos()


class OnAnotherDevice(Function):
    """One of its gradients is made on another device."""

    @staticmethod
    def forward(ctx, x, w):
        ctx.save_for_backward(x, w)
        return x * w

    @staticmethod
    def backward(ctx, g):
        x, w = ctx.saved_tensors
        return g * w, (g * x).to("meta")


class Wide(Function):
    """Its gradient is float64 where the input is not."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin()

    @staticmethod
    def backward(ctx, g):
        return g.double() * ctx.saved_tensors[0].double().cos()


class Narrow(Function):
    """Its gradient is float16."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin()

    @staticmethod
    def backward(ctx, g):
        return (g * ctx.saved_tensors[0].cos()).half()


class GradientOfIndices(Function):
    """It returns a gradient for the indices too."""

    @staticmethod
    def forward(ctx, x, index):
        ctx.save_for_backward(index)
        ctx.rows = len(x)
        return x[index]

    @staticmethod
    def backward(ctx, g):
        (index,) = ctx.saved_tensors
        return torch.zeros(ctx.rows, *g.shape[1:], dtype=g.dtype).index_add(0, index, g), g


class GradientOfOption(Function):
    """It returns a gradient for a number that is no tensor."""

    @staticmethod
    def forward(ctx, x, factor):
        ctx.factor = factor
        return factor * x

    @staticmethod
    def backward(ctx, g):
        return ctx.factor * g, g


class Detached(Function):
    """Its backward leaves autograd: the double backward is zero with respect to x."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin()

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * x.detach().cos()


class ThroughNumPy(Detached):
    """Its backward is computed with NumPy: nothing of it is differentiable."""

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return torch.from_numpy(g.detach().numpy() * x.detach().cos().numpy())


class Intermediate(Function):
    """It saves what it computed, which the double backward takes for a constant."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x.cos())
        return x.sin()

    @staticmethod
    def backward(ctx, g):
        return g * ctx.saved_tensors[0]


class Twice(Function):
    """Right twice."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin()

    @staticmethod
    def backward(ctx, g):
        return g * ctx.saved_tensors[0].cos()


class Once(Detached):
    """Not differentiable twice, and it says so."""

    @staticmethod
    @once_differentiable
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return torch.from_numpy(g.numpy() * x.cos().numpy())


class RaisesTwice(Function):
    """Its backward calls for a number, which has no derivative, and raises when it is asked for one."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin()

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * torch.from_numpy(x.numpy()).cos()


class Generated(Function):
    """New style, with a rule for vmap that PyTorch generates."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x, w):
        return x * w.sin()

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, g):
        x, w = ctx.saved_tensors
        return g * w.sin(), g * x * w.cos()


class RightRule(Function):
    """New style, with a rule for vmap of its own."""

    @staticmethod
    def forward(x, dim):
        return x.softmax(dim)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(output)
        ctx.dim = inputs[1]

    @staticmethod
    def backward(ctx, g):
        (p,) = ctx.saved_tensors
        return p * (g - (g * p).sum(ctx.dim, keepdim=True)), None

    @staticmethod
    def vmap(info, in_dims, x, dim):
        x = x.movedim(in_dims[0], 0)
        return RightRule.apply(x, dim if dim < 0 else dim + 1), 0


class WrongRule(RightRule):
    """It forgets that an axis was added in front."""

    @staticmethod
    def vmap(info, in_dims, x, dim):
        return WrongRule.apply(x.movedim(in_dims[0], 0), dim), 0


class WrongAxis(RightRule):
    """It takes the batch axis for the first, wherever it is."""

    @staticmethod
    def vmap(info, in_dims, x, dim):
        return WrongAxis.apply(x, dim if dim < 0 else dim + 1), 0


class WithoutNone(RightRule):
    """Its rule cannot do with an input that is not batched."""

    @staticmethod
    def forward(x, w):
        return x * w

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, g):
        x, w = ctx.saved_tensors
        return g * w, g * x

    @staticmethod
    def vmap(info, in_dims, x, w):
        return WithoutNone.apply(x.movedim(in_dims[0], 0), w.movedim(in_dims[1], 0)), 0


class NotDifferentiable(Function):
    """One of its outputs is declared to have no gradient."""

    @staticmethod
    def forward(ctx, x):
        top, where = x.sort(-1)
        scale = x.abs().amax()
        ctx.mark_non_differentiable(where, scale)
        ctx.save_for_backward(where)
        return top, where, scale

    @staticmethod
    def backward(ctx, g, _, __):
        (where,) = ctx.saved_tensors
        return torch.zeros_like(g).scatter(-1, where, g)
