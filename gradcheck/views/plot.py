"""Which figure shows a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradcheck.errors import GradcheckError
from gradcheck.views.plot_style import styled

if TYPE_CHECKING:
    from gradcheck.report import Report
    from gradcheck.views.plot_figure import Plot

__all__ = ["plot"]


def plot(report: Report) -> Plot:
    """The figure of a report.

    Raises:
        GradcheckError: matplotlib is not installed, or the report has nothing that can be drawn.
    """
    with styled():
        figure = _drawn(report)
    if figure is None:
        raise GradcheckError("plot: this report has no numbers that could be drawn")
    return figure


def _drawn(report: Report) -> Plot | None:
    from gradcheck.views import plot_errors, plot_gradients, plot_rate, plot_sweep, plot_watch

    if report.watched is not None:
        return plot_watch.draw(report)
    if report.configurations:
        return plot_sweep.draw(report)
    if report.step_size is not None:
        return plot_rate.draw(report, report.step_size)
    return plot_gradients.draw(report) or plot_errors.draw(report)
