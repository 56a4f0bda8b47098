"""The gates inside ``nn.RNN``, ``nn.LSTM`` and ``nn.GRU``, which PyTorch computes in one call and gives nobody.

From the inputs x, the outputs h and the weights they can be computed again. With h known at all time steps, those of
all steps are one product each, W_ih x_t + b_ih and W_hh h_{t−1} + b_hh, with no loop over time. Of stacked layers only
the last one's outputs are known, so that those below it are run again, over the first time steps.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence

from gradcheck.health.sample import GateSample

__all__ = ["gates_of", "unseen_gates"]

_TIMES = 32  # time steps that are looked at
_ENTRIES = 2**15  # of all gates of a layer together, which says how many samples of the batch are looked at
_FLAT = 0.01  # of the largest derivative
_OPEN = 1e-3  # of the output gate, from which on the cell state can be told from the output


@dataclass(frozen=True)
class _Sequence:
    """Inputs and outputs of some samples of the batch, at all time steps: (steps × samples × units).

    ``states`` are those that it began with (layers × samples × units): h, and c of an LSTM; none where they were 0.
    ``exact``: the outputs came in the precision in which is computed here.
    """

    x: torch.Tensor
    h: torch.Tensor
    states: tuple[torch.Tensor, ...]
    exact: bool


def gates_of(
    module: nn.Module | None, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
) -> tuple[GateSample, ...]:
    """How flat each gate of a recurrent layer works in this call; nothing of any other module.

    Args:
        module: The layer.
        args, kwargs: What it was called with.
        result: What it gave: outputs, and last states.
    """
    if not isinstance(module, nn.RNNBase) or _spread(module):
        return ()
    with torch.no_grad(), torch.autocast(_first(module).device.type, enabled=False):
        given = args[1] if len(args) > 1 else kwargs.get("hx")
        seen = _sequence(module, args[0] if args else kwargs["input"], result[0], given)
        if seen is None:
            return ()
        found: list[GateSample] = []
        deep = module.num_layers > 1
        x = seen.x[:_TIMES] if deep else seen.x
        for layer in range(module.num_layers):
            if layer > 0 and _dropped(module):
                break
            last = layer == module.num_layers - 1
            if not last and module.bidirectional:
                break
            h = seen.h[: len(x)] if last else _outputs(module, layer, x, seen.states)
            found += _gates(module, layer, x, h, seen.exact)
            x = h
    return tuple(found)


def unseen_gates(module: nn.RNNBase, name: str) -> str:
    """Which gates cannot be seen; empty where all can."""
    if _spread(module):
        return f"the gates of {name} were not looked at: its weights are spread over several processes"
    if module.num_layers > 1 and module.bidirectional:
        return f"the gates of {name} were not looked at: it is stacked and goes in both directions"
    if module.num_layers > 1 and module.dropout > 0:
        return f"of {name} the gates of the first layer only were looked at: what its dropout drew is not known"
    return ""


def _first(module: nn.RNNBase) -> torch.Tensor:
    weight = module.weight_ih_l0
    assert isinstance(weight, torch.Tensor)
    return weight


def _spread(module: nn.RNNBase) -> bool:
    return hasattr(_first(module), "placements")


def _dropped(module: nn.RNNBase) -> bool:
    return module.dropout > 0 and module.training


def _sequence(module: nn.RNNBase, x: Any, h: Any, given: Any) -> _Sequence | None:
    """Time first, of so many samples as are looked at; of packed sequences those that are the longest."""
    states = () if given is None else given if isinstance(given, tuple) else (given,)
    if isinstance(x, PackedSequence):
        full = int(x.batch_sizes[-1])
        sizes, order = x.batch_sizes.tolist(), x.sorted_indices
        states = tuple((s if order is None else s.index_select(1, order))[:, :full] for s in states)
        x, h = (torch.stack([part[:full] for part in packed.data.split(sizes)]) for packed in (x, h))
    elif x.dim() == 2:
        x, h, states = x[:, None], h[:, None], tuple(s[:, None] for s in states)
    elif module.batch_first:
        x, h = x.transpose(0, 1), h.transpose(0, 1)
    times, samples = x.shape[:2]
    if times < 2 or not samples:
        return None
    size = min(times, _TIMES) * _first(module).shape[0]
    every = math.ceil(samples / max(1, _ENTRIES // size))
    dtype = torch.float64 if x.dtype == torch.float64 else torch.float32
    few, made, *begun = (one[:, ::every].to(dtype) for one in (x, h, *states))
    return _Sequence(few, made, tuple(begun), exact=h.dtype == dtype)


def _weights(module: nn.RNNBase, layer: int, suffix: str, like: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """W_ih, W_hh, b_ih and b_hh of one layer and direction."""
    names = [f"weight_ih_l{layer}{suffix}", f"weight_hh_l{layer}{suffix}"]
    weights = [getattr(module, name).detach().to(like.dtype) for name in names]
    if module.bias:
        biases = [getattr(module, f"bias_{kind}_l{layer}{suffix}").detach().to(like.dtype) for kind in ("ih", "hh")]
    else:
        biases = [like.new_zeros(weights[0].shape[0])] * 2
    return *weights, *biases


def _outputs(module: nn.RNNBase, layer: int, x: torch.Tensor, states: tuple[torch.Tensor, ...]) -> torch.Tensor:
    """The outputs of a layer below the last, computed again time step by time step."""
    w, u, b, c = _weights(module, layer, "", x)
    projection = getattr(module, f"weight_hr_l{layer}").detach().to(x.dtype) if module.proj_size else None
    before = torch.addmm(b, x.flatten(0, 1), w.T).view(*x.shape[:2], -1)
    h = states[0][layer] if states else x.new_zeros(x.shape[1], u.shape[1])
    cell = states[1][layer] if len(states) > 1 else x.new_zeros(x.shape[1], module.hidden_size)
    made = []
    for at in before:
        hidden = torch.addmm(c, h, u.T)
        if module.mode == "LSTM":
            i, f, g, o = (at + hidden).chunk(4, 1)
            cell = f.sigmoid() * cell + i.sigmoid() * g.tanh()
            h = o.sigmoid() * cell.tanh()
            h = h if projection is None else h @ projection.T
        elif module.mode == "GRU":
            (r, z, n), (hr, hz, hn) = at.chunk(3, 1), hidden.chunk(3, 1)
            update = (z + hz).sigmoid()
            h = (1 - update) * (n + (r + hr).sigmoid() * hn).tanh() + update * h
        else:
            h = (at + hidden).tanh() if module.mode == "RNN_TANH" else (at + hidden).relu()
        made.append(h)
    return torch.stack(made)


def _gates(module: nn.RNNBase, layer: int, x: torch.Tensor, h: torch.Tensor, exact: bool) -> list[GateSample]:
    """Those of one layer, in both directions where it has them."""
    found = []
    size = module.proj_size or module.hidden_size
    # Not the first: what h was before it need not be known then.
    chosen = torch.linspace(1, len(x) - 1, min(len(x) - 1, _TIMES)).long().to(x.device)
    for suffix, units in (("", slice(0, size)), ("_reverse", slice(size, None)))[: 1 + module.bidirectional]:
        way, own = (x.flip(0), h[..., units].flip(0)) if suffix else (x, h[..., units])
        w, u, b, c = _weights(module, layer, suffix, x)
        given = torch.addmm(b, way[chosen].flatten(0, 1), w.T)
        hidden = torch.addmm(c, own[chosen - 1].flatten(0, 1), u.T)
        now = own[chosen].flatten(0, 1)
        place = (f", in its layer {layer}" if module.num_layers > 1 else "") + (", backwards in time" if suffix else "")
        gates = _computed(module, given, hidden, now, exact)
        found += [_told(name, place, gate, tanh=name in _TANH) for name, gate in gates.items()]
    return found


_TANH = ("cell candidate", "cell state", "candidate", "hidden state")


def _computed(
    module: nn.RNNBase, given: torch.Tensor, hidden: torch.Tensor, now: torch.Tensor, exact: bool
) -> dict[str, torch.Tensor]:
    """The values of the gates, from W_ih x + b_ih, W_hh h + b_hh and the output."""
    if module.mode == "LSTM":
        i, f, g, o = (given + hidden).chunk(4, 1)
        found = {"input gate": i.sigmoid(), "forget gate": f.sigmoid(), "output gate": o.sigmoid()}
        found["cell candidate"] = g.tanh()
        open_ = found["output gate"] > _OPEN
        if exact and not module.proj_size and open_.float().mean() > 0.5:
            found["cell state"] = (now / found["output gate"])[open_].clamp(-1, 1)  # h = o tanh(c)
        return found
    if module.mode == "GRU":
        (r, z, n), (hr, hz, hn) = given.chunk(3, 1), hidden.chunk(3, 1)
        reset = (r + hr).sigmoid()
        return {"reset gate": reset, "update gate": (z + hz).sigmoid(), "candidate": (n + reset * hn).tanh()}
    return {"hidden state": now} if module.mode == "RNN_TANH" else {}


def _told(name: str, place: str, gate: torch.Tensor, tanh: bool) -> GateSample:
    slope = 1 - gate.square() if tanh else 4 * gate * (1 - gate)  # as a share of its largest value
    flat = slope < _FLAT
    low = flat & (gate < (0.0 if tanh else 0.5))
    shares = (flat.float().mean(), low.float().mean(), slope.square().mean().sqrt())
    total, shut, passes = (float(share) for share in shares)
    return GateSample(name, place, total, shut, total - shut, passes, tanh)
