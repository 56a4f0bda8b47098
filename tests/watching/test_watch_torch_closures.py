"""Gradients that are made inside of the optimizer's step, or clipped before it, are looked at before weights move."""

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch_watched import data, parameter, sampled

from gradcheck import UnhealthyTraining, watch

X, Y = data()


def mlp():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))


def loss_of(model, born=False):
    loss = functional.cross_entropy(model(X), Y)
    return loss + (0 * model[2].bias[0]).sqrt() if born else loss


def clip(model):
    nn.utils.clip_grad_norm_(model.parameters(), 0.01)


def leave(model):
    pass


def plain(model, optimizer, before, born=False):
    optimizer.zero_grad()
    loss_of(model, born).backward()
    before(model)
    optimizer.step()


def in_a_closure(model, optimizer, before, born=False):
    def closure():
        loss = loss_of(model, born)
        optimizer.zero_grad()
        loss.backward()
        before(model)
        return loss

    optimizer.step(closure)


def added_up_in_a_closure(model, optimizer, before, born=False):
    optimizer.zero_grad()
    loss_of(model).backward()

    def closure():
        loss = loss_of(model, born)
        loss.backward()
        before(model)
        return loss

    optimizer.step(closure=closure)


LOOPS = [plain, in_a_closure, added_up_in_a_closure]


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("before", [leave, clip])
@pytest.mark.parametrize("every", [1, 1000])
def test_a_birth_is_told_where_it_is_and_before_the_weights_move(loop, before, every):
    model, weights = mlp(), []
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    def train():
        with watch(model, optimizer, every=every, on="raise"):
            for step in range(5):
                weights.append([p.detach().clone() for p in model.parameters()])
                loop(model, optimizer, before, born=step == 3)

    with pytest.raises(UnhealthyTraining, match=r"backward of Tensor\.sqrt makes the first infinity"):
        train()
    assert len(weights) == 4
    assert all(map(torch.equal, weights[-1], model.parameters()))


@pytest.mark.parametrize("loop", LOOPS)
def test_only_the_birth_is_told(loop):
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer, every=1) as health:
        for step in range(5):
            loop(model, optimizer, clip, born=step == 3)
    births = [finding for finding in health.report().findings if finding.code == "GC300"]
    assert len(births) == 1
    assert births[0].title.startswith("backward of Tensor.sqrt")


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("before", [leave, clip])
def test_gradients_are_the_steps_own(loop, before):
    model, noted = mlp(), []

    def note(model):
        noted.append({name: p.grad.norm().item() for name, p in model.named_parameters()})
        before(model)

    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    samples = sampled(model, lambda: loop(model, optimizer, note), 3, optimizer=optimizer)
    for sample, norms in zip(samples, noted, strict=True):
        for name, norm in norms.items():
            assert parameter(sample, name).gradient.norm == pytest.approx(norm, rel=1e-5)
            if before is leave:
                assert parameter(sample, name).update.norm == pytest.approx(0.1 * norm, rel=1e-3)


def test_scaled_gradients_that_overflow_before_a_clip_are_no_birth():
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**126)
    with watch(model, optimizer, every=1) as health:
        for _ in range(4):
            optimizer.zero_grad()
            scaler.scale(loss_of(model)).backward()
            for p in model.parameters():
                p.grad *= 1e4
            scaler.unscale_(optimizer)
            clip(model)
            scaler.step(optimizer)
            scaler.update(2.0**126)
    assert all(finding.code != "GC300" for finding in health.report().findings)


class Passing(torch.optim.Optimizer):
    """Passes its steps on, as accelerate's wrapper does: PyTorch tells nobody of its own."""

    def __init__(self, optimizer):
        self.optimizer = optimizer
        self.param_groups = optimizer.param_groups

    def step(self, closure=None):
        self.optimizer.step(closure)

    def zero_grad(self, set_to_none=True):
        self.optimizer.zero_grad(set_to_none)


def test_an_optimizer_that_passes_its_steps_on_is_heard():
    model = mlp()
    optimizer = Passing(torch.optim.SGD(model.parameters(), lr=0.1))
    with watch(model, optimizer, every=1) as health:
        for _ in range(3):
            plain(model, optimizer, leave)
    assert health.report().watched.steps == 3
    assert health.report().ok


class Listener:
    def __init__(self):
        self.heard = []

    def watch_begins(self, health):
        self.heard.append(("begins", health.subject))

    def __call__(self, sample):
        self.heard.append(("sample", sample.step))

    def watch_ends(self, health):
        self.heard.append(("ends", health.report().watched.steps))


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("fails", [False, True])
def test_a_callback_may_have_a_beginning_and_an_end(tmp_path, stream, fails):
    model, listener = mlp(), Listener()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    options = {"stream": tmp_path / "run.jsonl"} if stream else {}
    try:
        with watch(model, optimizer, every=1, callback=listener, name="net", **options):
            for _ in range(2):
                plain(model, optimizer, leave)
            if fails:
                raise KeyError("the data are gone")
    except KeyError:
        assert fails
    assert listener.heard == [("begins", "net"), ("sample", 0), ("sample", 1), ("ends", 2)]
