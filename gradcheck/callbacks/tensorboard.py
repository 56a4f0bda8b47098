"""What a watch measures and finds, written for TensorBoard (``pip install "gradcheck[tensorboard]"``).

Example::

    from gradcheck import watch
    from gradcheck.callbacks.tensorboard import TensorBoardWriter

    with watch(model, optimizer, callback=TensorBoardWriter("runs/first")) as health:
        train(model, optimizer)
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, Protocol

from gradcheck.errors import GradcheckError
from gradcheck.health.sample import Sample
from gradcheck.report import Finding
from gradcheck.watching.health import Health

__all__ = ["TensorBoardWriter", "Writer"]


class Writer(Protocol):
    """What is asked of a ``SummaryWriter``: that of ``torch.utils.tensorboard``, of tensorboardX, or of a logger."""

    def add_scalar(self, tag: str, scalar_value: Any, global_step: int | None = None) -> Any:
        """Write one number."""

    def add_text(self, tag: str, text_string: str, global_step: int | None = None) -> Any:
        """Write a text in Markdown."""


class TensorBoardWriter:
    """A ``callback=`` of :func:`gradcheck.watch` that writes each sample's numbers, and findings when they are made.

    Written are, at each sampled step: ``loss``; of every layer ``activation_rms`` and ``gradient_rms`` (of the loss
    with respect to its output), and ``zeros``, the share of entries that are 0; of every parameter ``gradient_norm``
    (before clipping), ``weight_rms`` and ``update_ratio``, ‖update‖ / ‖weights‖. Findings are texts at the step at
    which they are first made, and the report is one at the end.

    Args:
        to: A folder, or a writer that is open, such as ``logger.experiment`` of Lightning's ``TensorBoardLogger``. Only
            a writer that was made here is closed at the end.
        under: What all tags begin with.

    Raises:
        GradcheckError: ``to`` is neither.
        ImportError: a folder was given and tensorboard is not installed.
    """

    def __init__(self, to: str | os.PathLike[str] | Writer, under: str = "gradcheck") -> None:
        folder = isinstance(to, str | os.PathLike)
        if not folder and not all(callable(getattr(to, n, None)) for n in ("add_scalar", "add_text")):
            raise GradcheckError(
                f"to: a folder or a SummaryWriter, which has add_scalar and add_text, not {type(to).__name__}"
            )
        self._to = to
        self._open = _summary_writer() if folder else None
        self._writer: Any = None
        self._under = under
        self._health: Health | None = None
        self._told: set[tuple[str, str, str]] = set()

    def watch_begins(self, health: Health) -> None:
        """A watch whose samples these are begins."""
        self._health, self._told = health, set()
        self._writer = self._to if self._open is None else self._open(self._to)

    def __call__(self, sample: Sample) -> None:
        """Write one sample, and what was found since the last one."""
        for tag, value in _numbers(sample):
            self._writer.add_scalar(f"{self._under}_{tag}", value, sample.step)
        self._write_findings(sample.step)

    def watch_ends(self, health: Health) -> None:
        """The watch ends, with an error or not: write what was found last, and the report."""
        steps = health.monitor.steps
        self._write_findings(steps)
        report = "\n".join(f"    {line}" for line in str(health.report()).splitlines())  # as code, in Markdown
        self._writer.add_text(f"{self._under}/report", report, steps)
        end = getattr(self._writer, "flush" if self._open is None else "close", None)
        if end is not None:
            end()

    def _write_findings(self, step: int) -> None:
        for finding in () if self._health is None else self._health.findings:
            key = finding.code, finding.layer, finding.gradient
            if key not in self._told:
                self._told.add(key)
                self._writer.add_text(f"{self._under}_findings/{finding.code}", _text(finding), step)


def _numbers(sample: Sample) -> Iterator[tuple[str, float]]:
    if sample.loss is not None:
        yield "loss", sample.loss
    for layer in sample.layers:
        if layer.activation is not None:
            yield f"activation_rms/{layer.name}", layer.activation.rms
            if layer.activation.zeros is not None and layer.activation.count:
                yield f"zeros/{layer.name}", layer.activation.zeros / layer.activation.count
        if layer.gradient is not None:
            yield f"gradient_rms/{layer.name}", layer.gradient.rms
    for parameter in sample.parameters:
        yield f"weight_rms/{parameter.name}", parameter.weight.rms
        if parameter.gradient is not None:
            yield f"gradient_norm/{parameter.name}", parameter.gradient.norm
        if parameter.update is not None and parameter.weight.norm > 0:
            yield f"update_ratio/{parameter.name}", parameter.update.norm / parameter.weight.norm


def _text(finding: Finding) -> str:
    parts = [("cause", finding.cause), ("evidence", finding.evidence), ("help", finding.help)]
    told = [f"**{finding.severity}** {finding.title}", *(f"*{name}* {'; '.join(said)}" for name, said in parts if said)]
    return "\n\n".join(told)


def _summary_writer() -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise ImportError(
            'a folder for TensorBoard needs tensorboard, which is not installed: pip install "gradcheck[tensorboard]"',
            name="tensorboard",
        ) from error
    return SummaryWriter
