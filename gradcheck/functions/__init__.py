"""The contract of a ``torch.autograd.Function``, as further calls of it show: one rule a file."""

from gradcheck.functions.examined import Asked, examine_function

__all__ = ["Asked", "examine_function"]
