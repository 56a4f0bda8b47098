"""The network's output and the labels it is held against, found in what a step computed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from gradcheck.errors import GradcheckError
from gradcheck.health.sample import OutputSample
from gradcheck.layers.values import describe
from gradcheck.report import Where
from gradcheck.watching.arrays.graph import Graph, Node
from gradcheck.watching.arrays.measure import Facts
from gradcheck.watching.arrays.passes import Passes

__all__ = ["Output", "given_output"]

Array = np.ndarray[Any, Any]


class Output:
    """What a classifier said for a batch: ``log_p``, samples × classes, and the right classes where they were seen."""

    def __init__(self, log_p: Array, right: Array | None, where: Where | None) -> None:
        self._log_p, self._right, self._where = log_p, right, where

    @classmethod
    def of(cls, graph: Graph, passes: Passes) -> Output | None:
        """From the softmax that makes the output, or from logits whose exponentials are summed; None for no classes."""
        for node in reversed(passes.activations):
            if node.kind == "softmax" and node.index in passes.tail and isinstance(node.facts, Facts):
                p = node.facts.probabilities
                return None if p is None else cls(_log(p), _labels(graph, node, p.shape), node.event.site.where)
        if not passes.linears:
            return None
        node = passes.linears[-1].outputs[-1]
        logits = graph.value(node)
        if logits is None or logits.ndim != 2 or logits.shape[1] < 2 or not _sums_exponentials(node):
            return None
        return cls(_log_softmax(logits), _labels(graph, node, logits.shape), node.event.site.where)

    def sample(self, loss: float | None, right: Array | None = None) -> OutputSample:
        """The sample; whether the loss is this output's cross-entropy (mean or sum) is told by its value."""
        right = self._right if right is None else right
        n, classes = self._log_p.shape
        kind, labels = "other", None
        if right is not None and right.size == n:
            labels = np.bincount(right, minlength=classes)
            if loss is not None and right.max(initial=0) < classes:
                entropy = -float(np.mean(self._log_p[np.arange(n), right]))
                # a clipped or regularised logarithm is a cross-entropy still
                near = any(math.isclose(of, loss, rel_tol=0.05, abs_tol=1e-3) for of in (entropy, n * entropy))
                kind = "cross-entropy" if near else "other"
        predicted = np.bincount(self._log_p.argmax(axis=1), minlength=classes)
        return OutputSample(kind, classes, predicted, labels, where=self._where)  # type: ignore[arg-type]  # one of the two

    def must_fit(self, right: Array) -> None:
        """Refuse classes that are not one for each sample, or have no column.

        Raises:
            GradcheckError: see above.
        """
        n, classes = self._log_p.shape
        if right.size != n:
            raise GradcheckError(f"labels: {right.size}, for {n} rows of outputs; give one class for each sample")
        if right.max(initial=0) >= classes:
            raise GradcheckError(f"labels: they go up to {right.max()}, and the outputs have {classes} classes")


def given_output(outputs: Any, labels: Any, seen: Output | None, loss: float | None) -> OutputSample:
    """From what the user gives to ``health.step``, beside what was seen.

    Raises:
        GradcheckError: the outputs are not samples × classes, or the labels do not fit them.
    """
    if outputs is not None:
        try:
            scores = np.asarray(outputs, dtype=np.float64)
        except (TypeError, ValueError):
            raise GradcheckError(f"outputs: an array of numbers, samples × classes, not {describe(outputs)}") from None
        if scores.ndim != 2 or not scores.shape[1]:
            raise GradcheckError(f"outputs: samples × classes, not an array of shape {scores.shape}")
        sums = scores.sum(axis=1)
        chances = bool((scores >= 0).all() and np.allclose(sums, 1, atol=1e-3))
        seen = Output(_log(scores) if chances else _log_softmax(scores), None, None)
    right = None if labels is None else _as_classes(np.asarray(labels))
    if outputs is not None and seen is not None and right is not None:
        seen.must_fit(right)
    if seen is None:
        return OutputSample("other", labels=None if right is None else np.bincount(right))
    return seen.sample(loss, right)


def _as_classes(labels: Array) -> Array:
    if labels.ndim == 2 and labels.shape[1] > 1:
        return np.asarray(labels.argmax(axis=1))
    flat = labels.reshape(-1)
    if flat.dtype.kind not in "iufb":
        raise GradcheckError(
            "labels: whole numbers from 0 on, each the column of a class in the outputs, or one-hot rows; of names: "
            "np.unique(labels, return_inverse=True)[1]"
        )
    with np.errstate(invalid="ignore"):
        whole = flat.astype(np.int64)
    if not np.array_equal(whole, flat) or whole.min(initial=0) < 0:
        raise GradcheckError("labels: whole numbers from 0 on, or one-hot rows")
    return np.asarray(whole)


def _labels(graph: Graph, node: Node, shape: tuple[int, ...]) -> Array | None:
    """The right classes: ``log_p[range(n), y]``, ``delta[range(n), y] -= 1``, or one-hot rows that p is taken from."""
    n, classes = shape
    for after in _after(node):
        if after.operation in ("getitem", "setitem"):
            index = after.inputs[1] if len(after.inputs) > 1 else None
            if isinstance(index, tuple) and len(index) == 2 and np.ndim(index[0]) == 1:
                right = np.asarray(index[1])
                if right.shape == (n,) and right.dtype.kind in "iu" and right.min(initial=0) >= 0:
                    return right if right.max(initial=0) < classes else None
        elif after.operation in ("subtract", "multiply"):
            for value in after.inputs:
                rows = value if np.shape(value) == (n, classes) else np.transpose(value)
                if np.shape(rows) == (n, classes) and graph.writer_of(value) is None and _is_one_hot(rows):
                    return np.asarray(rows.argmax(axis=1))
    return None


def _after(node: Node, most: int = 40) -> Iterator[Node]:
    """What was made of an operation's result, nearest first."""
    queue, seen = [node], {node.index}
    while queue and len(seen) < most:
        for child in queue.pop(0).children:
            if child.index not in seen:
                seen.add(child.index)
                queue.append(child)
                yield child


def _is_one_hot(rows: Array) -> bool:
    return bool(((rows == 0) | (rows == 1)).all() and (rows.sum(axis=1) == 1).all())


def _sums_exponentials(node: Node) -> bool:
    return any(
        after.operation == "logsumexp"
        or (after.operation in ("sum", "reduce") and any(p.operation == "exp" for p in after.parents))
        for after in _after(node)
    )


def _log(p: Array) -> Array:
    with np.errstate(all="ignore"):
        return np.asarray(np.log(np.maximum(p, np.finfo(np.float64).tiny)))


def _log_softmax(logits: Array) -> Array:
    with np.errstate(all="ignore"):
        shifted = logits - logits.max(axis=1, keepdims=True)
        return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))
