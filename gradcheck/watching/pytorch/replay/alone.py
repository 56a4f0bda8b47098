"""A replay is one process's own affair: what talks to others would wait for them for ever."""

from __future__ import annotations

from typing import Any

import torch
from torch import distributed
from torch.utils._python_dispatch import TorchDispatchMode

__all__ = ["Alone", "Together", "many"]

_TALKING = ("c10d", "_c10d_functional", "c10d_functional", "_c10d_functional_autograd")


class Together(Exception):  # noqa: N818  # it is no error of anybody's
    """What was done again talks to other processes; the message says by what."""


class Alone(TorchDispatchMode):
    """Refuses collectives while it is entered: those of ``SyncBatchNorm``, of a gather in the user's own forward.

    Raises:
        Together: in their place.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # PyTorch's own is not annotated

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run any other operation."""
        if func.namespace in _TALKING:
            name = func._schema.name.partition("::")[2].strip("_")
            raise Together(f"it talks to the other processes ({name})")
        return func(*args, **(kwargs or {}))


def many() -> bool:
    """Whether this is one process of several that train together."""
    return distributed.is_available() and distributed.is_initialized() and torch.distributed.get_world_size() > 1
