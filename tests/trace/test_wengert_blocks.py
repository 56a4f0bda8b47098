"""Gradients of entries in blocks: each is found once, however blocks and stretches cut them."""

import numpy as np
import pytest

from gradcheck.trace.wengert import blocks
from gradcheck.trace.wengert.blocks import Blocks


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(blocks, "_SIZE", 4)


def gone_through(held, begin, end):
    """What the entries received, from the first to the last."""
    found = []
    for low, high, first, block in held.backwards(begin, end):
        found += reversed(block[low - first : high - first])
    return found[::-1]


@pytest.mark.parametrize("numbers", [[0, 1, 2, 5, 9, 13], [13, 0, 0, 7, 7, 1, 12, 2], [3], [], list(range(14))])
def test_each_entry_receives_its_own(numbers):
    held = Blocks()
    gradients = np.arange(1.0, len(numbers) + 1)
    held.add_all(np.array(numbers, np.int64), gradients)
    held.add_all(np.asarray(6), np.asarray(0.5))
    held.add(13, 0.25)
    held.add_all(np.array(numbers, np.int64), gradients)
    expected = np.zeros(14)
    np.add.at(expected, np.array(numbers, np.int64), 2 * gradients)
    expected[6] += 0.5
    expected[13] += 0.25
    assert gone_through(held, 0, 14) == expected.tolist()


def test_a_stretch_leaves_what_belongs_to_others():
    held = Blocks()
    for number in range(11):
        held.add(number, number + 1.0)
    assert gone_through(held, 6, 6) == []
    assert gone_through(held, 3, 6) == [4.0, 5.0, 6.0]
    assert gone_through(held, 6, 11) == [7.0, 8.0, 9.0, 10.0, 11.0]
    assert gone_through(held, 0, 3) == [1.0, 2.0, 3.0]


def test_what_later_entries_give_is_found_by_earlier_ones():
    held = Blocks()
    held.add(9, 1.0)
    for low, high, first, block in held.backwards(0, 10):
        for number in range(high - 1, low - 1, -1):
            if number > first:
                block[number - first - 1] += 2 * block[number - first]
            elif number:
                held.add(number - 1, 2 * block[0])
            else:
                assert block[0] == 2.0**9


def test_only_few_blocks_are_there_at_a_time():
    held = Blocks()
    held.add_all(np.arange(400), np.ones(400))
    most = 0
    for _ in held.backwards(0, 400):
        most = max(most, len(held._blocks))
    assert most == 1
    assert not held._blocks
