"""The one style of all figures: readable on a white page and on a dark one, and to the colour-blind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from gradcheck.errors import GradcheckError
from gradcheck.views.colours import NOT_FINITE, as_hex, diverging, ramp

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap

    from gradcheck.views.plot_figure import Plot

__all__ = ["ACCENTS", "INK", "LINE", "MARKS", "colours_of", "diverging_map", "new_figure", "on_log_scale", "styled"]

INK = "#1c2024"  # on its own white ground a figure reads the same wherever it is shown
LINE = "#0b62b4"
# They differ in lightness too, and each stands beside its sign.
ACCENTS: Mapping[str, str] = {
    "right": "#7fbf8f",
    "wrong": "#c8402f",
    "undecided": "#f0c04c",
    "not checked": "#d5d8db",
    "not differentiated": "#d5d8db",
}
MARKS: Mapping[str, str] = {"right": "✓", "wrong": "✗", "undecided": "?", "not checked": "·", "not differentiated": "·"}
_STYLE: dict[Any, Any] = {  # which keys there are depends on matplotlib's version
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "axes.facecolor": "white",
    "axes.edgecolor": "#8a9097",
    "axes.labelcolor": INK,
    "axes.titlesize": 9,
    "axes.titleweight": "normal",
    "axes.titlelocation": "left",
    "axes.labelsize": 9,
    "axes.grid": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.unicode_minus": True,
    "text.color": INK,
    "text.parse_math": False,  # a name with two dollar signs is a name
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "lines.markersize": 3.5,
    "font.size": 9,
    "font.family": ["DejaVu Sans"],  # it comes with matplotlib, and has every sign we use
}


@contextmanager
def styled() -> Iterator[None]:
    """Matplotlib in this style, whatever the caller's own is; theirs is back afterwards.

    Raises:
        GradcheckError: matplotlib is not installed.
    """
    try:
        import matplotlib
    except ImportError as error:
        raise GradcheckError(
            "plot: figures are drawn with matplotlib, which is not installed: pip install 'gradcheck[plot]'"
        ) from error
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
        yield


def new_figure(width: float, height: float, title: str) -> Plot:
    """An empty figure of that size in inches under its title."""
    from gradcheck.views.plot_figure import Plot

    figure = Plot(figsize=(width, height), layout="constrained", dpi=110)
    figure.suptitle(title, x=0.01, ha="left", fontsize=10.5, fontweight="bold", wrap=True)
    return figure


def on_log_scale(axes: Axes, upright: bool = True) -> None:
    """Make the axis of what is drawn logarithmic, with plain numbers at it; call this when all is drawn."""
    from matplotlib.ticker import FuncFormatter, NullFormatter

    (axes.set_yscale if upright else axes.set_xscale)("log")
    low, high = axes.get_ylim() if upright else axes.get_xlim()
    axis = axes.yaxis if upright else axes.xaxis
    plain = FuncFormatter(lambda x, _: f"{x:.4g}")
    axis.set_major_formatter(plain)
    axis.set_minor_formatter(plain if high < 8 * low else NullFormatter())


def diverging_map() -> Colormap:
    """The colours of gradients: zero is white, what is not finite grey."""
    from matplotlib.colors import ListedColormap

    made = ListedColormap([as_hex(colour) for colour in diverging()], name="gradcheck")
    return made.with_extremes(bad=as_hex(NOT_FINITE))


def colours_of(number: int) -> list[str]:
    """Colours of so many lines, from the first layer to the last."""
    return [as_hex(colour) for colour in ramp(number)]
