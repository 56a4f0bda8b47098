"""Everything that a user's callables and arguments can reach: found, remembered, replaced for a while, put back."""

from gradcheck.state.randomness import Randomness, gaussian, own_generator, random_direction, seed_everything
from gradcheck.state.slot import Slot
from gradcheck.state.snapshot import Snapshot
from gradcheck.state.walk import State

__all__ = [
    "Randomness",
    "Slot",
    "Snapshot",
    "State",
    "gaussian",
    "own_generator",
    "random_direction",
    "seed_everything",
]
