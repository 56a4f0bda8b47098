"""The tables of a report, each in several degrees of detail: the page decides which of them it has room for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeVar, get_args

from gradcheck.views.columns import Column, Row, natural_width
from gradcheck.views.configuration_rows import configuration_table
from gradcheck.views.layer_rows import LayerDetail, layer_table
from gradcheck.views.parameter_rows import ParameterDetail, parameter_table
from gradcheck.views.plain import count
from gradcheck.views.rows import Detail, gradient_table
from gradcheck.views.step_size_rows import step_size_table
from gradcheck.views.update_rows import UpdateDetail, update_table

if TYPE_CHECKING:
    from gradcheck.report import Report

__all__ = ["Made", "Table", "tables"]

Made = tuple[list[Column], list[Row]]
D = TypeVar("D", bound=str)


@dataclass(frozen=True, slots=True)
class Table:
    """One table; ``degrees`` make it, the richest first.

    With a ``summary`` it may be folded away behind that line, where a page has such lines.
    """

    name: str
    degrees: tuple[Callable[[], Made], ...]
    summary: str = ""

    def richest(self) -> Made:
        """Columns and rows in full detail."""
        return self.degrees[0]()

    def fitting(self, width: int) -> Made:
        """Columns and rows in as much detail as fits ``width``, or in the least there is."""
        made = self.richest()
        for degree in self.degrees[1:]:
            if natural_width(*made) <= width:
                break
            made = degree()
        return made


def tables(report: Report) -> list[Table]:
    """What this report compared or watched, one table for each kind of thing."""
    found = []
    if report.gradients:
        found.append(Table("gradients", _degrees(gradient_table, report, get_args(Detail))))
    if report.configurations:
        found.append(Table("configurations", (partial(configuration_table, report),)))
    if report.step_size is not None:
        found.append(Table("learning rate", (partial(step_size_table, report.step_size),)))
    if report.updates:
        found.append(Table("updates", _degrees(update_table, report, get_args(UpdateDetail))))
    if report.watched and report.watched.layers:
        found.append(Table("layers", _degrees(layer_table, report, get_args(LayerDetail))))
    if report.watched and (parameters := report.watched.parameters):
        found_in = any(parameter.codes for parameter in parameters)
        summary = "" if found_in else count(len(parameters), "parameter")
        found.append(Table("parameters", _degrees(parameter_table, report, get_args(ParameterDetail)), summary))
    return found


def _degrees(
    make: Callable[[Report, D], Made], report: Report, details: tuple[D, ...]
) -> tuple[Callable[[], Made], ...]:
    return tuple(partial(make, report, detail) for detail in details)
