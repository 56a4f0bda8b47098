"""The digits for a trainer, small models that have a fault or none, and what they are without a watch."""

import importlib
import os
import sys
import textwrap
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "fixtures"))
import digits

REQUIRED = os.environ.get("GRADCHECK_REQUIRE_EXTRAS") == "1"


def required(module: str, extra: str):
    """A module of an extra's package. Its tests are skipped without it, but where all extras are meant to be there."""
    if REQUIRED:
        return importlib.import_module(module)
    return pytest.importorskip(module, reason=f'{module} is not installed: pip install "gradcheck[{extra}]"')


def samples() -> tuple[Tensor, Tensor]:
    """512 images and their labels."""
    x, y, _, _ = digits.load(low=-1.0, high=1.0, dtype="float32")
    return torch.from_numpy(x[:512]), torch.from_numpy(y[:512])


class Network(nn.Module):
    """64 pixels, two hidden layers, 10 classes; with a fault, where it is named.

    dead: biases far below 0, so that no unit of a ReLU is ever active. born: from the sixth call on the loss holds
    √0, whose derivative is infinite. fails: the fourth call raises.
    """

    def __init__(self, fault: str = "") -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(
            nn.Linear(64, 32), nn.ReLU(), nn.Dropout(0.1), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 10)
        )
        self.fault, self.calls = fault, 0
        if fault == "dead":
            nn.init.constant_(self.layers[3].bias, -50.0)

    def forward(self, x: Tensor) -> Tensor:
        self.calls += self.training
        if self.fault == "fails" and self.calls == 4:
            raise KeyError("the data are gone")
        out = self.layers(x)
        if self.fault == "born" and self.calls >= 6:
            out = out + (0 * self.layers[5].bias[0]).sqrt()
        return out


def state_of(model: nn.Module) -> list[set[str]]:
    """What attributes each of a model's modules has: a watch that has ended leaves nothing behind."""
    return [set(vars(module)) for module in model.modules()]


def same_bits(left: nn.Module, right: nn.Module) -> bool:
    """Whether all parameters are equal."""
    pairs = zip(left.parameters(), right.parameters(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def example_of(module: ModuleType) -> str:
    """The code in a module's docstring, to be run by its test."""
    _, _, after = (module.__doc__ or "").partition("Example::\n\n")
    lines = []
    for line in after.splitlines():
        if line and not line.startswith("    "):
            break
        lines.append(line)
    code = textwrap.dedent("\n".join(lines))
    assert "import" in code
    return code
