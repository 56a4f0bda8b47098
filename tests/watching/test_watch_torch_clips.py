"""Clipping, of values and of gradients, whatever it is called by."""

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils import clip_grad_norm_ as by_norm
from torch.nn.utils.clip_grad import clip_grad_value_ as by_value
from torch_watched import data, parameter, sampled

from gradcheck import watch

X, Y = data()


def mlp():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))


def clipped(model, clip, steps=1, lr=0.1, factor=1.0, **options):
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    norms = []

    def step():
        optimizer.zero_grad()
        (factor * functional.cross_entropy(model(X), Y)).backward()
        norms.append({n: p.grad.double().norm().item() for n, p in model.named_parameters()})
        clip(model)
        optimizer.step()

    return sampled(model, step, steps, optimizer=optimizer, **options), norms


@pytest.mark.parametrize(
    "call",
    [
        lambda m: nn.utils.clip_grad_norm_(m.parameters(), 0.01),
        lambda m: by_norm(list(m.parameters()), max_norm=0.01),
        lambda m: torch.nn.utils.clip_grad.clip_grad_norm_(m.parameters(), 0.01, foreach=True),
        lambda m: by_norm((p for p in m.parameters()), 0.01),
    ],
)
def test_clipping_by_norm_is_told_with_what_was_before(call):
    model = mlp()
    (sample,), (norms,) = clipped(model, call)
    (clip,) = sample.gradient_clips
    total = sum(v**2 for v in norms.values()) ** 0.5
    assert clip.call == "clip_grad_norm_"
    assert clip.where.file == __file__
    assert clip.limit == 0.01
    assert clip.norm == pytest.approx(total, rel=1e-4)
    assert clip.factor == pytest.approx(0.01 / total, rel=1e-3)
    assert clip.worst == max(norms, key=norms.get)
    assert clip.worst_norm == pytest.approx(norms[clip.worst], rel=1e-4)
    assert (clip.zeroed, clip.bad) == (0, 0)
    for name, norm in norms.items():
        found = parameter(sample, name)
        assert found.gradient.norm == pytest.approx(norm, rel=1e-4)
        assert found.update.norm == pytest.approx(0.1 * norm * clip.factor, rel=1e-2)


@pytest.mark.parametrize(
    "call",
    [
        lambda m: nn.utils.clip_grad_value_(m.parameters(), 0.001),
        lambda m: by_value(list(m.parameters()), 0.001, foreach=False),
        lambda m: by_value(m.parameters(), clip_value=0.001, foreach=True),
    ],
)
def test_clipping_by_value(call):
    model = mlp()
    (sample,), (norms,) = clipped(model, call)
    (clip,) = sample.gradient_clips
    assert (clip.call, clip.limit) == ("clip_grad_value_", 0.001)
    assert clip.entries == sum(p.numel() for p in model.parameters())
    expected = sum(int((p.grad.abs() >= 0.001 * (1 - 1e-6)).sum()) for p in model.parameters())
    assert clip.clipped == expected
    assert parameter(sample, "0.weight").gradient.norm == pytest.approx(norms["0.weight"], rel=1e-4)


def test_a_norm_that_does_not_clip_has_factor_1():
    (sample,), _ = clipped(mlp(), lambda m: by_norm(m.parameters(), 1e3))
    assert sample.gradient_clips[0].factor == 1.0


def test_the_largest_entry_as_the_norm():
    model = mlp()
    (sample,), _ = clipped(model, lambda m: by_norm(m.parameters(), 1e3, norm_type=float("inf")))
    largest = max(p.grad.abs().max().item() for p in model.parameters())
    assert sample.gradient_clips[0].norm == pytest.approx(largest, rel=1e-5)


def test_gradients_that_a_clip_turns_into_zeros():
    """Float32 squares of 1e25 overflow: the norm is infinite and the factor 0."""
    model = mlp()
    (sample,), _ = clipped(model, lambda m: by_norm(m.parameters(), 1.0, foreach=False), factor=1e25, lr=0.0)
    (clip,) = sample.gradient_clips
    assert clip.bad == 0
    zeros = sum(int((p.grad == 0).sum()) for p in model.parameters())
    assert clip.zeroed <= zeros
    assert (clip.zeroed > 0) == (clip.factor < 1e-20)


@pytest.mark.parametrize("clip", [lambda m: by_value(m.parameters(), 1.0), lambda m: by_norm(m.parameters(), 1.0)])
@pytest.mark.parametrize("every", [1, 10**6])
def test_an_infinite_gradient_is_found_before_the_clip_hides_it(clip, every):
    model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    with watch(model, optimizer, every=every) as health:
        for k in range(3):
            optimizer.zero_grad()
            out = model(X)
            if k == 1:
                out = out + torch.sqrt((out - out.detach()).square())  # the derivative of sqrt at 0
            functional.cross_entropy(out, Y).backward()
            clip(model)
            optimizer.step()
    codes = [f.code for f in health.report().findings if f.severity == "error"]
    assert "GC300" in codes


class Clipping(nn.Module):
    def __init__(self, clip):
        super().__init__()
        self.clip = clip
        self.body, self.head = nn.Linear(6, 8), nn.Linear(8, 3)

    def forward(self, x):
        self.inner = self.body(x)
        return self.head(self.clip(self.inner))


@pytest.mark.parametrize(
    ("clip", "low", "high"),
    [
        (lambda x: torch.clamp(x, -0.1, 0.2), -0.1, 0.2),
        (lambda x: torch.clip(x, min=-0.1), -0.1, None),
        (lambda x: x.clamp(max=0.2), None, 0.2),
        (lambda x: (x + 0).clamp_(-0.1, 0.2), -0.1, 0.2),
        (lambda x: x.clip(torch.tensor(-0.1), torch.tensor(0.2)), -0.1, 0.2),
        (lambda x: torch.minimum(x, torch.tensor(0.2)), None, 0.2),
        (lambda x: torch.maximum(torch.tensor(-0.1), x), -0.1, None),
        (lambda x: torch.clamp_min(x, -0.1), -0.1, None),
        (lambda x: functional.hardtanh(x, -0.1, 0.2), -0.1, 0.2),
        (nn.Hardtanh(-0.1, 0.2), -0.1, 0.2),
        (lambda x: functional.relu6(x), 0.0, 6.0),
        (nn.ReLU6(), 0.0, 6.0),
    ],
)
def test_values_that_are_clipped(clip, low, high):
    torch.manual_seed(0)
    model = Clipping(clip)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    def step():
        optimizer.zero_grad()
        functional.cross_entropy(model(X), Y).backward()
        optimizer.step()

    (sample,) = sampled(model, step)
    (found,) = sample.value_clips
    x = model.inner.detach()
    assert (found.low, found.high) == pytest.approx((low, high))
    assert found.at_low == (0 if low is None else int((x <= low).sum()))
    assert found.at_high == (0 if high is None else int((x >= high).sum()))
    assert found.entries == x.numel()
    assert found.where.file == __file__
    assert found.layer == "body" or isinstance(clip, nn.Module)
    assert found.same_mask


@pytest.mark.parametrize(
    "clip",
    [
        lambda x: torch.maximum(x, torch.tensor(0.0)),  # a ReLU
        lambda x: torch.maximum(x, -x),  # two arrays
        lambda x: x + torch.clamp(x.detach(), 0, 1),  # no gradient flows through it
        lambda x: x * (torch.rand_like(x).clamp(0.1) > 0.2),
        lambda x: torch.max(x, dim=1, keepdim=True).values + x,
    ],
)
def test_what_is_no_clip_of_values(clip):
    model = Clipping(clip)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    def step():
        optimizer.zero_grad()
        functional.cross_entropy(model(X), Y).backward()
        optimizer.step()

    (sample,) = sampled(model, step)
    assert not sample.value_clips
