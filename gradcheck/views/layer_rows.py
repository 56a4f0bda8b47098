"""The table of a watched network's layers: signals and gradients from layer to layer and over the steps."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Literal

from gradcheck.views import numbers
from gradcheck.views.columns import Column, Row
from gradcheck.views.over_steps import STOPPED, Pictures, Quantity, found, span, spoilt
from gradcheck.views.plain import visible
from gradcheck.views.runs import LONG_TABLE, in_runs

if TYPE_CHECKING:
    from gradcheck.report import Report
    from gradcheck.watched import LayerHistory

__all__ = ["LayerDetail", "layer_table"]

LayerDetail = Literal["everything", "no kind", "no shape", "curves", "one picture", "least"]
PICTURES: dict[LayerDetail, Pictures] = {"curves": "curve", "one picture": "bar", "least": "none"}


def layer_table(report: Report, detail: LayerDetail) -> tuple[list[Column], list[Row]]:
    """Columns and rows; in a long table one row for each long run of layers that no finding names."""
    layers = report.watched.layers if report.watched else ()
    pictures = PICTURES.get(detail, "both")
    activation = Quantity("activation rms", [layer.activation for layer in layers], pictures)
    gradient = Quantity("gradient rms", [layer.gradient for layer in layers], pictures)
    columns = [Column("layer", "layer", foldable=True)]
    columns += [Column("kind", "kind")] if detail == "everything" else []
    columns += [Column("shape", "shape", foldable=True)] if detail in ("everything", "no kind") else []
    columns += activation.columns() + gradient.columns()
    if detail != "least":
        columns += [Column("zeros", "zeros", right=True)] if any(x.zeros is not None for x in layers) else []
        columns += [Column(STOPPED, "stopped", right=True)] if any(x.stopped is not None for x in layers) else []
    columns += [Column("found", "found")] if any(layer.codes for layer in layers) else []
    row = partial(_row, report=report, activation=activation, gradient=gradient)
    return columns, in_runs(layers, row, lambda layer: not layer.codes, _together, len(layers) > LONG_TABLE)


def _row(layer: LayerHistory, report: Report, activation: Quantity, gradient: Quantity) -> Row:
    codes, accent = found(layer, report)
    # Of an output with NaN in it no share means anything.
    shares = (None, None) if spoilt(layer.activation) else (layer.zeros, layer.stopped)
    cells = {
        "layer": visible(layer.name),
        "kind": visible(layer.kind),
        "shape": numbers.shape(layer.shape),
        "zeros": numbers.share(shares[0]),
        STOPPED: numbers.share(shares[1]),
        "found": codes,
    }
    cells |= activation.cells(layer.activation) | gradient.cells(layer.gradient)
    styles = activation.styles(layer.activation) | gradient.styles(layer.gradient) | {"found": accent}
    return Row(cells, styles)


def _together(run: list[LayerHistory], many: str) -> str:
    spans = [
        ("activation rms", span(layer.activation for layer in run)),
        ("gradient rms", span(layer.gradient for layer in run)),
    ]
    told = ", ".join(f"{name} {values}" for name, values in spans if values)
    return f"{many} layers without a finding{': ' if told else ''}{told}"
