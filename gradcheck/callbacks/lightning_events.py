"""What a watch does at the events of Lightning's Trainer, by whichever of its two names that was imported."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from gradcheck.callbacks.watched_training import WatchedTraining
from gradcheck.errors import GradcheckError
from gradcheck.health.sample import Sample

if TYPE_CHECKING:
    from torch import nn

__all__ = ["LightningEvents"]


class LightningEvents(WatchedTraining):
    """Watches each ``trainer.fit(...)``, with automatic and with manual optimization. Validation is not looked at.

    Args:
        every, on, callback, stream, name, show: As in
            :class:`~gradcheck.callbacks.watched_training.WatchedTraining`.
        module: The name of the submodule to watch, as ``"net"`` for ``self.net``, where ``training_step`` calls that
            and not ``self(x)``. By default the one child that has all of the parameters, where there is one, else the
            LightningModule itself.

    Raises:
        UnhealthyTraining: from ``trainer.fit``, with ``on="raise"``.
        GradcheckError: from ``trainer.fit``: there is no such ``module``.
    """

    def __init__(
        self,
        *,
        every: int | None = None,
        on: Literal["report", "raise"] = "report",
        callback: Callable[[Sample], object] | None = None,
        stream: str | os.PathLike[str] | None = None,
        name: str | None = None,
        show: bool = True,
        module: str | None = None,
    ) -> None:
        super().__init__(every=every, on=on, callback=callback, stream=stream, name=name, show=show)
        self._module = module

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Begin to watch."""
        part = _only_child(pl_module) if self._module is None else self._module
        if part not in (names := dict(pl_module.named_modules())):
            there = ", ".join(filter(None, names))
            raise GradcheckError(f"module: {type(pl_module).__name__} has no submodule {part!r}; it has {there}")
        name = ".".join(filter(None, (type(pl_module).__name__, part)))
        self._begin(pl_module.get_submodule(part), list(trainer.optimizers), name=name, shows=trainer.is_global_zero)

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        """End the watch and print the report."""
        self._end()

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        """End the watch; the model is as it was."""
        self._end(exception)


def _only_child(module: nn.Module) -> str:
    """The name of the child that has all of the parameters and can be called; else empty, for the module itself.

    Both ``self(x)`` and ``self.net(x)`` are written in a ``training_step``. Where there is only one ``net``, it is
    called either way.
    """
    children = [(name, child) for name, child in module.named_children() if next(child.parameters(), None) is not None]
    own = next(module.parameters(recurse=False), None) is not None
    if own or len(children) != 1:
        return ""
    name, child = children[0]
    holds_others = type(child).__name__ in ("ModuleList", "ModuleDict", "ParameterList", "ParameterDict")
    return "" if holds_others else name
