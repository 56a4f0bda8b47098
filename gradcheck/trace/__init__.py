"""A NumPy forward, unchanged, recorded on PyTorch."""

from gradcheck.trace.array import TracedArray
from gradcheck.trace.sides import Sides, listening
from gradcheck.trace.sites import Site
from gradcheck.trace.tape import Trace

__all__ = ["Sides", "Site", "Trace", "TracedArray", "listening"]
