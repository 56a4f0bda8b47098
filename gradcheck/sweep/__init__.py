"""A layer in many configurations: which are tried, how each did, and what the wrong ones have in common."""

from gradcheck.sweep.swept import swept

__all__ = ["swept"]
