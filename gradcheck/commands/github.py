"""What failed as GitHub's workflow commands: a run there shows each beside the line of source that it is about."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from gradcheck.views.blocks import finding_title
from gradcheck.views.document import Source
from gradcheck.views.headline import in_order, statement
from gradcheck.views.plain import visible

if TYPE_CHECKING:
    from gradcheck.report import Report, Where

__all__ = ["workflow_commands"]


def workflow_commands(sources: Sequence[Source]) -> Iterator[str]:
    """One line for each fault: ``::error file=net.py,line=6,title=GC231 Net::dW1 has the wrong derivative…``."""
    for source in sources:
        for report in source.reports:
            yield from _of(report)
        if source.trouble:
            yield _command("error", _path(source.name), None, "gradcheck", f"{source.name} {source.trouble}")


def _of(report: Report) -> Iterator[str]:
    subject = visible(report.subject)
    told = [finding for finding in in_order(report) if finding.severity != "info"]
    for finding in told:
        where = finding.where or report.where
        title = f"{visible(finding.code)} {subject}".strip()
        message = "\n".join((finding_title(finding, report), *map(visible, finding.help)))
        yield _command(finding.severity, *_place(where), title, message)
    if not report.ok and all(finding.severity != "error" for finding in told):
        yield _command("error", *_place(report.where), f"gradcheck {subject}".strip(), statement(report))


def _place(where: Where | None) -> tuple[str, int | None]:
    return ("", None) if where is None else (_path(where.file), where.line)


def _path(file: str) -> str:
    """As seen from the working directory, where a workflow has the repository; with slashes on every system."""
    path = Path(file)
    with suppress(ValueError):  # outside of it
        path = path.absolute().relative_to(Path.cwd())
    return path.as_posix()


def _command(kind: str, file: str, line: int | None, title: str, message: str) -> str:
    given = {"file": file, "line": "" if line is None else str(line), "title": title}
    properties = ",".join(f"{key}={_property(value)}" for key, value in given.items() if value)
    return f"::{kind} {properties}::{_data(message)}"


def _data(text: str) -> str:
    """In the message, a percent sign and line breaks would end or change the command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """In a property, so would what parts it from the next."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")
