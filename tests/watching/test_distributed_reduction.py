"""The statistics of several processes as one, and what travels between them."""

import math
import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gradcheck.health.sample import ELSEWHERE, Birth, LayerSample, OutputSample, ParameterSample, Sample, Stats
from gradcheck.report import Finding
from gradcheck.watched import Histogram
from gradcheck.watching.pytorch.distributed.births import Births
from gradcheck.watching.pytorch.distributed.numbers import Numbers, outline_of
from gradcheck.watching.pytorch.distributed.reduce import Part, together
from gradcheck.watching.pytorch.distributed.which_ranks import with_ranks
from gradcheck.watching.pytorch.stats import stats_of


def layer(name: str, entries: torch.Tensor, **more: object) -> LayerSample:
    found = stats_of(entries, extremes=True, mean=True)
    made = LayerSample(name, "relu", tuple(entries.shape), activation=found, gradient=stats_of(entries), calls=1)
    return replace(made, **more)


def parameter(name: str, entries: torch.Tensor, shape: tuple[int, ...], **more: object) -> ParameterSample:
    return replace(ParameterSample(name, "fc", shape, "weight", stats_of(entries)), **more)


def part(rank: int, sample: Sample, copies: dict[str, int] | None = None) -> Part:
    """As it is after it has travelled."""
    outline = outline_of(sample)
    numbers = pickle.loads(pickle.dumps(Numbers.of(sample, copies or {}).packed())).unpacked(outline)
    return Part(rank, outline, numbers, replace(sample, layers=[], parameters=[]))


def assert_same(ours: Stats, whole: Stats) -> None:
    assert (ours.count, ours.bad, ours.dtype) == (whole.count, whole.bad, whole.dtype)
    assert (ours.low, ours.high) == (whole.low, whole.high)
    assert ours.norm == pytest.approx(whole.norm, rel=1e-5)
    assert ours.mean == pytest.approx(whole.mean, abs=1e-5 * max(whole.rms, 1e-30))


@given(st.lists(st.lists(st.floats(-(2.0**100), 2.0**100, width=32), min_size=1, max_size=5), min_size=1, max_size=4))
@settings(max_examples=60, deadline=None)
def test_parts_are_as_the_whole(parts):
    tensors = [torch.tensor(entries) for entries in parts]
    samples = [Sample(3, loss=1.0, samples=len(t), layers=[layer("a", t)]) for t in tensors]
    made = together([part(rank, sample) for rank, sample in enumerate(samples)], len(parts))
    whole = stats_of(torch.cat(tensors), extremes=True, mean=True)
    [found] = made.layers
    assert_same(found.activation, whole)
    assert found.shape == (sum(map(len, tensors)),)
    assert found.gradient.norm == pytest.approx(whole.norm / len(parts), rel=1e-5)


def test_what_is_not_finite_stays_so():
    tensors = [torch.tensor([1.0, 2.0]), torch.tensor([math.nan, 3.0]), torch.tensor([-math.inf, 4.0])]
    samples = [Sample(0, layers=[layer("a", t)]) for t in tensors]
    found = together([part(rank, sample) for rank, sample in enumerate(samples)], 3).layers[0].activation
    assert found.bad == 2
    assert math.isnan(found.norm)
    found = together([part(rank, sample) for rank, sample in enumerate(samples[::2])], 3).layers[0].activation
    assert (found.bad, found.norm, found.low, found.high) == (1, math.inf, -math.inf, 4.0)


def test_shards_add_up_and_copies_do_not():
    whole = torch.arange(1.0, 13.0).reshape(4, 3)
    copies = [Sample(0, parameters=[parameter("w", whole, (4, 3))]) for _ in range(3)]
    found = together([part(rank, sample) for rank, sample in enumerate(copies)], 3)
    assert found.parameters[0].weight.count == 12
    assert found.ranks.weights["w"] == pytest.approx((float(whole.norm()),) * 3)
    assert found.parameters[0].weight.norm == pytest.approx(float(whole.norm()))
    shards = [whole[:2], whole[2:], whole[:0], whole[:2], whole[2:], whole[:0]]  # of six processes, two hold each
    samples = [Sample(0, parameters=[parameter("w", shard, (4, 3))]) for shard in shards]
    found = together([part(rank, sample, {"w": 2}) for rank, sample in enumerate(samples)], 6)
    assert found.parameters[0].weight.count == 12
    assert found.parameters[0].weight.norm == pytest.approx(float(whole.norm()))
    assert found.ranks.weights == {}


@pytest.mark.parametrize(("rows", "equal"), [((1.0, 1.0, 1.0), True), ((1.0, 1.0, 2.0), False)])
def test_units_are_equal_when_those_of_all_shards_are(rows, equal):
    shards = [torch.tensor([[rows[0]] * 2, [rows[1]] * 2]), torch.tensor([[rows[2]] * 2]), torch.zeros(0, 2)]
    samples = [Sample(0, first=True, parameters=[parameter("w", s, (3, 2), equal_columns=len(s) > 1)]) for s in shards]
    found = together([part(rank, sample, {"w": 1}) for rank, sample in enumerate(samples)], 3)
    assert found.parameters[0].equal_columns is equal


def test_ranks_that_call_other_layers():
    x = torch.ones(4)
    one = Sample(0, layers=[layer("a", x, active=np.array([True, False])), layer("b", 2 * x)])
    two = Sample(0, layers=[layer("c", 3 * x), layer("a", x, active=np.array([False, False]))])
    found = together([part(0, one), part(2, two)], 3)
    assert [made.name for made in found.layers] == ["a", "b", "c"]
    assert [made.activation.count for made in found.layers] == [8, 4, 4]
    assert found.layers[0].active.tolist() == [True, False]
    assert found.ranks.numbers == (0, 2)
    assert found.ranks.activations["c"] == (None, 3.0)


def test_the_longest_sequence_and_the_first_histograms_stand_for_all():
    shown = (Histogram("activation", 0.0, 1.0, (4,), entries=4, size=4),)
    samples = [Sample(0, layers=[layer("a", torch.ones(4), times=times, calls=2)]) for times in (3, 5)]
    parts = [part(rank, sample) for rank, sample in enumerate(samples)]
    parts[0].shown = {"a": shown}
    [found] = together(parts, 2).layers
    assert (found.times, found.calls, found.histograms) == (5, 2, shown)
    assert outline_of(samples[0]) == outline_of(samples[1])  # so that it need not be sent again


def test_a_part_of_one_class_counts_with_the_others():
    counts = np.array([2, 1]), np.array([1, 2])
    both, one = OutputSample("cross-entropy", 2, *counts), OutputSample("cross-entropy", 2)
    left_out = OutputSample("cross-entropy", 2, np.array([0, 3]), np.array([0, 3]))
    parts = [part(0, Sample(0, output=both)), part(1, Sample(0, output=one))]
    parts[1].left_out = left_out
    assert together(parts, 2).output.labels.tolist() == [1, 5]
    parts[0] = part(0, Sample(0, output=one))  # no process has anything else: batches that are made of one class
    assert together(parts, 2).output.labels is None


def test_a_birth_that_was_only_received_is_left_out():
    births = Births(4)
    received = Birth(3, "backward", "NaN", ELSEWHERE, None, inputs="unknown")
    for rank in (0, 1, 2):
        births.add(rank, received)
    births.add(3, Birth(3, "loss", "NaN", "torch.log", None, entries=1))
    [birth] = births.new()
    assert (birth.operation, birth.ranks, birth.of) == ("torch.log", (3,), 4)
    assert list(births.new()) == []
    alone = Births(2)
    alone.add(1, received)
    [birth] = alone.new()
    assert birth.ranks == ()  # whose it was is not known


def test_findings_have_their_ranks():
    def finding(code: str, **more: str) -> Finding:
        return Finding(code, "error", f"fault {code}", **more)

    local = {0: (finding("GC321"),), 1: (finding("GC321"), finding("GC311", layer="a")), 2: ()}
    found = with_ranks([finding("GC321"), finding("GC330", gradient="w"), finding("GC300")], local, (0, 1, 2))
    assert [f.title for f in found] == [
        "fault GC321, on ranks 0 and 1 only",
        "fault GC330, on all 3 ranks",
        "fault GC300",
        "fault GC311, on rank 1 only",
    ]
