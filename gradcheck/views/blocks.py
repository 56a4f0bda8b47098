"""Labelled blocks: a label at the left, its lines aligned beside it, as findings and notes are shown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text

from gradcheck.views.columns import INDENT
from gradcheck.views.plain import count, place, shorten, source_line, visible, wrap

if TYPE_CHECKING:
    from gradcheck.report import Finding, Report, Where

__all__ = [
    "block",
    "count_lines",
    "explain_line",
    "finding_heading",
    "finding_label",
    "finding_lines",
    "finding_sections",
    "finding_title",
    "leak_lines",
    "shows_source",
    "source_lines",
    "untold_step",
]

LABEL = len("reproduce")
START = INDENT + LABEL + 1
COUNTED = ("s", "forward", "backward")  # nouns; "traced" has no plural
EXPLAINED = 3  # codes in the line that says how to read more of them
RULED_OUT = 6  # named one by one; the rest is counted
STANDS_ALONE = (
    "GC3",
    "GC4",
)  # symptoms of a training: their titles name the layer
CONSEQUENCES = 6  # told one by one; the rest is counted
LONGEST_NAME = 60  # of what was ruled out: some are named by a line of source
STYLES = {"error": "bold red", "warning": "bold yellow", "info": "bold"}


def finding_label(finding: Finding) -> str:
    """``cause`` for a proven or likely cause, otherwise the severity."""
    if finding.severity == "error":
        return "cause" if finding.code.startswith("GC2") else "error"
    return "warning" if finding.severity == "warning" else "note"


def finding_title(finding: Finding, report: Report) -> str:
    """The title, with the gradient it is about where it does not say so, and ``likely`` where it is not proven."""
    about, title = finding.gradient, finding.title
    if finding.code.startswith(STANDS_ALONE):
        return ("likely: " if finding.likely else "") + visible(title)
    layers = {g.layer for g in report.gradients if g.layer}
    if finding.layer and (len(layers) > 1 or not about):
        about = f"{finding.layer}.{about}" if about else finding.layer
    if finding.gradient and title.startswith(f"{finding.gradient} "):
        title = about + title.removeprefix(finding.gradient)
    elif title.startswith(("all ", "both ")):
        title = title if len(layers) < 2 else f"{finding.layer}: {title}"
    elif not all(name in title for name in finding.gradient.split(", ")) or (
        about != finding.gradient and finding.layer not in title
    ):
        title = f"{about}: {title}"
    return ("likely: " if finding.likely else "") + visible(title)


def finding_heading(finding: Finding, report: Report) -> str:
    """Code, step and title; the step where the title does not say it."""
    title = finding_title(finding, report)
    step = untold_step(finding, title)
    return f"{visible(finding.code)} {f'{step}: ' if step else ''}{title}"


def untold_step(finding: Finding, title: str) -> str:
    """``step 48``, unless there is none or the title says it."""
    told = finding.step is None or re.search(rf"\bstep {finding.step}\b", title)
    return "" if told else f"step {finding.step}"


def finding_sections(finding: Finding, above: Sequence[Finding] = ()) -> list[tuple[str, tuple[str, ...]]]:
    """Label and lines of what is said about a finding, in the order of reading.

    Help that stands at one of the findings ``above``, of the same code, is not said again.
    """
    out = finding.ruled_out
    few = out if len(out) <= RULED_OUT + 1 else out[:RULED_OUT]
    more = (f"{len(out) - len(few)} more",) if len(out) > len(few) else ()
    shown = (*(shorten(text, LONGEST_NAME) for text in few), *more)
    sections = [
        ("cause" if finding.code.startswith(STANDS_ALONE) else "", finding.cause),
        ("evidence", finding.evidence),
        ("then", _few(finding.consequences)),
        ("ruled out", (", ".join(shown),) if shown else ()),
        ("help", (f"as for {finding.code} above",) if _helped(finding, above) else finding.help),
    ]
    return [(label, tuple(visible(line) for line in lines)) for label, lines in sections if lines]


def finding_lines(finding: Finding, report: Report, width: int, above: Sequence[Finding] = ()) -> list[Text]:
    """A finding as it stands on the page, below those ``above``: the same line of source is shown once."""
    lines = block(
        finding_label(finding),
        [finding_heading(finding, report)],
        width,
        label_style=STYLES[finding.severity],
        style="bold",
    )
    if finding.where is not None:
        where = place(finding.where, width - START)
        room = width - cell_len(lines[0].plain) - cell_len(where)
        if len(lines) == 1 and room >= 3:
            lines[0].append(" " * room + where, style="not bold")
        else:
            lines += block("", [f"at {place(finding.where, width - START - 3)}"], width)
        lines += source_lines(finding.where, width) if shows_source(finding, above) else []
    for label, texts in finding_sections(finding, above):
        lines += block(label, texts, width, label_style="bold" if label == "help" else "dim")
    return lines


def shows_source(finding: Finding, above: Sequence[Finding]) -> bool:
    """Whether the line of source at the finding's place has not been shown yet."""
    return all(finding.where != other.where for other in above)


def _helped(finding: Finding, above: Sequence[Finding]) -> bool:
    return bool(finding.help) and any((finding.code, finding.help) == (other.code, other.help) for other in above)


def _few(consequences: tuple[str, ...]) -> tuple[str, ...]:
    if len(consequences) <= CONSEQUENCES + 1:
        return consequences
    return *consequences[:CONSEQUENCES], f"and {len(consequences) - CONSEQUENCES} more"


def explain_line(report: Report) -> str:
    """The command that tells more of the faults found; empty where there are none, or their cause is not known."""
    codes = dict.fromkeys(f.code for f in report.findings if f.severity != "info")
    return f"gradcheck explain {visible(' '.join(list(codes)[:EXPLAINED]))}" if codes else ""


def leak_lines(report: Report, width: int) -> list[Text]:
    """Where values left the trace."""
    lines: list[Text] = []
    for leak in dict.fromkeys(report.leaks):
        text = f"left the trace at {place(leak.where, width - START - 20)}: {visible(leak.how)}"
        lines += block("note", [text], width)
        lines += source_lines(leak.where, width)
    return lines


def source_lines(where: Where, width: int) -> list[Text]:
    """The line of the user's source, behind its number."""
    if not where.source.strip():
        return []
    gutter = f"{' ' * START}{where.line:>4} │ "
    pieces = wrap(source_line(where.source), max(width - len(gutter), 20))
    blank = " " * (len(gutter) - 2) + "│   "
    return [Text.assemble((blank if i else gutter, "dim"), piece) for i, piece in enumerate(pieces)]


def block(
    label: str, texts: list[str] | tuple[str, ...], width: int, label_style: str = "dim", style: str = ""
) -> list[Text]:
    """The texts, wrapped, beside a label that is said once."""
    lines: list[Text] = []
    for text in texts:
        for piece in wrap(text, max(width - START, 20), hang=2):
            own = f"{label:<{LABEL}} " if not lines else " " * (LABEL + 1)
            lines.append(Text.assemble(" " * INDENT, (own, label_style), piece))
            lines[-1].stylize(style, START)
    return lines


def count_lines(evaluations: tuple[tuple[str, int], ...]) -> str:
    """``5 forwards, 3 backwards, 2 traced``."""
    return ", ".join(
        count(n, visible(what.removesuffix("s"))) if what.endswith(COUNTED) else f"{n} {visible(what)}"
        for what, n in evaluations
    )
