"""A watch as a callback of the Trainer of ``pytorch_lightning`` (``pip install "gradcheck[lightning]"``).

Example::

    from gradcheck.callbacks.pytorch_lightning import WatchCallback

    watching = WatchCallback()
    trainer = pytorch_lightning.Trainer(max_epochs=3, gradient_clip_val=1.0, callbacks=[watching])
    trainer.fit(model, loader)  # prints the report at its end
    assert watching.report.ok

Where the Trainer is that of ``lightning``: :mod:`gradcheck.callbacks.lightning`.
"""

from __future__ import annotations

from gradcheck.callbacks.lightning_events import LightningEvents

try:
    from pytorch_lightning import Callback
except ImportError as error:
    raise ImportError(
        "gradcheck.callbacks.pytorch_lightning needs pytorch-lightning, which is not installed: "
        'pip install "gradcheck[lightning]"',
        name="pytorch_lightning",
    ) from error

__all__ = ["WatchCallback"]


class WatchCallback(LightningEvents, Callback):  # type: ignore[misc]  # pyproject.toml: its package is not looked into
    __doc__ = LightningEvents.__doc__
