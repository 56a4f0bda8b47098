"""A sweep as a matrix: the settings across and down, a cell for each configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradcheck.views import numbers
from gradcheck.views.headline import headline
from gradcheck.views.plain import visible
from gradcheck.views.plot_style import ACCENTS, INK, MARKS, new_figure

if TYPE_CHECKING:
    from gradcheck.configurations import Configuration
    from gradcheck.report import Report
    from gradcheck.views.plot_figure import Plot

__all__ = ["draw"]

CELL = (0.95, 0.42)  # inches
Key = tuple[str, ...]


def draw(report: Report) -> Plot:
    """Rows are the combinations of all settings but the last that varies, columns the values of that one."""
    names = list(dict.fromkeys(name for c in report.configurations for name, _ in c.settings))
    varied = [name for name in names if len({dict(c.settings).get(name) for c in report.configurations}) > 1]
    across = (varied or names or [""])[-1]
    down = [name for name in (varied or names) if name != across]
    cells = {(_key(c, down), _key(c, [across])): c for c in report.configurations}
    rows = list(dict.fromkeys(row for row, _ in cells))
    columns = list(dict.fromkeys(column for _, column in cells))
    width, height = CELL[0] * len(columns) + 2.6, CELL[1] * len(rows) + 1.6
    figure = new_figure(max(width, 6.0), height, headline(report))
    axes = figure.subplots()
    for (row, column), c in cells.items():
        x, y = columns.index(column), rows.index(row)
        axes.fill(
            [x, x + 1, x + 1, x], [y, y, y + 1, y + 1], color=ACCENTS[c.verdict], edgecolor="white", linewidth=1.5
        )
        error = numbers.relative(c.largest_error) if c.largest_error is not None else ""
        told = f"{MARKS[c.verdict]} {error}".strip()
        axes.text(x + 0.5, y + 0.5, told, ha="center", va="center", fontsize=8, color=_ink(c))
    axes.set_xticks([i + 0.5 for i in range(len(columns))], [visible(column[0]) for column in columns])
    axes.set_yticks([i + 0.5 for i in range(len(rows))], [", ".join(map(visible, row)) for row in rows])
    axes.set_xlim(0, len(columns))
    axes.set_ylim(len(rows), 0)
    axes.set_xlabel(visible(across))
    axes.set_ylabel(", ".join(map(visible, down)))
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    return figure


def _key(c: Configuration, names: list[str]) -> Key:
    settings = dict(c.settings)
    return tuple(settings.get(name, "") for name in names)


def _ink(c: Configuration) -> str:
    return "white" if c.verdict == "wrong" else INK
