"""A backward of several outputs is asked for each of them alone, as a loss that sees one of them asks it."""

from typing import Any

import numpy as np
import pytest

from gradcheck import check_layer


def _forward(z: Any, c: Any) -> Any:
    gate = 1 / (1 + np.exp(-z))
    inner = c * gate
    return (np.tanh(inner), inner), (gate, c, inner)


def _right(douts: Any, cache: Any) -> Any:
    dh, dc = douts
    gate, c, inner = cache
    dinner = dh * (1 - np.tanh(inner) ** 2) + dc
    return dinner * c * gate * (1 - gate), dinner * gate


def _leaves_out(douts: Any, cache: Any) -> Any:
    dh, dc = douts
    return _right((dh, dc * (dh != 0)), cache)


def _skips(douts: Any, cache: Any) -> Any:
    dh, dc = douts
    if not dc.any():  # "nothing comes down from the next step"
        return np.zeros_like(dh), np.zeros_like(dh)
    return _right((dh, dc), cache)


def _divides(douts: Any, cache: Any) -> Any:
    dh, dc = douts
    return _right((dh / (np.linalg.norm(dh) or 1.0) * np.linalg.norm(dh), dc / np.where(dc == 0, np.nan, 1.0)), cache)


def _is_infinite(douts: Any, cache: Any) -> Any:
    dh, dc = douts
    return _right((dh, dc if dc.any() else dc + np.inf), cache)


def _inputs(dtype: str) -> list[Any]:
    rng = np.random.default_rng(0)
    return [rng.normal(size=(5, 6)).astype(dtype) for _ in range(2)]


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
@pytest.mark.parametrize("wrong", [_leaves_out, _skips, _divides, _is_infinite])
def test_what_is_wrong_where_one_upstream_gradient_is_zero(wrong: Any, dtype: str) -> None:
    report = check_layer(_forward, wrong, *_inputs(dtype), raises=False)
    (found,) = [f for f in report.findings if f.severity == "error"]
    assert (found.code, found.title) == ("GC112", "dz, dc is not linear in the upstream gradient")
    assert found.evidence == (
        "for the upstream gradient of each output alone, with zeros for the others, they do not add up",
    )
    assert not report.ok


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
@pytest.mark.parametrize("seed", range(4))
def test_a_right_backward_of_two_outputs(dtype: str, seed: int) -> None:
    report = check_layer(_forward, _right, *_inputs(dtype), seed=seed)
    assert not report.findings


def test_an_output_that_nothing_depends_on() -> None:
    def forward(x: Any) -> Any:
        return (x * 2, np.ones(3)), None

    report = check_layer(forward, lambda douts, cache: 2 * douts[0], np.arange(3.0) + 1)
    assert not [f for f in report.findings if f.code == "GC112"]


def test_large_layers_are_asked_as_well() -> None:
    rng = np.random.default_rng(0)
    inputs = [rng.normal(size=(200, 60)) for _ in range(2)]
    assert check_layer(_forward, _right, *inputs).ok
    assert [f.code for f in check_layer(_forward, _leaves_out, *inputs, raises=False).findings] == ["GC112"]


def test_a_backward_that_raises_for_zeros_is_left_to_itself() -> None:
    def strict(douts: Any, cache: Any) -> Any:
        if not all(d.any() for d in douts):
            raise ValueError("nothing to send back")
        return _right(douts, cache)

    assert check_layer(_forward, strict, *_inputs("float64")).ok
