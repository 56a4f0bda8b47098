"""How a rule is held against the NumPy function that it serves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from gradcheck.trace.rules import lookup


@dataclass(frozen=True)
class Case:
    """A call of ``function`` whose ``arrays`` become tensors; ``call`` puts them where they belong."""

    name: str
    function: Callable[..., Any]
    arrays: Sequence[np.ndarray]
    call: Callable[..., Any]
    tolerance: float = 1e-12
    gradient: bool = True
    step: float = 1e-6

    def __str__(self) -> str:
        return self.name


def case(
    name: str, function: Callable[..., Any], *arrays: Any, call: Callable[..., Any] | None = None, **more: Any
) -> Case:
    """A case whose ``call(f, *arrays)`` is ``f(*arrays)`` unless another is given."""
    options = {key: more.pop(key) for key in ("tolerance", "gradient", "step") if key in more}
    keywords = more

    def plain(f: Callable[..., Any], *xs: Any) -> Any:
        return f(*xs, **keywords)

    return Case(name, function, [np.asarray(a, dtype=None) for a in arrays], call or plain, **options)


def flat(result: Any) -> list[Any]:
    """The floating-point results of a call, out of tuples and lists."""
    if isinstance(result, (tuple, list)):
        return [each for part in result for each in flat(part)]
    if isinstance(result, torch.Tensor):
        return [result] if result.is_floating_point() or result.is_complex() else []
    array = np.asarray(result)
    return [array] if array.dtype.kind in "fc" else []


def evaluated(
    subject: Case, dtype: type[np.floating[Any]] = np.float64
) -> tuple[list[Any], list[Any], list[torch.Tensor]]:
    """NumPy's results, the rule's results and the leaf tensors."""
    rule = lookup(subject.function)
    assert rule is not None, f"no rule for {subject.function}"
    arrays = [a.astype(dtype) if a.dtype.kind == "f" else a for a in subject.arrays]
    leaves = [torch.tensor(a.copy(), requires_grad=True) for a in arrays]
    before = [leaf.detach().clone() for leaf in leaves]
    with np.errstate(all="ignore"):
        expected = flat(subject.call(subject.function, *(a.copy() for a in arrays)))
    found = flat(subject.call(rule, *leaves))
    for leaf, old in zip(leaves, before, strict=True):
        assert torch.equal(torch.nan_to_num(leaf.detach()), torch.nan_to_num(old)), "the rule changed its input"
    return expected, found, leaves


def check_value(subject: Case, dtype: type[np.floating[Any]] = np.float64, tolerance: float | None = None) -> None:
    tolerance = subject.tolerance if tolerance is None else tolerance
    expected, found, _ = evaluated(subject, dtype)
    assert len(expected) == len(found)
    for theirs, ours in zip(expected, found, strict=True):
        assert tuple(ours.shape) == theirs.shape
        array = ours.detach().resolve_conj().numpy()
        assert np.iscomplexobj(array) == np.iscomplexobj(theirs)
        finite = theirs[np.isfinite(theirs)]
        scale = float(np.max(np.abs(finite))) if finite.size else 0.0
        np.testing.assert_allclose(array, theirs, rtol=tolerance, atol=tolerance * scale)


def check_gradient(subject: Case, directions: int = 3) -> None:
    """The gradient of a random combination of the results along random directions, against central differences."""
    rng = np.random.default_rng(7)
    expected, found, leaves = evaluated(subject)
    weights = [np.asarray(rng.normal(size=each.shape) + 1j * rng.normal(size=each.shape)) for each in expected]

    def combined(values: Sequence[Any]) -> Any:
        return sum(np.sum((np.asarray(v) * w).real) for v, w in zip(values, weights, strict=True))

    total = sum((v * torch.from_numpy(w)).real.sum() for v, w in zip(found, weights, strict=True))
    assert isinstance(total, torch.Tensor)
    if total.requires_grad:
        gradients = torch.autograd.grad(total, leaves, allow_unused=True, materialize_grads=True)
    else:
        gradients = tuple(torch.zeros_like(leaf) for leaf in leaves)
    for _ in range(directions):
        aims = [np.asarray(rng.normal(size=a.shape)) for a in subject.arrays]
        terms = [(g * torch.from_numpy(d)).numpy() for g, d in zip(gradients, aims, strict=True)]
        slope = sum(float(np.sum(each)) for each in terms)
        size = sum(float(np.sum(np.abs(each))) for each in terms)
        sides = []
        for sign in (1, -1):
            shifted = [np.asarray(a + sign * subject.step * d) for a, d in zip(subject.arrays, aims, strict=True)]
            with np.errstate(all="ignore"):
                sides.append(combined(flat(subject.call(subject.function, *shifted))))
        numeric = (sides[0] - sides[1]) / (2 * subject.step)
        rounding = 1e-14 * max(abs(sides[0]), 1.0) / subject.step
        assert abs(slope - numeric) <= 1e-6 * size + rounding, (slope, numeric)
