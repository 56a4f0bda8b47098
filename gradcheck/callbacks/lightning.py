"""A watch as a callback of Lightning's Trainer (``pip install "gradcheck[lightning]"``).

Example::

    from gradcheck.callbacks.lightning import WatchCallback

    watching = WatchCallback()
    trainer = lightning.Trainer(max_epochs=3, gradient_clip_val=1.0, callbacks=[watching])
    trainer.fit(model, loader)  # prints the report at its end
    assert watching.report.ok

Where the Trainer is that of ``pytorch_lightning``: :mod:`gradcheck.callbacks.pytorch_lightning`.
"""

from __future__ import annotations

from gradcheck.callbacks.lightning_events import LightningEvents

try:
    from lightning.pytorch import Callback
except ImportError as error:
    raise ImportError(
        'gradcheck.callbacks.lightning needs lightning, which is not installed: pip install "gradcheck[lightning]"',
        name="lightning",
    ) from error

__all__ = ["WatchCallback"]


class WatchCallback(LightningEvents, Callback):  # type: ignore[misc]  # pyproject.toml: its package is not looked into
    __doc__ = LightningEvents.__doc__
