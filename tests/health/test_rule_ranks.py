"""Processes of one training that do not have the same weights, and where births were."""

import pytest
from made_samples import found, parameter, sample

from gradcheck.health.processes import on_ranks
from gradcheck.health.rules.birth import BirthOfNaN
from gradcheck.health.rules.disagreeing_ranks import DisagreeingRanks
from gradcheck.health.sample import Birth, Ranks


def of_ranks(step: int, *norms: float, updates: tuple[float, ...] = ()):
    made = sample(step, parameters=[parameter("fc1.weight", weight=1.0)])
    ranks = tuple(range(len(norms)))
    made.ranks = Ranks(ranks, len(norms), weights={"fc1.weight": norms}, updates={"fc1.weight": updates})
    return made


def test_weights_that_differ_name_the_rank():
    [finding] = found(DisagreeingRanks(), [of_ranks(k, 3.0, 3.0, 3.1, 3.0) for k in range(5)])
    assert (finding.code, finding.severity, finding.gradient) == ("GC350", "error", "fc1.weight")
    assert finding.title == (
        "the ranks train different weights: fc1.weight is not the same on all of them: it is another on rank 2 only"
    )
    assert "3 on rank 0, 3 on rank 1, 3.1 on rank 2, 3 on rank 3, from the first step on" in finding.evidence[0]


def test_an_update_that_one_rank_leaves_out_is_told():
    samples = [of_ranks(k, 3.0, 3.0 + 0.1 * k, 3.0 + 0.1 * k, updates=(0.0, 0.1, 0.1)) for k in range(5)]
    [finding] = found(DisagreeingRanks(), samples)
    assert finding.title.endswith("on rank 0 only")
    assert "rank 0 did not move it in the last sample" in finding.evidence
    assert "since step 1" in finding.evidence[0]


@pytest.mark.parametrize(
    "samples",
    [
        [of_ranks(k, 3.0, 3.0 + 1e-6) for k in range(9)],
        [of_ranks(k, 3.0, 3.1 if k == 4 else 3.0) for k in range(9)],
        [of_ranks(k, 3.0, float("nan")) for k in range(9)],
        [of_ranks(k, 3.0) for k in range(9)],
        [sample(k) for k in range(9)],
        [of_ranks(k, 3.0, 3.1 if k < 4 else 3.0) for k in range(12)],
    ],
    ids=["rounding", "once", "not finite", "one left", "one process", "passed"],
)
def test_ranks_in_health(samples):
    assert found(DisagreeingRanks(), samples) == []


def test_a_birth_says_where_it_was():
    rule = BirthOfNaN()
    rule.birth(Birth(3, "loss", "NaN", "torch.log", None, ranks=(3,), of=4))
    rule.birth(Birth(5, "loss", "NaN", "torch.sqrt", None, ranks=(0, 1, 2, 3), of=4))
    [finding] = rule.findings()
    assert finding.title == "torch.log makes the first NaN, in the loss at step 3, on rank 3 only"
    assert "step 5: torch.sqrt makes NaN too, on all 4 ranks" in finding.consequences


@pytest.mark.parametrize(
    ("ranks", "of", "text"),
    [
        ((3,), 4, "on rank 3 only"),
        ((0, 2), 4, "on ranks 0 and 2 only"),
        ((0, 1, 2, 3), 4, "on all 4 ranks"),
        ((0, 1), 2, "on both ranks"),
        (tuple(range(10)), 64, "on ranks 0, 1, 2, 3, 4, 5, 6, 7 and 2 more only"),
        ((), 4, ""),
        ((0,), 1, ""),
    ],
)
def test_ranks_in_words(ranks, of, text):
    assert on_ranks(ranks, of) == text
