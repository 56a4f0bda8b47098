"""Where a step ends: one optimizer or several or none, accumulation, closures, gradient scaling."""

import json

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch_watched import Net, data, layer, parameter, sampled, stepper

from gradcheck import watch
from gradcheck.health.sample import Sample

X, Y = data()


def mlp():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))


def test_gradients_of_several_backwards_are_one_step():
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    def step():
        optimizer.zero_grad()
        for k in range(4):
            (functional.cross_entropy(model(X[8 * k : 8 * k + 8]), Y[8 * k : 8 * k + 8]) / 4).backward()
        optimizer.step()

    (parts,) = sampled(model, step, optimizer=optimizer)
    whole_model = mlp()
    whole_optimizer = torch.optim.SGD(whole_model.parameters(), lr=0.1)
    (whole,) = sampled(whole_model, stepper(whole_model, whole_optimizer))
    assert parts.samples == whole.samples == 32
    assert parts.loss == pytest.approx(whole.loss, rel=1e-5)
    for one, other in zip(parts.layers, whole.layers, strict=True):
        assert one.activation.norm == pytest.approx(other.activation.norm, rel=1e-5)
        assert one.activation.count == other.activation.count
        assert one.gradient.norm == pytest.approx(other.gradient.norm, rel=1e-4)
    for one, other in zip(parts.parameters, whole.parameters, strict=True):
        assert one.gradient.norm == pytest.approx(other.gradient.norm, rel=1e-4)
        assert one.update.norm == pytest.approx(other.update.norm, rel=1e-3)
    assert parts.output.labels.tolist() == whole.output.labels.tolist()


def test_the_optimizer_is_found_where_none_is_given():
    model, other = mlp(), mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.25)
    elsewhere = torch.optim.SGD(other.parameters(), lr=0.5)

    def step():
        stepper(other, elsewhere)()
        stepper(model, optimizer)()

    samples = sampled(model, step, 3)
    assert [s.step for s in samples] == [0, 1, 2]
    assert parameter(samples[0], "0.weight").lr == 0.25


def by_hand(model, health=None):
    loss = functional.cross_entropy(model(X), Y)
    loss.backward()
    with torch.no_grad():
        for p in model.parameters():
            p -= 0.5 * p.grad
            p.grad = None
    if health is not None:
        health.step(loss)


@pytest.mark.parametrize("marked", [False, True])
def test_without_an_optimizer(marked):
    model = mlp()
    samples = []
    with watch(model, every=1, callback=samples.append) as health:
        for _ in range(3):
            by_hand(model, health if marked else None)
    assert [s.step for s in samples] == [0, 1, 2]
    assert health.report().watched.steps == 3
    assert len({s.loss for s in samples}) == 3
    assert all(parameter(s, "0.weight").update.norm > 0 for s in samples)
    assert all(parameter(s, "0.weight").trained for s in samples)


def test_steps_marked_by_hand_with_a_loss_and_outputs_of_its_own():
    model = mlp()
    samples = []
    with watch(model, every=1, callback=samples.append) as health:
        out = model(X)
        loss = (out - functional.one_hot(Y, 3)).square().sum()
        torch.autograd.grad(loss, list(model.parameters()))
        health.step(loss, outputs=out, labels=Y)
    assert samples[0].loss == pytest.approx(float(loss.detach()))
    assert samples[0].output.labels.tolist() == torch.bincount(Y, minlength=3).tolist()


def test_several_optimizers_make_one_step_together():
    model = mlp()
    both = [torch.optim.SGD(model[0].parameters(), lr=0.1), torch.optim.Adam(model[2].parameters(), lr=0.01)]

    def step():
        for optimizer in both:
            optimizer.zero_grad()
        functional.cross_entropy(model(X), Y).backward()
        for optimizer in both:
            optimizer.step()

    samples = sampled(model, step, 3, optimizer=both)
    assert [s.step for s in samples] == [0, 1, 2]
    assert [parameter(samples[1], f"{k}.weight").lr for k in (0, 2)] == [0.1, 0.01]
    assert all(p.update.norm > 0 for s in samples for p in s.parameters)


def test_one_optimizer_that_steps_more_rarely():
    model = mlp()
    often, rarely = torch.optim.SGD(model[0].parameters(), lr=0.1), torch.optim.SGD(model[2].parameters(), lr=0.1)
    count = 0

    def step():
        nonlocal count
        count += 1
        model.zero_grad()
        functional.cross_entropy(model(X), Y).backward()
        often.step()
        if count % 3 == 0:
            rarely.step()

    with watch(model, [often, rarely]) as health:
        for _ in range(6):
            step()
    assert health.report().watched.steps == 6


def test_a_closure_that_is_called_many_times_is_one_step():
    model = mlp()
    optimizer = torch.optim.LBFGS(model.parameters(), max_iter=5)

    def closure():
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(X), Y)
        loss.backward()
        return loss

    samples = sampled(model, lambda: optimizer.step(closure), 3, optimizer=optimizer)
    assert [s.step for s in samples] == [0, 1, 2]
    assert all(p.update.norm > 0 for p in samples[0].parameters)
    assert all(p.gradient is not None for p in samples[0].parameters)
    assert samples[0].evaluations > 2
    assert samples[0].samples == 32
    assert samples[0].loss == pytest.approx(functional.cross_entropy(mlp()(X), Y).item())
    assert layer(samples[0], "0").calls == 1


def test_a_closure_that_adds_up_is_evaluated_once():
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)

    def closure():
        optimizer.zero_grad()
        losses = [functional.cross_entropy(model(X[k::2]), Y[k::2]) / 2 for k in range(2)]
        for loss in losses:
            loss.backward()
        return sum(losses)

    (sample,) = sampled(model, lambda: optimizer.step(closure), optimizer=optimizer)
    assert (sample.evaluations, sample.samples) == (1, 32)
    assert sample.loss == pytest.approx(functional.cross_entropy(mlp()(X), Y).item())


@pytest.mark.parametrize("maximize", [True, False])
def test_a_loss_that_is_meant_to_rise(maximize):
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, maximize=maximize)
    (sample,) = sampled(model, stepper(model, optimizer))
    assert sample.maximized == maximize


def test_an_optimizer_inside_another_is_one_step():
    class Twice(torch.optim.SGD):
        def __init__(self, parameters, lr):
            parameters = list(parameters)
            super().__init__(parameters, lr)
            self.inner = torch.optim.SGD(parameters, lr)

        def step(self, closure=None):
            self.inner.step()
            self.inner.step()

    model = mlp()
    optimizer = Twice(model.parameters(), 0.1)
    assert [s.step for s in sampled(model, stepper(model, optimizer), 3)] == [0, 1, 2]


def test_a_validation_between_the_steps_is_not_looked_at():
    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    train = stepper(model, optimizer)

    def step():
        with torch.no_grad():
            model.eval()(X[:5])
            functional.cross_entropy(model(X[:5]), Y[:5])
        model.train()
        train()

    (sample,) = sampled(model, step)
    assert layer(sample, "first").activation.count == 32 * 8
    assert sample.samples == 32


def scaled(model, optimizer, scaler, factor=1.0):

    def step():
        optimizer.zero_grad()
        loss = factor * functional.cross_entropy(model(X), Y)
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()

    return step


def test_a_scaled_loss_is_told_as_it_was():
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    (sample,) = sampled(model, scaled(model, optimizer, scaler), optimizer=optimizer)
    plain_model = mlp()
    (plain,) = sampled(plain_model, stepper(plain_model, torch.optim.SGD(plain_model.parameters(), lr=0.1)))
    assert sample.loss == plain.loss
    for one, other in zip(sample.layers, plain.layers, strict=True):
        assert one.gradient.norm == pytest.approx(other.gradient.norm, rel=1e-4)
    for one, other in zip(sample.parameters, plain.parameters, strict=True):
        assert one.gradient.norm == pytest.approx(other.gradient.norm, rel=1e-4)


def test_a_step_that_the_scaler_skips_is_no_finding_and_no_step():
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-6)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**120)  # overflows until it has come down
    step = scaled(model, optimizer, scaler, factor=1e5)
    samples = []
    with watch(model, optimizer, every=1, callback=samples.append) as health:
        for _ in range(60):
            step()
    report = health.report()
    assert scaler.get_scale() < 2.0**120
    assert 0 < report.watched.steps < 60
    assert all(e.gradient.bad == 0 for s in samples for e in s.layers)
    assert not [f for f in report.findings if f.code in ("GC300", "GC301")]


@pytest.mark.parametrize("dtype", [torch.bfloat16])
def test_autocast(dtype):
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    def step():
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=dtype):
            loss = functional.cross_entropy(model(X), Y)
        loss.backward()
        optimizer.step()

    (sample,) = sampled(model, step)
    assert layer(sample, "0").activation.dtype == "bfloat16"
    assert parameter(sample, "0.weight").gradient.dtype == "float32"
    plain_model = mlp()
    (plain,) = sampled(plain_model, stepper(plain_model, torch.optim.SGD(plain_model.parameters(), lr=0.1)))
    assert layer(sample, "0").activation.norm == pytest.approx(layer(plain, "0").activation.norm, rel=0.01)


def test_the_memory_of_a_long_run_does_not_grow():
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    step = stepper(model, optimizer, X[:2], Y[:2])
    sizes = []
    for steps in (130, 1040):
        with watch(model, optimizer, every=1) as health:
            for _ in range(steps):
                step()
        report = health.report()
        assert report.watched.steps == steps
        sizes.append(len(report.to_json()))
    assert sizes[1] < 1.2 * sizes[0]


def test_a_step_that_was_broken_off_does_not_disturb_the_next():
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    step = stepper(model, optimizer)
    samples = []
    with watch(model, optimizer, every=1, callback=samples.append):
        step()
        with pytest.raises(RuntimeError):
            model(torch.ones(2, 7))
        with pytest.raises(RuntimeError):
            functional.cross_entropy(model(X), Y).backward(torch.ones(3))
        step()
    assert [s.step for s in samples] == [0, 1]


def test_samples_go_to_the_callback_and_to_the_stream(tmp_path):
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    samples = sampled(model, stepper(model, optimizer), 5, every=2, stream=tmp_path / "health.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "health.jsonl").read_text().splitlines()]
    assert [s.step for s in samples] == [line["step"] for line in lines] == [0, 2, 4]
    assert all(isinstance(s, Sample) for s in samples)


@pytest.mark.parametrize("every", [1, 10**6])
def test_what_the_update_makes_infinite_is_told_as_born_there(every):
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    step = stepper(model, optimizer)
    with watch(model, optimizer, every=every) as health:
        step()
        optimizer.param_groups[0]["lr"] = 1e38
        for p in model.parameters():
            p.grad = None
        functional.cross_entropy(1e3 * model(X), Y).backward()
        optimizer.step()
        step()
    finding = next(f for f in health.report().findings if f.code == "GC300")
    assert finding.step == 1
    assert "update" in finding.title
