"""A figure that a notebook shows and a script saves, without a window and without matplotlib's global state."""

from __future__ import annotations

from io import BytesIO

from matplotlib.figure import Figure

__all__ = ["Plot"]


class Plot(Figure):
    """A matplotlib figure of its own: ``savefig("report.png")`` keeps it, a notebook shows it when it ends a cell."""

    def _repr_png_(self) -> bytes:
        file = BytesIO()
        self.savefig(file, format="png", bbox_inches="tight")
        return file.getvalue()
