"""A watch as a callback of Hugging Face's Trainer (``pip install "gradcheck[transformers]"``).

Example::

    from gradcheck.callbacks.transformers import WatchCallback

    with WatchCallback() as watching:
        trainer = transformers.Trainer(model, args, train_dataset=data, callbacks=[watching])
        trainer.train()  # prints the report at its end
    assert watching.report.ok

That Trainer tells its callbacks of no error. The ``with`` around the training ends the watch if there is one; without
it the watch goes on until the next training begins.
"""

from __future__ import annotations

from typing import Any

from gradcheck.callbacks.watched_training import WatchedTraining

try:
    from transformers import TrainerCallback
except ImportError as error:
    raise ImportError(
        "gradcheck.callbacks.transformers needs transformers, which is not installed: "
        'pip install "gradcheck[transformers]"',
        name="transformers",
    ) from error

__all__ = ["WatchCallback"]


class WatchCallback(WatchedTraining, TrainerCallback):  # type: ignore[misc]  # pyproject.toml: its package is not looked into
    """Watches each ``trainer.train()``; :attr:`report` says what was found. Evaluation is not looked at.

    Args:
        every, on, callback, stream, name, show: As in
            :class:`~gradcheck.callbacks.watched_training.WatchedTraining`.

    Raises:
        UnhealthyTraining: from ``trainer.train``, with ``on="raise"``.

    Example::

        with WatchCallback(on="raise") as watching:
            transformers.Trainer(model, args, train_dataset=data, callbacks=[watching]).train()
    """

    def on_train_begin(
        self, args: Any, state: Any, control: Any, model: Any = None, optimizer: Any = None, **others: Any
    ) -> None:
        """Begin to watch."""
        self._begin(model, optimizer, shows=state.is_world_process_zero)

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **others: Any) -> None:
        """Take the loss that is logged, where the watch saw no backward with one (an engine makes it)."""
        if self._running is not None and "loss" in (logs or {}):
            self._running.step(loss=float(logs["loss"]))

    def on_train_end(self, args: Any, state: Any, control: Any, **others: Any) -> None:
        """End the watch and print the report."""
        self._end()
