"""Where the processes of a training leave notes for each other, and nobody waits for anybody.

A collective of the training's own backend ends when every process has come to it: one that has left its loop would hang
all others. So each message is left in the store of the process group, a small key-value server that is there in
any case (``torch.distributed`` meets through it), and is taken from it by whoever wants to know, when it is there.
"""

from __future__ import annotations

import pickle
import time
import zlib
from collections.abc import Collection
from datetime import timedelta
from typing import Any

import torch
from torch import distributed

from gradcheck.watching.pytorch.distributed.line import Line

__all__ = ["STORE_GONE", "Board"]

STORE_GONE = "the store through which the processes meet was gone ({})"  # and why

_LONGEST = timedelta(seconds=10)  # of one call to a store whose server does not answer
_LARGE = 1024  # bytes from which it is worth the time to make them fewer
_PLAIN, _SMALLER = b"p", b"z"


class Board:
    """The notes of one watch, under names that begin with ``title`` and which watch of that title it is.

    Nothing raises: where the store is gone, because its process is, ``lost`` says so and every note is lost.

    Attributes:
        lost: Why there is no store any more; empty while there is one.
        sent, messages: How many bytes were left in the store until now, in how many notes.
        asked: How often the store was asked for something, or told to remove a note.
    """

    def __init__(self, title: str, own: int) -> None:
        self.lost = ""
        self.sent = self.messages = self.asked = 0
        self._store: Any = None
        self._line = Line(None)
        try:
            store = distributed.distributed_c10d._get_default_store()
            self._line = Line(store)
            if self._gone():
                return
            store.check(["gradcheck"])  # fails at once where its process is gone; a clone would try for very long
            if hasattr(store, "clone"):  # of its own: a call that waits on the common one would have all others wait
                store = store.clone()
                store.set_timeout(_LONGEST)
            number = store.add(f"gradcheck/{title}/{own}", 1)
            self._store = torch._C._distributed_c10d.PrefixStore(f"gradcheck/{title}/{number}/", store)
        except Exception as error:  # whatever a store may raise
            self._lose(error)

    def leave(self, name: str, note: object) -> None:
        """Leave a note. It does not wait."""
        if self._gone():
            return
        text = pickle.dumps(note, protocol=pickle.HIGHEST_PROTOCOL)
        text = _SMALLER + zlib.compress(text, 1) if len(text) > _LARGE else _PLAIN + text
        try:
            self._store.set(name, text)
        except Exception as error:  # whatever a store may raise
            self._lose(error)
            return
        self.sent += len(text)
        self.messages += 1

    def has(self, names: Collection[str]) -> bool:
        """Whether all of these notes are there."""
        if self._gone():
            return False
        self.asked += 1
        try:
            return bool(self._store.check(list(names)))
        except Exception as error:  # whatever a store may raise
            self._lose(error)
            return False

    def take(self, names: Collection[str]) -> list[Any]:
        """Notes that are there, in this order; nothing where the store is gone."""
        if not names or self._gone():
            return []
        self.asked += 1
        try:
            return [_read(text) for text in self._store.multi_get(list(names))]
        except Exception as error:  # whatever a store may raise
            self._lose(error)
            return []

    def remove(self, name: str) -> None:
        """Take a note away that nobody needs any more."""
        if self._gone():
            return
        self.asked += 1
        try:
            self._store.delete_key(name)
        except Exception as error:  # whatever a store may raise
            self._lose(error)

    def wait(self, names: Collection[str], seconds: float) -> bool:
        """Wait until all of these notes are there, and no longer than that."""
        ends = time.monotonic() + seconds
        pause = 0.001
        while not self.has(names):
            if self.lost or time.monotonic() > ends:
                return False
            time.sleep(pause)
            pause = min(2 * pause, 0.05)
        return True

    def _gone(self) -> bool:
        """Whether there is no store any more; a request to a server that has gone would print C++ frames on stderr."""
        if not self.lost and self._line.closed:
            self.lost = "its server has ended"
        return bool(self.lost)

    def _lose(self, error: Exception) -> None:
        self.lost = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"


def _read(text: bytes) -> Any:
    kind, rest = text[:1], text[1:]
    return pickle.loads(zlib.decompress(rest) if kind == _SMALLER else rest)
