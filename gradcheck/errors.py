"""The exceptions: one for the caller's mistakes, one for gradients that are wrong, one for a training that is ill."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gradcheck.report import Report

__all__ = ["GradcheckError", "GradientMismatch", "UnhealthyTraining", "failure"]


class GradcheckError(ValueError):
    """The check could not be made because of how it was called.

    The message names the argument, what was wrong with it, and what would be right. A fault of the
    *backward* is never raised as this: it is a finding in the report.
    """

    __module__ = "gradcheck"  # the name that users import, and read above the message
    in_backward = False  # whether the caller's backward raised, after its forward had run


class GradientMismatch(AssertionError):  # noqa: N818  # a public name, said as pytest users read it
    """A check failed; the report is both the message and the attribute ``report``."""

    __module__ = "gradcheck"

    def __init__(self, report: Report) -> None:
        super().__init__(report.as_message())
        self.report = report

    def __reduce__(self) -> tuple[type[GradientMismatch], tuple[Report]]:
        # pytest-xdist and process pools pickle exceptions; the default would pass the text.
        return type(self), (self.report,)


class UnhealthyTraining(GradientMismatch):
    """A watched training shows an error; the report is both the message and the attribute ``report``."""

    __module__ = "gradcheck"


def failure(report: Report) -> GradientMismatch:
    """The exception for a report that is not ok."""
    return UnhealthyTraining(report) if report.kind == "watch" else GradientMismatch(report)
