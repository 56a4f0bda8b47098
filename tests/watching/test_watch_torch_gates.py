"""The gates inside of PyTorch's recurrent layers: computed again as PyTorch has them, and those that are saturated."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from gradcheck import watch
from gradcheck.watching.pytorch.gates import gates_of

UNITS = 8


def trained(layer, scale=1.0, steps=6, time=12, lr=1e-9, packed=False):
    torch.manual_seed(0)
    model = nn.ModuleDict({"inner": layer, "head": nn.Linear(UNITS, 2)})
    optimizer = torch.optim.SGD(model.parameters(), lr)
    with watch(model, optimizer, every=1) as health:
        for _ in range(steps):
            x = scale * torch.randn((5, time, 6) if layer.batch_first else (time, 5, 6))
            if packed:
                x = nn.utils.rnn.pack_padded_sequence(x, torch.tensor([time, time, 5, 4, 2]))
            out, _ = layer(x)
            last = out.data[:, :UNITS] if packed else out[:, -1] if layer.batch_first else out[-1]
            optimizer.zero_grad()
            functional.cross_entropy(model["head"](last[:, :UNITS]), torch.randint(2, (len(last),))).backward()
            optimizer.step()
    return health.report(raises=False)


def saturated(report):
    return [f for f in report.findings if f.code == "GC321"]


def biased(layer, gate, bias):
    """One gate, by its place among the rows of the weights, far from 0."""
    with torch.no_grad():
        layer.bias_ih_l0[gate * UNITS : (gate + 1) * UNITS] = bias
    return layer


LAYERS = {
    "rnn": lambda: nn.RNN(6, UNITS),
    "lstm": lambda: nn.LSTM(6, UNITS, batch_first=True),
    "gru": lambda: nn.GRU(6, UNITS, bidirectional=True),
    "two layers": lambda: nn.LSTM(6, UNITS, num_layers=2),
    "three layers": lambda: nn.GRU(6, UNITS, num_layers=3, bias=False),
}


@pytest.mark.parametrize("name", LAYERS)
def test_healthy_ones_are_let_be(name):
    torch.manual_seed(0)
    report = trained(LAYERS[name](), lr=0.1)
    assert saturated(report) == []


@pytest.mark.parametrize("name", ["lstm", "gru", "two layers"])
def test_inputs_that_were_not_scaled(name):
    torch.manual_seed(0)
    found = saturated(trained(LAYERS[name](), scale=1e3))
    place = ", in its layer 0," if name == "two layers" else ""
    assert found[0].title.startswith(f"every gate of layer inner (rnn){place} is saturated: each is flat at ")
    assert "computed again from its inputs, outputs and weights" in " ".join(found[0].evidence)
    assert "gate 4" in found[0].evidence[0] or "gate 5" in found[0].evidence[0]  # about half at either end
    ways = [f.title for f in found if "backwards in time" in f.title]
    assert len(ways) == (name == "gru")


def test_hidden_states_that_are_all_at_the_ends_of_tanh():
    torch.manual_seed(0)
    [found] = saturated(trained(nn.RNN(6, UNITS), scale=1e4))
    assert found.title.startswith("the hidden state of layer inner (rnn) is saturated: it passes ")


@pytest.mark.parametrize(
    ("layer", "gate", "bias", "says"),
    [
        (nn.LSTM, 0, -20.0, "the input gate of layer inner (rnn) is saturated: at 100 % of its entries it is 0"),
        (nn.LSTM, 1, -20.0, "next to nothing is remembered from one time step to the next"),
        (nn.LSTM, 3, -20.0, "next to nothing leaves the cell"),
        (nn.LSTM, 2, 20.0, "the cell candidate of layer inner (rnn) is saturated: it passes "),
        (nn.GRU, 0, -20.0, "the candidate sees next to nothing of the time step before"),
        (nn.GRU, 1, 20.0, "at 100 % of its entries it is 1, and the hidden state stays as it is"),
    ],
    ids=["input", "forget", "output", "candidate", "reset", "update"],
)
def test_a_single_gate_that_is_shut(layer, gate, bias, says):
    torch.manual_seed(0)
    [found] = saturated(trained(biased(layer(6, UNITS), gate, bias)))
    assert says in found.title
    assert found.severity == "warning"


def test_packed_sequences_and_lower_layers_too():
    torch.manual_seed(0)
    [found] = saturated(trained(biased(nn.LSTM(6, UNITS), 1, -20.0), packed=True))
    assert "the forget gate" in found.title
    [found] = saturated(trained(biased(nn.LSTM(6, UNITS, num_layers=2), 1, -20.0)))
    assert "the forget gate of layer inner (rnn), in its layer 0, is saturated" in found.title


def test_a_memory_that_is_meant_to_last_is_let_be():
    """Biases of the forget gate that are large, and of the input gate the opposite of them."""
    torch.manual_seed(0)
    layer = biased(biased(nn.LSTM(6, UNITS), 1, 20.0), 0, -20.0)
    assert saturated(trained(layer)) == []
    assert saturated(trained(biased(nn.GRU(6, UNITS), 1, -20.0))) == []  # as a plain RNN


def test_what_cannot_be_seen_is_said():
    stacked = nn.LSTM(6, UNITS, num_layers=2, dropout=0.5)
    unseen = " ".join(trained(biased(stacked, 1, -20.0)).watched.unseen)
    assert "of inner the gates of the first layer only were looked at: what its dropout drew is not known" in unseen
    both = " ".join(trained(nn.GRU(6, UNITS, num_layers=2, bidirectional=True)).watched.unseen)
    assert "the gates of inner were not looked at: it is stacked and goes in both directions" in both
    one = " ".join(trained(nn.LSTM(6, UNITS)).watched.unseen)
    assert "its outputs over time and its gates were looked at, the gradients from time step to time step" in one


@pytest.mark.parametrize("name", [*LAYERS, "projected"])
def test_gates_are_as_a_loop_over_cells_has_them(name, monkeypatch):
    """The outputs of a stacked layer's last, computed again through all below it, are PyTorch's."""
    import gradcheck.watching.pytorch.gates as module

    torch.manual_seed(0)
    layer = LAYERS[name]() if name != "projected" else nn.LSTM(6, UNITS, num_layers=2, proj_size=3)
    layer = layer.double()
    x, states = torch.randn(7, 4, 6, dtype=torch.float64), None
    if name == "three layers":
        states = torch.randn(3, 4, UNITS, dtype=torch.float64)
    if layer.batch_first:
        x = x.transpose(0, 1)
    out, last = layer(x, states)
    told = []
    real = module._gates
    monkeypatch.setattr(module, "_gates", lambda *args, **more: told.append(args) or real(*args, **more))
    made = gates_of(layer, (x, states), {}, (out, last))
    assert len(told) == layer.num_layers
    assert all(0 <= gate.slope <= 1 and gate.low + gate.high == pytest.approx(gate.flat) for gate in made)
    if layer.num_layers > 1:
        below, given = told[-2][3], told[-1][2]
        assert below is given
        again = module._outputs(layer, layer.num_layers - 1, given, () if states is None else (states,))
        torch.testing.assert_close(again, out)
