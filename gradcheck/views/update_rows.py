"""The table of updates: how each parameter moved in one step, beside the move that was wanted."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Literal

from gradcheck.views import numbers
from gradcheck.views.columns import Column, Row
from gradcheck.views.headline import MARKS
from gradcheck.views.plain import visible
from gradcheck.views.rows import STYLES
from gradcheck.views.runs import LONG_TABLE, in_runs

if TYPE_CHECKING:
    from gradcheck.report import Report
    from gradcheck.updates import UpdateResult

__all__ = ["UpdateDetail", "update_table"]

UpdateDetail = Literal["everything", "no norms", "no shape", "least"]
NEAR = 1e-2  # relative errors below this are near enough to the limit that it is asked for


def update_table(report: Report, detail: UpdateDetail) -> tuple[list[Column], list[Row]]:
    """Columns and rows; in a long table one row for each long run of right ones."""
    columns = [Column("parameter", "parameter", foldable=True)]
    if detail in ("everything", "no norms"):
        columns += [Column("shape", "shape", foldable=True)]
    if detail == "everything":
        columns += [Column("update", "‖update‖", right=True), Column("gradient", "‖gradient‖", right=True)]
    if detail != "least":
        columns += [Column("wanted", "wanted lr", right=True)]
    columns += [Column("effective", "effective lr", right=True)]
    if detail in ("everything", "no norms"):
        columns += [Column("unexplained", "unexplained", right=True)]
    columns += [Column("relative", "rel. error", right=True), Column("verdict", "verdict")]
    row, long = partial(_row, detail=detail), len(report.updates) > LONG_TABLE
    return columns, in_runs(report.updates, row, lambda u: u.verdict == "right", _together, long)


def _row(u: UpdateResult, detail: UpdateDetail) -> Row:
    cells = {"parameter": visible(u.name), "shape": numbers.shape(u.shape)}
    if u.verdict == "not differentiated":
        why = f": {visible(u.reason)}" if u.reason else ""
        shown = cells if detail in ("everything", "no norms") else {"parameter": cells["parameter"]}
        return Row(shown, style="dim", rest=f"{MARKS[u.verdict]} not compared{why}")
    cells |= {
        "update": numbers.norm(u.norm_update),
        "gradient": numbers.norm(u.norm_gradient),
        "wanted": numbers.written(u.wanted_lr),
        "effective": _effective(u),
        "unexplained": numbers.relative(u.unexplained),
        "relative": numbers.relative(u.relative_error),
        "verdict": f"{MARKS[u.verdict]} {u.verdict}",
    }
    styles = {"verdict": STYLES[u.verdict]}
    if u.verdict == "wrong":
        styles |= {"parameter": "bold"}
        styles |= {key: "red" for key in ("effective", "relative") if cells[key] != numbers.NOTHING}
    remarks = [visible(u.reason)] if u.reason else []
    if u.verdict == "undecided" and not u.reason:
        remarks.append("it is not settled how it moved")
    if u.verdict == "wrong" and u.limit is not None and u.limit < (u.relative_error or 0.0) < NEAR:
        remarks.append(
            f"rel. error {numbers.relative(u.relative_error)} is above its limit {numbers.relative(u.limit)}"
        )
    important = "" if u.verdict in ("wrong", "undecided") else "dim"
    return Row(cells, styles, remarks=tuple(remarks), remark_style=important)


def _together(run: list[UpdateResult], many: str) -> str:
    errors = [u.relative_error for u in run if u.relative_error is not None]
    most = f", rel. error at most {numbers.relative(max(errors))}" if errors else ""
    return f"{MARKS['right']} {many} are right{most}"


def _effective(u: UpdateResult) -> str:
    """As many digits as it takes to see that it is another one; of a right one, rounding is not to be seen."""
    if u.verdict == "right" and u.effective_lr is not None:
        return numbers.written(u.effective_lr)
    return numbers.value(u.effective_lr, min(numbers.digits_to_tell_apart(u.wanted_lr, u.effective_lr), 8))
