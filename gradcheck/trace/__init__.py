"""A NumPy forward, unchanged, recorded on PyTorch."""

from gradcheck.trace.array import TracedArray
from gradcheck.trace.sites import Site
from gradcheck.trace.tape import Trace

__all__ = ["Site", "Trace", "TracedArray"]
