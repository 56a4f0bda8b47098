"""What rank 0 reports on several processes is what one process with the whole batch reports."""

import pytest
import torch
from ranks import SIZE, batches, net, on_ranks, train, wrapped
from torch import nn

from gradcheck import watch
from gradcheck.health.sample import Sample, Stats

STEPS = 12


def trained(rank: int, count: int, kind: str) -> tuple[list[Sample], list[str], bool, str, int]:
    model = wrapped(net(), kind, count)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    samples: list[Sample] = []
    with watch(model, optimizer, callback=samples.append) as health:
        for step, x, y in batches(rank, count, 0, STEPS):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 0.5)
            optimizer.step()
            del step
    report = health.report()
    return samples, [f.code for f in report.findings], report.ok, str(report), report.watched.sampled


def unwrapped(rank: int, count: int) -> str:
    """A model of each process's own, while others are there."""
    del rank, count
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer) as health:
        train(model, optimizer, batches(0, 1, 0, 3))
    return type(health).__name__


def inner(rank: int, count: int) -> str:
    """The model inside of the one that is trained."""
    model = wrapped(net(), "DDP", count)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model.module, optimizer) as health:
        train(model, optimizer, batches(rank, count, 0, 3))
    return " ".join(str(health.report()).split())


def everything(rank: int, count: int) -> dict[str, object]:
    return {kind: trained(rank, count, kind) for kind in ("DDP", "FSDP2")} | {
        "own": unwrapped(rank, count),
        "inner": inner(rank, count),
    }


@pytest.fixture(scope="module", params=[2, pytest.param(4, marks=pytest.mark.slow)])
def found(request):
    """What each of 2 and of 4 processes has."""
    results = on_ranks(everything, request.param)
    return {name: [result[name] for result in results] for name in results[0]}


@pytest.fixture(scope="module")
def alone():
    return trained(0, 1, "")


def assert_same(ours: Stats | None, whole: Stats | None) -> None:
    assert (ours is None) == (whole is None)
    if ours is None:
        return
    assert (ours.count, ours.bad, ours.dtype) == (whole.count, whole.bad, whole.dtype)
    assert ours.norm == pytest.approx(whole.norm, rel=2e-4)
    for name in ("low", "high", "mean"):
        assert (getattr(ours, name) is None) == (getattr(whole, name) is None)
        if getattr(ours, name) is not None:
            assert getattr(ours, name) == pytest.approx(getattr(whole, name), abs=1e-4 * whole.rms)


@pytest.mark.parametrize("kind", ["DDP", "FSDP2"])
def test_every_statistic_is_that_of_the_whole_batch(found, alone, kind):
    samples = found[kind][0][0]
    assert [sample.step for sample in samples] == [sample.step for sample in alone[0]]
    assert len(samples) > 8
    for ours, whole in zip(samples, alone[0], strict=True):
        assert ours.samples == whole.samples == SIZE
        assert ours.loss == pytest.approx(whole.loss, rel=1e-4)
        for layer, same in zip(ours.layers, whole.layers, strict=True):
            assert (layer.name, layer.kind, layer.shape, layer.calls) == (same.name, same.kind, same.shape, same.calls)
            assert_same(layer.activation, same.activation)
            assert_same(layer.gradient, same.gradient)
            assert_same(layer.input_gradient, same.input_gradient)
            assert (layer.flat is None) == (layer.slope is None) == (same.slope is None)
            if same.slope is not None:
                assert (layer.flat, layer.slope) == pytest.approx((same.flat, same.slope), abs=1e-3)
            assert (layer.active is None) == (same.active is None)
            assert layer.active is None or (layer.active == same.active).all()
        for parameter, same in zip(ours.parameters, whole.parameters, strict=True):
            for name in ("name", "layer", "shape", "role", "fan_in", "fan_out", "lr", "trained", "equal_columns"):
                assert getattr(parameter, name) == getattr(same, name)
            assert_same(parameter.weight, same.weight)
            assert_same(parameter.gradient, same.gradient)
            assert_same(parameter.update, same.update)
        [clip], [same] = ours.gradient_clips, whole.gradient_clips
        assert clip.norm == pytest.approx(same.norm, rel=2e-4)
        assert clip.factor == pytest.approx(same.factor, rel=2e-4)
        assert (ours.output.predicted == whole.output.predicted).all()
        assert (ours.output.labels == whole.output.labels).all()


@pytest.mark.parametrize("kind", ["DDP", "FSDP2"])
def test_each_process_is_told_of_too(found, kind):
    results = found[kind]
    for sample in results[0][0]:
        assert sample.ranks.numbers == tuple(range(len(results)))
        assert sample.ranks.of == len(sample.ranks.losses) == len(results)
        assert len(set(sample.ranks.losses)) == len(results)
        parts = sample.ranks.activations["0"]
        assert min(parts) <= sample.layers[0].activation.rms <= max(parts)
        copies = [len(set(norms)) == 1 for norms in sample.ranks.weights.values()]
        assert copies == ([True] * 6 if kind == "DDP" else [])


@pytest.mark.parametrize("kind", ["DDP", "FSDP2"])
def test_rank_0_reports_and_the_others_say_so(found, alone, kind):
    first, *others = found[kind]
    count = len(others) + 1
    assert first[1:3] == alone[1:3]
    assert first[4] == alone[4]
    assert f"on {count} ranks ({kind})" in first[3]
    assert "0.weight" in first[3]
    assert "module." not in first[3]
    for rank, (samples, codes, ok, text, _) in enumerate(others, start=1):
        assert not samples  # the callback is called on rank 0
        assert (codes, ok) == ([], first[2])
        assert f"this is rank {rank} of {count}: the report on all of them is that of rank 0" in text
        assert "steps watched; rank 0 holds the report (nothing above info)" in text
        assert "no symptom" not in text
        assert "0.weight" not in text


def test_a_model_of_ones_own_is_watched_as_ever(found):
    assert found["own"] == ["TorchHealth"] * len(found["DDP"])


def test_a_watch_of_what_is_inside_says_that_it_sees_one_process_only(found):
    for text in found["inner"]:
        assert "Sequential is trained by several processes, and this is what one of them saw" in text
