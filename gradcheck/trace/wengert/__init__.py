"""Loops over single numbers and small windows, recorded in columns of machine numbers.

Every operation on PyTorch's graph is a node of some 700 bytes and some ten microseconds. That is nothing beside an
array, and everything beside one number: ``out[i, j] = x[i] * w[j]`` is four nodes for eight bytes of result. So where
gradients are taken once and of first order, and nobody looks at single operations, such values have no tensor of their
own. What carries their derivative is a *code*:

- ``~address`` for an entry of an array that PyTorch knows, a source: reading it costs nothing;
- the number of an entry in a Wengert list (R. E. Wengert, "A simple automatic derivative evaluation program", 1964),
  which holds for each result the codes of what it was computed from and the partial derivatives: 9 bytes for a sum
  of two numbers or a product of two entries of sources, 25 for another product, 13 for a product of two windows.

A small window of a source is a view of its positions (:class:`~gradcheck.trace.wengert.codes.Part`), and the product
or sum of windows an entry whose result is an array (:class:`~gradcheck.trace.wengert.codes.Wide`): what it needs of
the source is found there again, for no source is ever written to. An array that is filled by assignments keeps the
number of an entry for each of its places, so that k assignments are joined once, when it is read as a whole.

The list enters PyTorch's graph where a tensor is asked for: the entries so far become one node, a stretch, whose inputs
are the sources and earlier stretches, and whose backward goes through the entries once, from the last to the first;
only the gradients of the entries near to where it is are there at a time. What comes of numbers that PyTorch computed
is a source again. A forward that goes back and forth so often that stretches stay short is recorded by tensors alone
from there on.

At a corner, beside a pole, and where a value is not finite, PyTorch's own operations decide. Searches for causes,
second derivatives, comparisons after every operation and other precisions than float64 use PyTorch's graph throughout:
there no entry is made.
"""
