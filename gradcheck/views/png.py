"""A small picture as the address of its own data, for a page that loads nothing."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Sequence

from gradcheck.views.colours import LEVELS, NOT_FINITE, diverging

__all__ = ["EMPTY", "UNKNOWN", "as_address"]

UNKNOWN, EMPTY = LEVELS, LEVELS + 1  # of what is not finite, and of the gaps, which are transparent


def as_address(rows: Sequence[Sequence[int]]) -> str:
    """``data:image/png;base64,…`` of a picture whose pixels are levels of the colours, UNKNOWN or EMPTY."""
    palette = bytes(part for colour in (*diverging(), NOT_FINITE, (0, 0, 0)) for part in colour)
    opaque = bytes([255] * (LEVELS + 1) + [0])
    lines = b"".join(b"\0" + bytes(row) for row in rows)  # each behind the number of its filter: none
    header = struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 3, 0, 0, 0)  # 8 bits a pixel, which index the palette
    data = b"\x89PNG\r\n\x1a\n" + b"".join(
        _chunk(kind, content)
        for kind, content in (
            (b"IHDR", header),
            (b"PLTE", palette),
            (b"tRNS", opaque),
            (b"IDAT", zlib.compress(lines, 9)),
            (b"IEND", b""),
        )
    )
    return "data:image/png;base64," + base64.b64encode(data).decode("ascii")


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
