"""Modules of every shape: shared, called many times, frozen, tied, in place, checkpointed, functional, compiled."""

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint
from torch_watched import Net, data, layer, parameter, sampled, stepper

X, Y = data()


def sgd(model, lr=0.1):
    return torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=lr)


def names(sample):
    return [each.name for each in sample.layers]


def test_layers_come_in_the_order_in_which_they_are_called():
    class Backwards(nn.Module):
        def __init__(self):
            super().__init__()
            self.last, self.unused, self.first = nn.Linear(8, 3), nn.Linear(2, 2), nn.Linear(6, 8)

        def forward(self, x):
            return self.last(self.first(x).tanh())

    model = Backwards()
    (sample,) = sampled(model, stepper(model, sgd(model)))
    assert names(sample) == ["first", "tanh after first", "last"]
    assert layer(sample, "tanh after first").where.function.endswith("Backwards.forward")
    assert parameter(sample, "unused.weight").gradient is None


def test_a_shared_module_is_one_layer_with_all_its_calls():
    class Shared(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nn.Linear(6, 6)
            self.again = self.inner
            self.head = nn.Linear(6, 3)

        def forward(self, x):
            for _ in range(3):
                x = torch.tanh(self.inner(x))
            return self.head(self.again(x))

    model = Shared()
    (sample,) = sampled(model, stepper(model, sgd(model)))
    assert names(sample) == ["inner", "tanh after inner", "head"]
    assert layer(sample, "inner").activation.count == 4 * X.numel()
    assert layer(sample, "inner").gradient.count == 4 * X.numel()
    assert layer(sample, "tanh after inner").gradient.count == 3 * X.numel()


def test_frozen_parameters_and_those_that_no_optimizer_has():
    model = Net()
    model.first.requires_grad_(False)
    optimizer = torch.optim.SGD(model.last.parameters(), lr=0.1)
    (sample,) = sampled(model, stepper(model, optimizer), optimizer=optimizer)
    frozen, forgotten, trained = (parameter(sample, n) for n in ("first.weight", "norm.weight", "last.weight"))
    assert (frozen.frozen, frozen.gradient, frozen.update) == (True, None, None)
    assert (forgotten.trained, forgotten.lr, forgotten.update.norm) == (False, None, 0.0)
    assert forgotten.gradient.norm > 0
    assert (trained.trained, trained.frozen, trained.lr) == (True, False, 0.1)
    assert trained.update.norm > 0


def test_a_tied_parameter_is_one():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = nn.Embedding(5, 4)
            self.out = nn.Linear(4, 5, bias=False)
            self.out.weight = self.embed.weight

        def forward(self, x):
            return self.out(self.embed(x))

    model = Tied()
    x = torch.tensor([0, 1, 2, 2])
    (sample,) = sampled(model, stepper(model, sgd(model), x, x))
    assert [p.name for p in sample.parameters] == ["embed.weight"]
    assert sample.parameters[0].sparse
    assert sample.parameters[0].role == "embedding"
    assert sample.samples == 4


def test_activations_in_place_change_nothing_of_what_was_before():
    torch.manual_seed(0)
    apart = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))
    torch.manual_seed(0)
    within = nn.Sequential(nn.Linear(6, 8), nn.ReLU(inplace=True), nn.Linear(8, 3))
    (one,), (other,) = (sampled(m, stepper(m, sgd(m))) for m in (apart, within))
    assert [(e.activation, e.gradient, e.input_gradient, e.flat) for e in one.layers] == [
        (e.activation, e.gradient, e.input_gradient, e.flat) for e in other.layers
    ]
    assert layer(one, "0").gradient.norm == layer(one, "1").input_gradient.norm


@pytest.mark.parametrize("reentrant", [False, True])
def test_a_checkpoint_is_not_counted_twice(reentrant):
    class Checkpointed(nn.Module):
        def __init__(self, on):
            super().__init__()
            self.on = on
            self.inner = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 6))
            self.before, self.head = nn.Linear(6, 6), nn.Linear(6, 3)

        def forward(self, x):
            x = self.before(x)
            x = checkpoint(self.inner, x, use_reentrant=reentrant) if self.on else self.inner(x)
            return self.head(x)

    found = []
    for on in (False, True):
        torch.manual_seed(0)
        model = Checkpointed(on)
        found += sampled(model, stepper(model, sgd(model)))
    plain, checked = found
    assert names(plain) == names(checked)
    for one, other in zip(plain.layers, checked.layers, strict=True):
        assert one.activation == other.activation
        assert one.gradient.norm == pytest.approx(other.gradient.norm, rel=1e-5)
        assert one.gradient.count == other.gradient.count
        assert one.flat == other.flat


def test_a_bias_before_a_batch_norm_is_known_to_have_no_effect():
    model = Net()
    (sample,) = sampled(model, stepper(model, sgd(model)))
    assert parameter(sample, "first.bias").before_norm
    assert not parameter(sample, "first.weight").before_norm
    assert not parameter(sample, "last.bias").before_norm


def test_a_bias_whose_gradient_cancels_in_a_difference_of_outputs():
    model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    def step():
        optimizer.zero_grad()
        (model(X).mean() - model(X + 1).mean()).backward()
        optimizer.step()

    (sample,) = sampled(model, step, optimizer=optimizer)
    assert parameter(sample, "2.bias").gradient.norm == 0
    assert parameter(sample, "2.bias").before_norm
    assert not parameter(sample, "0.bias").before_norm


def test_a_bias_that_no_gradient_reaches_is_told():
    model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))
    with torch.no_grad():
        model[0].bias.fill_(-100)
    (sample,) = sampled(model, stepper(model, torch.optim.SGD(model.parameters(), lr=0.1)))
    assert parameter(sample, "0.bias").gradient.norm == 0
    assert not parameter(sample, "0.bias").before_norm


def test_equal_units_are_seen_at_the_first_step_only_where_the_gradient_keeps_them_equal():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))
    for p in model.parameters():
        nn.init.constant_(p, 0.1)
    first, second = sampled(model, stepper(model, sgd(model)), 2)
    assert parameter(first, "0.weight").equal_columns
    assert not parameter(first, "2.weight").equal_columns  # equal, but each class pulls its own way
    assert not parameter(second, "0.weight").equal_columns


def test_the_output_of_a_network_may_be_saturated():
    model = nn.Sequential(nn.Linear(6, 1), nn.Sigmoid())
    optimizer = sgd(model)

    def step():
        optimizer.zero_grad()
        functional.binary_cross_entropy(model(X)[:, 0], (Y > 0).float()).backward()
        optimizer.step()

    (sample,) = sampled(model, step)
    assert layer(sample, "1").before_loss
    assert sample.output.classes == 2
    assert sample.output.labels.tolist() == [int((Y == 0).sum()), int((Y > 0).sum())]


def test_several_outputs_packed_sequences_and_keyword_inputs():
    class Recurrent(nn.Module):
        def __init__(self):
            super().__init__()
            self.cell, self.head = nn.LSTM(6, 5, batch_first=True), nn.Linear(5, 3)
            self.attention = nn.MultiheadAttention(5, 1, batch_first=True)
            self.pool = nn.MaxPool1d(2)

        def forward(self, *, sequence):
            packed = nn.utils.rnn.pack_padded_sequence(sequence, [4, 4, 2], batch_first=True)
            h = nn.utils.rnn.pad_packed_sequence(self.cell(packed)[0], batch_first=True)[0]
            h = self.pool(self.attention(h, h, h)[0].transpose(1, 2))
            return {"scores": self.head(h.mean(2))}

    model = Recurrent()
    optimizer = sgd(model)

    def step():
        optimizer.zero_grad()
        out = model(sequence=X[:12].reshape(3, 4, 6))["scores"]
        functional.cross_entropy(out, Y[:3]).backward()
        optimizer.step()

    (sample,) = sampled(model, step)
    assert [(each.name, each.kind) for each in sample.layers] == [
        ("cell", "rnn"),
        ("attention", "attention"),
        ("pool", "pool"),
        ("head", "linear"),
    ]
    assert layer(sample, "pool").passes == "1 of 2 positions"
    assert all(each.gradient is not None for each in sample.layers)
    assert sample.samples == 3


def test_functions_in_a_loop_go_by_the_layer_before_them():
    class Deep(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.ModuleList([nn.Linear(6, 6), nn.Linear(6, 6)])
            self.head = nn.Linear(6, 3)

        def forward(self, x):
            for each in self.layers:
                x = functional.relu(each(x))
            return self.head(torch.relu_(x + 0))

    model = Deep()
    one, two = sampled(model, stepper(model, sgd(model)), 2)
    assert names(one) == [
        "layers.0",
        "relu after layers.0",
        "layers.1",
        "relu after layers.1",
        "relu after layers.1 (2)",
        "head",
    ]
    assert names(two) == names(one)


def test_units_of_functional_relus_are_channels_after_a_convolution():
    class Conv(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.head = nn.Conv1d(1, 4, 3), nn.Linear(16, 3)

        def forward(self, x):
            return self.head(functional.relu(self.conv(x[:, None])).flatten(1))

    model = Conv()
    with torch.no_grad():
        model.conv.weight[2], model.conv.bias[2] = 0.0, -1.0
    (sample,) = sampled(model, stepper(model, sgd(model)))
    assert layer(sample, "relu after conv").active.tolist()[2] is False
    assert layer(sample, "relu after conv").active.shape == (4,)


def test_a_module_whose_parts_are_called_instead_of_it():
    model = nn.ModuleDict({"body": nn.Linear(6, 8), "head": nn.Linear(8, 3)})
    optimizer = sgd(model)

    def step():
        optimizer.zero_grad()
        functional.cross_entropy(model["head"](model["body"](X).relu()), Y).backward()
        optimizer.step()

    samples = sampled(model, step, 3)
    assert all(names(sample) == ["body", "relu after body", "head"] for sample in samples)
    assert all(sample.loss is not None for sample in samples)


def test_lazy_modules_and_a_single_layer():
    model = nn.Sequential(nn.LazyLinear(8), nn.ReLU(), nn.LazyLinear(3))
    model(X)
    assert names(sampled(model, stepper(model, sgd(model)))[0]) == ["0", "1", "2"]
    alone = nn.Linear(6, 3)
    assert names(sampled(alone, stepper(alone, sgd(alone)))[0]) == ["Linear"]


def test_parametrized_and_weight_normed_layers():
    model = nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(6, 8)), nn.Linear(8, 3))
    (sample,) = sampled(model, stepper(model, sgd(model)))
    assert names(sample) == ["0", "1"]
    assert any("original" in p.name for p in sample.parameters)


def test_a_compiled_module_is_watched_from_outside_and_the_report_says_so():
    class Loud(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.head = nn.Linear(6, 8), nn.Linear(8, 3)

        def forward(self, x):
            return self.head(torch.relu(self.body(x)))

    made = []

    def backend(graph, _):
        made.append(graph)
        return graph.forward

    from gradcheck import watch

    for how in ("wrapped", "in place", "the inner one"):
        torch._dynamo.reset()
        made.clear()
        torch.manual_seed(0)
        plain = Loud()
        model = plain
        if how == "in place":
            plain.compile(backend=backend)
        else:
            model = torch.compile(plain, backend=backend)
        optimizer = sgd(plain)
        step = stepper(model, optimizer)
        samples = []
        with watch(plain if how == "the inner one" else model, optimizer, callback=samples.append) as health:
            for _ in range(60):
                step()
        assert len(made) <= 3, how  # not one for each sampled step
        report = health.report()
        assert report.watched.steps == 60
        assert report.watched.unseen, how
        assert parameter(samples[0], "body.weight").update.norm > 0
        assert samples[0].loss is not None
