"""Cells in a loop, and scans: the state of another step, a path through time cut."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from wrong_functions.planting import Function, Planted, normal, planted

FUNCTIONS: list[Planted] = []


@planted(
    FUNCTIONS,
    (normal("x", 4, 2, 3), normal("wx", 3, 12) / 2, normal("wh", 3, 12) / 2, normal("b", 12)),
    {
        "forget gate by the new cell": "GC238",
        "tanh of the cell not differentiated": "GC232 GC239",
        "cell not carried": "GC230 GC236 GC235",
        "weights' of the last step": "GC235 GC237 GC207",
        "output gate's derivative missing": "GC232",
    },
)
def lstm(wrong: str) -> Function:
    """All hidden states of (T, N, D)."""

    class LSTM(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor, wx: Tensor, wh: Tensor, b: Tensor) -> Tensor:
            h = c = x.new_zeros(x.shape[1], wh.shape[0])
            outs, kept = [], []
            for t in range(len(x)):
                z = x[t] @ wx + h @ wh + b
                i, f, o, u = z.chunk(4, dim=1)
                i, f, o, u = torch.sigmoid(i), torch.sigmoid(f), torch.sigmoid(o), torch.tanh(u)
                kept += [h, c, i, f, o, u]
                c = f * c + i * u
                squashed = torch.tanh(c)
                h = o * squashed
                kept += [c, squashed]
                outs.append(h)
            ctx.save_for_backward(x, wx, wh, *kept)
            return torch.stack(outs)

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            x, wx, wh, *kept = ctx.saved_tensors
            dx, dwx, dwh, db = torch.zeros_like(x), torch.zeros_like(wx), torch.zeros_like(wh), torch.zeros_like(wx[0])
            dh = dc = torch.zeros_like(kept[0])
            for t in reversed(range(len(x))):
                h, c, i, f, o, u, after, squashed = kept[8 * t : 8 * t + 8]
                dh = dh + g[t]
                back = dh * o if wrong == "tanh of the cell not differentiated" else dh * o * (1 - squashed**2)
                dc = back if wrong == "cell not carried" else dc + back
                old = after if wrong == "forget gate by the new cell" else c
                do = dh * squashed
                do = do if wrong == "output gate's derivative missing" else do * o * (1 - o)
                dz = torch.cat([dc * u * i * (1 - i), dc * old * f * (1 - f), do, dc * i * (1 - u**2)], 1)
                dx[t] = dz @ wx.t()
                if wrong == "weights' of the last step":
                    dwx = x[t].t() @ dz if t == len(x) - 1 else dwx
                else:
                    dwx = dwx + x[t].t() @ dz
                dwh, db = dwh + h.t() @ dz, db + dz.sum(0)
                dh, dc = dz @ wh.t(), dc * f
            return dx, dwx, dwh, db

    return LSTM


@planted(
    FUNCTIONS,
    (normal("x", 3, 2, 4), normal("h", 2, 4), normal("w", 3, 4, 4) / 2, normal("u", 3, 4, 4) / 2),
    {
        "reset gate's path missing": "GC230 GC236",
        "1 - z for z": "GC238",
        "update gate lacks the old state": "GC230 GC236",
        "candidate's derivative missing": "GC232",
        "state after for the state before": "GC238",
    },
)
def gru(wrong: str) -> Function:
    """The last state of (T, N, D), one matrix for each gate."""

    class GRU(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor, h: Tensor, w: Tensor, u: Tensor) -> Tensor:
            kept = []
            for step in x.unbind(0):
                r = torch.sigmoid(step @ w[0] + h @ u[0])
                z = torch.sigmoid(step @ w[1] + h @ u[1])
                n = torch.tanh(step @ w[2] + (r * h) @ u[2])
                kept += [h, r, z, n]
                h = (1 - z) * n + z * h
                kept.append(h)
            ctx.save_for_backward(x, w, u, *kept)
            return h

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            x, w, u, *kept = ctx.saved_tensors
            dx, dw, du, dh = torch.zeros_like(x), torch.zeros_like(w), torch.zeros_like(u), g
            for t in range(len(x) - 1, -1, -1):
                h, r, z, n, after = kept[5 * t : 5 * t + 5]
                dn = dh * (z if wrong == "1 - z for z" else 1 - z)
                dn = dn if wrong == "candidate's derivative missing" else dn * (1 - n * n)
                dz = dh * (-n if wrong == "update gate lacks the old state" else h - n) * z * (1 - z)
                drh = dn @ u[2].t()
                dr = drh * h * r * (1 - r)
                if wrong == "reset gate's path missing":
                    dr = torch.zeros_like(dr)
                seen = after if wrong == "state after for the state before" else h
                dx[t] = dr @ w[0].t() + dz @ w[1].t() + dn @ w[2].t()
                dw = dw + torch.stack([x[t].t() @ dr, x[t].t() @ dz, x[t].t() @ dn])
                du = du + torch.stack([h.t() @ dr, seen.t() @ dz, (r * h).t() @ dn])
                dh = dh * z + drh * r + dr @ u[0].t() + dz @ u[1].t()
            return dx, dh, dw, du

    return GRU


@planted(
    FUNCTIONS,
    (normal("x", 5, 3), normal("dt", 5, 3), normal("a", 3) ** 2, normal("c", 5, 3)),
    {
        "decay by the new state": "GC238",
        "state not carried": "GC230 GC236 GC235",
        "step's lacks the input": "GC230 GC236",
        "softplus not differentiated": "GC232",
    },
)
def selective_scan(wrong: str) -> Function:
    """A diagonal state space whose step depends on the input, as in Mamba."""

    class SelectiveScan(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor, dt: Tensor, a: Tensor, c: Tensor) -> Tensor:
            step = functional.softplus(dt)
            decay = torch.exp(-step * a)
            h = torch.zeros_like(x[0])
            states = [h]
            for t in range(len(x)):
                h = decay[t] * h + step[t] * x[t]
                states.append(h)
            every = torch.stack(states)
            ctx.save_for_backward(x, dt, a, c, step, decay, every)
            return c * every[1:]

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            x, dt, a, c, step, decay, every = ctx.saved_tensors
            dx, dstep, ddecay = torch.zeros_like(x), torch.zeros_like(x), torch.zeros_like(x)
            dh = torch.zeros_like(x[0])
            for t in reversed(range(len(x))):
                dh = dh + g[t] * c[t]
                dx[t] = dh * step[t]
                if wrong != "step's lacks the input":
                    dstep[t] = dh * x[t]
                ddecay[t] = dh * every[t + 1 if wrong == "decay by the new state" else t]
                dh = torch.zeros_like(dh) if wrong == "state not carried" else dh * decay[t]
            dstep = dstep - ddecay * decay * a
            ddt = dstep if wrong == "softplus not differentiated" else dstep * torch.sigmoid(dt)
            return dx, ddt, -(ddecay * decay * step).sum(0), g * every[1:]

    return SelectiveScan


@planted(
    FUNCTIONS,
    (normal("x", 3, 5), normal("f", 3, 5)),
    {
        "sum not from the other end": "GC233",
        "decay as a constant": "GC205 GC230 GC236",
        "logistic derivative missing": "GC232",
    },
)
def decayed_sum(wrong: str) -> Function:
    """A running sum weighted by a running product of gates."""

    class DecayedSum(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor, f: Tensor) -> Tensor:
            gate = torch.sigmoid(f)
            weight = torch.cumprod(gate, dim=1)
            ctx.save_for_backward(x, gate, weight)
            return torch.cumsum(weight * x, dim=1)

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            x, gate, weight = ctx.saved_tensors
            back = g.cumsum(1) if wrong == "sum not from the other end" else g.flip(1).cumsum(1).flip(1)
            dweight = (back * x * weight).flip(1).cumsum(1).flip(1) / gate
            if wrong == "decay as a constant":
                dweight = torch.zeros_like(dweight)
            df = dweight if wrong == "logistic derivative missing" else dweight * gate * (1 - gate)
            return back * weight, df

    return DecayedSum
