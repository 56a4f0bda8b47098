"""Of many gradients those that are wrong are found, and no others, in few further evaluations."""

from typing import Any

import numpy as np
import pytest
import torch

from gradcheck import check_layer

_NAMES = ("a", "b", "c", "d", "e")


class _Scaled(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, factor: float) -> torch.Tensor:
        ctx.factor = factor
        return x.clone()

    @staticmethod
    def backward(ctx: Any, *upstreams: torch.Tensor) -> tuple[torch.Tensor, None]:
        return ctx.factor * upstreams[0], None


class _Products(torch.nn.Module):
    """x·a·b + tanh(c)·d + e, with the gradients of some arrays off by a factor; 50 x 50 each."""

    def __init__(self, wrong: tuple[str, ...], factor: float) -> None:
        super().__init__()
        torch.manual_seed(3)
        for name in _NAMES:
            setattr(self, name, torch.nn.Parameter(torch.randn(50, 50, dtype=torch.float64)))
        self.wrong, self.factor = wrong, factor

    def _held(self, name: str) -> torch.Tensor:
        value: torch.Tensor = getattr(self, name)
        return _Scaled.apply(value, self.factor) if name in self.wrong else value

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        a, b, c, d, e = map(self._held, _NAMES)
        return x @ a * b + torch.tanh(c) * d + e


def _checked(wrong: tuple[str, ...], factor: float = 2.0) -> Any:
    x = torch.randn(50, 50, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    return check_layer(_Products(wrong, factor), x, raises=False)


@pytest.mark.parametrize("wrong", [*[(n,) for n in _NAMES], ("a", "b"), ("a", "e"), ("b", "c", "d"), _NAMES])
@pytest.mark.parametrize("factor", [2.0, 0.0, 1.01])
def test_each_wrong_gradient_is_found_and_no_other(wrong: tuple[str, ...], factor: float) -> None:
    report = _checked(wrong, factor)
    assert {g.name for g in report.gradients if g.verdict == "wrong"} == {f"{n}.grad" for n in wrong}
    assert {g.name for g in report.gradients if g.verdict == "right"} == {
        "x.grad",
        *(f"{n}.grad" for n in _NAMES if n not in wrong),
    }


@pytest.mark.parametrize("wrong", _NAMES)
def test_one_wrong_of_many_takes_few_evaluations(wrong: str) -> None:
    right, found = dict(_checked(()).evaluations), dict(_checked((wrong,)).evaluations)
    # two more steps together, and one to both sides for each of three halves; no kink here explains it: none beside
    assert found["forward"] - right["forward"] <= 8
    assert found["backward"] == right["backward"]


@pytest.mark.parametrize(("factor", "verdict"), [(1.0, "right"), (2.0, "wrong"), (1.001, "wrong")])
def test_a_corner_is_told_from_a_wrong_gradient(factor: float, verdict: str) -> None:
    class Corners(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.relu(_Scaled.apply(x, factor)) * 3

    x = torch.randn(100, 120, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    x[:, ::3] = 0
    (result,) = check_layer(Corners(), x, raises=False).gradients
    assert result.verdict == verdict


def test_what_supports_a_gradient_beside_a_wrong_one_states_its_power() -> None:
    report = _checked(("a",))
    powers = {g.name: g.power for g in report.gradients if g.verdict == "right"}
    assert all(p is not None and p.norm is not None and p.norm < 0.05 for p in powers.values()), powers


def test_a_small_loud_bias_leaves_no_large_input_unheard() -> None:
    def forward(x: Any, b: Any) -> Any:
        return x * 0.1 + b, None

    def backward(dout: Any, cache: Any) -> Any:  # it is linear
        return 0.1 * dout, dout.sum(axis=0)

    rng = np.random.default_rng(0)
    report = check_layer(forward, backward, rng.standard_normal((10_000, 4)), rng.standard_normal(4))
    # an entry's share falls with the number of entries: what moves b is made small enough for x to be heard beside it
    assert dict(report.evaluations)["forward"] == 2
