"""Checks hand-written backward passes: whether a gradient is wrong, which one, by how much, and how.

Start with :func:`check_layer` for one layer, :func:`check_network` for a whole network. Everything is
loaded on first use, so that ``import gradcheck`` costs nothing: no NumPy, no PyTorch, no rich.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gradcheck.check import check_layer
    from gradcheck.errors import GradcheckError, GradientMismatch, UnhealthyTraining
    from gradcheck.layers.update import from_update
    from gradcheck.learning_rate import check_learning_rate
    from gradcheck.module import check_module
    from gradcheck.network import check_network
    from gradcheck.outcome import raising
    from gradcheck.pieces import compare, gradient
    from gradcheck.recorded import check_recorded
    from gradcheck.report import Finding, GradientResult, Report
    from gradcheck.step import check_step
    from gradcheck.views.document import load_reports
    from gradcheck.views.json import load_report
    from gradcheck.watching import watch

    __version__: str

__all__ = [
    "Finding",
    "GradcheckError",
    "GradientMismatch",
    "GradientResult",
    "Report",
    "UnhealthyTraining",
    "__version__",
    "check_layer",
    "check_learning_rate",
    "check_module",
    "check_network",
    "check_recorded",
    "check_step",
    "compare",
    "from_update",
    "gradient",
    "load_report",
    "load_reports",
    "raising",
    "watch",
]

_HOMES = {
    "Finding": ("gradcheck.report", "Finding"),
    "GradcheckError": ("gradcheck.errors", "GradcheckError"),
    "GradientMismatch": ("gradcheck.errors", "GradientMismatch"),
    "GradientResult": ("gradcheck.report", "GradientResult"),
    "Report": ("gradcheck.report", "Report"),
    "UnhealthyTraining": ("gradcheck.errors", "UnhealthyTraining"),
    "check_layer": ("gradcheck.check", "check_layer"),
    "check_recorded": ("gradcheck.recorded", "check_recorded"),
    "check_learning_rate": ("gradcheck.learning_rate", "check_learning_rate"),
    "check_module": ("gradcheck.module", "check_module"),
    "check_network": ("gradcheck.network", "check_network"),
    "check_step": ("gradcheck.step", "check_step"),
    "compare": ("gradcheck.pieces", "compare"),
    "from_update": ("gradcheck.layers.update", "from_update"),
    "gradient": ("gradcheck.pieces", "gradient"),
    "load_report": ("gradcheck.views.json", "load_report"),
    "load_reports": ("gradcheck.views.document", "load_reports"),
    "raising": ("gradcheck.outcome", "raising"),
    "watch": ("gradcheck.watching", "watch"),
}


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import PackageNotFoundError, version

        try:
            return version("gradcheck")
        except PackageNotFoundError:  # a source tree on the path, not installed
            return "0+unknown"
    if name not in _HOMES:
        raise AttributeError(f"module 'gradcheck' has no attribute {name!r}")
    module, attribute = _HOMES[name]
    value = getattr(importlib.import_module(module), attribute)
    globals()[name] = value  # the next access finds it without coming here
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
