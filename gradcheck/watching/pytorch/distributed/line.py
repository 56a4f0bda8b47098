"""Whether the server of a store is still there, without asking the store."""

from __future__ import annotations

import socket
import weakref
from typing import Any

__all__ = ["Line"]

_SECONDS = 1.0  # for the connection to be made


class Line:
    """A connection to the server of a ``torch.distributed.TCPStore`` on which nothing is ever said.

    When the server's process ends, its system closes the connection, which can be seen here at no cost. A request of
    the store itself would raise too, and print a page of C++ frames on stderr before that.

    Args:
        store: A store of the process group, with or without a prefix. Of one that is no TCP store (a file, a table in
            this process) nothing is known, and it counts as there.
    """

    def __init__(self, store: Any) -> None:
        self._socket: socket.socket | None = None
        self._refused = False
        while hasattr(store, "underlying_store"):
            store = store.underlying_store
        host, port = getattr(store, "host", None), getattr(store, "port", None)
        if not isinstance(host, str) or not isinstance(port, int):
            return
        try:
            self._socket = socket.create_connection((host, port), _SECONDS)
        except ConnectionRefusedError:
            self._refused = True
            return
        except OSError:  # a name that only PyTorch resolves, a wall between: the store is asked all the same
            return
        self._socket.setblocking(False)
        weakref.finalize(self, self._socket.close)

    @property
    def closed(self) -> bool:
        """Whether the server has gone, as far as is known."""
        if self._socket is None:
            return self._refused
        try:
            return not self._socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:  # it is there, and says nothing
            return False
        except OSError:
            return True
