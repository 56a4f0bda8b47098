"""Recurrent layers that PyTorch computes in one call: what is seen over their time steps, and what is not."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from gradcheck import watch


def trained(layer, steps=4, time=40):
    torch.manual_seed(0)
    model = nn.ModuleDict({"inner": layer, "head": nn.Linear(8, 2)})
    optimizer = torch.optim.SGD(model.parameters(), 1e-9)
    samples = []
    with watch(model, optimizer, callback=samples.append) as health:
        for _ in range(steps):
            x = torch.randn((5, time, 6) if layer.batch_first else (time, 5, 6))
            out, _ = layer(x)
            last = out[:, -1] if layer.batch_first else out[-1]
            optimizer.zero_grad()
            functional.cross_entropy(model["head"](last[:, :8]), torch.randint(2, (5,))).backward()
            optimizer.step()
    return health, samples


@pytest.mark.parametrize("batch_first", [False, True])
def test_hidden_states_that_explode_over_time(batch_first):
    torch.manual_seed(0)
    layer = nn.RNN(6, 8, nonlinearity="relu", batch_first=batch_first)
    with torch.no_grad():
        layer.weight_hh_l0.copy_(1.5 * torch.eye(8))
    health, samples = trained(layer)
    [found] = [f for f in health.findings if f.code == "GC311"]
    assert "layer inner (rnn) goes over 40 time steps, and its output changes by a factor of 1.5" in found.title
    [inner] = [one for one in samples[0].layers if one.name == "inner"]
    assert inner.times == 40
    assert inner.growth > 1e6


@pytest.mark.parametrize(
    "layer",
    [
        nn.RNN(6, 8, nonlinearity="relu"),
        nn.LSTM(6, 8, batch_first=True),
        nn.GRU(6, 8, bidirectional=True),
        nn.LSTM(6, 8, num_layers=2),
    ],
    ids=["rnn", "lstm", "gru", "deep"],
)
def test_healthy_ones_are_let_be(layer):
    health, _ = trained(layer, steps=6)
    assert [f for f in health.findings if f.code in ("GC310", "GC311")] == []
    unseen = health.report(raises=False).watched.unseen
    assert any("gradients from time step to time step were not" in sentence for sentence in unseen)


def test_a_sequence_that_is_packed_is_passed_by():
    torch.manual_seed(0)
    layer = nn.GRU(6, 8)
    optimizer = torch.optim.SGD(layer.parameters(), 0.1)
    with watch(layer, optimizer) as health:
        for _ in range(3):
            x = nn.utils.rnn.pack_padded_sequence(torch.randn(7, 3, 6), torch.tensor([7, 5, 2]))
            out, _ = layer(x)
            optimizer.zero_grad()
            out.data.pow(2).mean().backward()
            optimizer.step()
    assert [f for f in health.findings if f.severity != "info"] == []


def test_a_birth_in_a_packed_sequence_is_found():
    torch.manual_seed(0)
    layer = nn.GRU(6, 8)
    optimizer = torch.optim.SGD(layer.parameters(), 0.1)
    with watch(layer, optimizer) as health:
        for step in range(3):
            x = nn.utils.rnn.pack_padded_sequence(torch.randn(7, 3, 6), torch.tensor([7, 5, 2]))
            out, _ = layer(x)
            optimizer.zero_grad()
            (out.data.pow(2).mean() if step < 2 else torch.log(out.data * 0).mean()).backward()
            optimizer.step()
    [birth] = [f for f in health.findings if f.code == "GC300"]
    assert birth.title.startswith("torch.log makes the first infinity")
