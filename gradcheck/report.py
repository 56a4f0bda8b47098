"""What a check found, as frozen plain data: no tensors, no user objects, nothing that can change later."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from gradcheck.configurations import Configuration
from gradcheck.errors import GradientMismatch, failure
from gradcheck.picture import Picture
from gradcheck.power import Power
from gradcheck.updates import StepSize, UpdateResult
from gradcheck.watched import Watched
from gradcheck.where import Where

if TYPE_CHECKING:
    import os
    from pathlib import Path

    from matplotlib.figure import Figure
    from rich.console import Console, ConsoleOptions, RenderResult

__all__ = ["Entry", "Finding", "GradientResult", "Leak", "Power", "Probe", "Report", "Severity", "Verdict", "Where"]

Verdict = Literal["right", "wrong", "undecided", "not differentiated"]
Severity = Literal["error", "warning", "info"]


@dataclass(frozen=True, slots=True)
class Leak:
    """A value that left the trace as a plain number or array: autograd sees a constant from there on."""

    where: Where
    how: str


@dataclass(frozen=True, slots=True)
class Probe:
    """One directional derivative v·g, told by each witness along the same direction v of unit length."""

    numeric: float
    error: float
    yours: float | None = None
    autograd: float | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a gradient, as every witness that was asked tells it."""

    index: tuple[int, ...]
    yours: float
    autograd: float | None = None
    numeric: float | None = None
    numeric_error: float | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault or remark. ``title`` states it in one line that stands alone.

    ``step`` is the training step at which it was first seen, from 0; ``consequences`` are what followed from it and is
    no finding of its own. ``likely`` is what is not proven. ``gradcheck explain CODE`` tells more of a ``code``.

    Example:
        >>> import numpy as np
        >>> from gradcheck import compare
        >>> [finding] = compare(np.array([-2.0, 5.0]), np.array([2.0, -5.0])).findings
        >>> finding.code, finding.severity, finding.title, finding.help
        ('GC202', 'error', 'yours is the negative of the true gradient', ('change the sign',))
    """

    code: str
    severity: Severity
    title: str
    layer: str = ""
    gradient: str = ""
    where: Where | None = None
    cause: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    ruled_out: tuple[str, ...] = ()
    help: tuple[str, ...] = ()
    likely: bool = False
    step: int | None = None
    consequences: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GradientResult:
    """The verdict on the gradient of one array.

    ``relative_error`` is ‖yours - true‖ / ‖true‖ (2-norms over all entries), where *true* is the witness
    named by ``compared_with`` (``"true"`` where the caller gave it); ``limit`` is what it was held against.
    ``kinks`` entries sit at a corner of the forward, where every value between the slopes to both sides is right;
    they are left out of ``relative_error`` and ``probe``. ``picture`` shows a gradient that is not right beside the
    true one, where that is known entry by entry. ``power`` is the smallest error that would have been caught, of a
    gradient that is right.

    Example:
        >>> import numpy as np
        >>> from gradcheck import compare
        >>> [gradient] = compare(np.array([3.0, 5.0]), np.array([3.0, 4.0])).gradients
        >>> gradient.verdict, gradient.shape, gradient.norm_true, gradient.relative_error
        ('wrong', (2,), 5.0, 0.2)
    """

    layer: str
    name: str
    of: str
    shape: tuple[int, ...]
    dtype: str
    verdict: Verdict
    reason: str = ""
    norm_yours: float | None = None
    norm_true: float | None = None
    relative_error: float | None = None
    limit: float | None = None
    compared_with: Literal["autograd", "reference", "numeric", "true", ""] = ""
    probe: Probe | None = None
    worst: tuple[Entry, ...] = ()
    kinks: int = 0
    inherits: str = ""
    picture: Picture | None = None
    power: Power | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Report:
    """What one check found. Print it, read its fields, save it as JSON, or call ``raise_if_failed()``.

    Example:
        >>> import numpy as np
        >>> from gradcheck import check_layer
        >>> report = check_layer(lambda x: x ** 2, lambda dout, x: 2 * x * dout, np.array([1.0, -2.0, 0.5]))
        >>> report.ok
        True
    """

    subject: str
    kind: Literal["layer", "network", "module", "comparison", "watch", "step", "learning rate", "sweep"]
    style: str
    dtype: str
    seed: int
    gradients: tuple[GradientResult, ...]
    findings: tuple[Finding, ...] = ()
    leaks: tuple[Leak, ...] = ()
    notes: tuple[str, ...] = ()
    evaluations: tuple[tuple[str, int], ...] = ()
    reproduce: str = ""
    where: Where | None = None
    watched: Watched | None = None
    updates: tuple[UpdateResult, ...] = ()
    step_size: StepSize | None = None
    configurations: tuple[Configuration, ...] = ()
    versions: tuple[tuple[str, str], ...] = ()
    seconds: float = field(default=0.0, compare=False)

    @property
    def ok(self) -> bool:
        """True when something was looked at, everything compared was right, and nothing is an error.

        What is looked at: gradients that were compared, parameters whose update was, steps that were watched, or a
        learning rate whose limit was found.
        """
        verdicts: set[str] = {g.verdict for g in self.gradients} | {u.verdict for u in self.updates}
        verdicts |= {c.verdict for c in self.configurations} - {"not checked"}
        verdicts -= {"not differentiated"}
        looked = (
            bool(verdicts)
            or bool(self.watched and self.watched.steps and not self.watched.blind)
            or self.step_size is not None
        )
        decided = self.step_size is None or self.step_size.verdict != "undecided"
        return looked and decided and verdicts <= {"right"} and all(f.severity != "error" for f in self.findings)

    def raise_if_failed(self) -> Report:
        """Raise :class:`GradientMismatch` unless :attr:`ok`; return the report itself otherwise.

        Raises:
            GradientMismatch: something is wrong or undecided, or nothing was compared (of a watch
                :class:`UnhealthyTraining`: a finding is an error).

        Example:
            >>> import numpy as np
            >>> from gradcheck import compare
            >>> compare(np.array([1.0, 3.0]), np.array([1.0, 3.0])).raise_if_failed().ok
            True
        """
        __tracebackhide__ = True
        try:
            if not self.ok:
                raise failure(self)
        except GradientMismatch as error:
            error.__traceback__ = None
            raise  # a bare one: it does not add this frame, and the traceback ends at the caller's line
        return self

    def as_message(self) -> str:
        """The report as text for an exception: without our name, which stands before it already."""
        from gradcheck.views import console

        return console.to_text(self, signed=False)

    def to_json(self) -> str:
        """The report as JSON text with a version number; :func:`gradcheck.load_report` reads it back.

        Any strict reader of JSON reads it: NaN and infinities are ``"nan"``, ``"inf"`` and ``"-inf"``.

        Example:
            >>> import json
            >>> import numpy as np
            >>> from gradcheck import compare
            >>> json.loads(compare(np.array([1.0, 3.0]), np.array([1.0, 3.0])).to_json())["ok"]
            True
        """
        from gradcheck.views import json

        return json.dumps(self)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the report to a file and return its path: ``.html`` a page that stands alone, ``.json``, or ``.txt``.

        Args:
            path: The file's name; its ending says what is written. A file that is there already is replaced.

        Raises:
            GradcheckError: the name has another ending, or the file cannot be written.

        Example:
            >>> import numpy as np, tempfile, pathlib
            >>> from gradcheck import check_layer, load_report
            >>> report = check_layer(lambda x: x ** 2, lambda dout, x: 2 * x * dout, np.array([1.0, -2.0, 0.5]))
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     load_report(report.save(pathlib.Path(folder, "report.json"))).ok
            True
        """
        from gradcheck.views import save

        return save.save(self, path)

    def plot(self) -> Figure:
        """The report as a matplotlib figure: ``report.plot().savefig("report.png")``; a notebook shows it by itself.

        Gradients that are not right are heat maps and scatters, a training is drawn against depth and over its steps, a
        sweep as a matrix, a learning rate on its axis.

        Raises:
            GradcheckError: matplotlib is not there (``pip install 'gradcheck[plot]'``), or there is nothing to draw.
        """
        from gradcheck.views import plot

        return plot.plot(self)

    def __str__(self) -> str:
        from gradcheck.views import console

        return console.to_text(self, console.terminal_width())

    def __repr__(self) -> str:
        from gradcheck.views import console

        return console.to_line(self)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """The whole report where IPython shows the value of a cell without HTML."""
        printer.text(repr(self) if cycle else str(self))

    def _repr_html_(self) -> str:
        from gradcheck.views import html

        return html.to_html(self)

    def __rich_console__(self, rich_console: Console, options: ConsoleOptions) -> RenderResult:
        from gradcheck.views import console

        yield from console.render(self, rich_console, options)
