"""What wrong configurations share is found, in the simplest words, and not invented where there is nothing."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradcheck.sweep.shared import properties_of

GRID = [{"stride": s, "pad": p, "height of x": h, "width of x": w, "repeated entries of idx": r}
        for s, p, h, w, r in itertools.product((1, 2, 3), (0, 1, 2), (4, 5), (4, 6), (False, True))]  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda f: f["stride"] > 1, "every stride above 1"),
        (lambda f: f["stride"] == 2, "stride 2"),
        (lambda f: f["pad"] == 0, "every pad below 1"),
        (lambda f: f["pad"] != 1, "every pad but 1"),
        (lambda f: f["height of x"] != f["width of x"], "height of x ≠ width of x"),
        (lambda f: f["repeated entries of idx"], "repeated entries of idx"),
        (lambda f: f["stride"] > 1 and f["pad"] == 0, "every stride above 1 and every pad below 1"),
        (lambda f: f["stride"] % 2 == 1, "every stride but 2"),
    ],
)
def test_the_property_is_named(wrong, words):
    found = properties_of([f for f in GRID if wrong(f)], [f for f in GRID if not wrong(f)])
    assert words in found


def test_one_that_has_no_name_is_not_invented():
    wrong = [f for f in GRID if (f["stride"] + f["pad"] + f["height of x"]) % 3 == 0]
    assert properties_of(wrong, [f for f in GRID if f not in wrong]) == []


def test_nothing_is_said_where_all_are_wrong_or_all_are_right():
    assert properties_of(GRID, []) == []
    assert properties_of([], GRID) == []


@given(st.lists(st.booleans(), min_size=9, max_size=9))
def test_what_is_said_is_true(outcome):
    facts = [{"stride": s, "pad": p} for s, p in itertools.product((1, 2, 3), (0, 1, 2))]
    wrong = [f for f, bad in zip(facts, outcome, strict=True) if bad]
    right = [f for f, bad in zip(facts, outcome, strict=True) if not bad]
    for words in properties_of(wrong, right):
        for part in words.split(" and "):
            assert any(name in part for name in ("stride", "pad"))
        if words.startswith("every stride above ") and " and " not in words:
            limit = int(words.rsplit(" ", 1)[1])
            assert all(f["stride"] > limit for f in wrong)
            assert not any(f["stride"] > limit for f in right)
