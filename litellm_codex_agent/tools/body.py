"""The body of a reply, counted while it arrives.

Law: no reply takes more memory than its bound, whatever its headers say and however it is compressed.
"""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Callable

__all__ = ["Unreadable", "decoder", "read_body"]

# `zlib` finds out by itself whether it is gzip or zlib.
_EITHER = zlib.MAX_WBITS | 32
_COMPRESSED = ("gzip", "x-gzip", "deflate")


class Unreadable(Exception):
    """The body is compressed in a way that is not read here, or broken."""


async def read_body(pieces: AsyncIterator[bytes], most: int, encoding: str = "") -> tuple[bytes, bool]:
    """The first `most` bytes of a body, and whether there were more. What is over them is never held.

    `pieces` are as they came from the network. Raises `Unreadable`.
    """
    decoded = decoder(encoding)
    kept = bytearray()
    async for piece in pieces:
        kept += decoded(piece, most + 1 - len(kept))
        if len(kept) > most:
            return bytes(kept[:most]), True
    return bytes(kept), False


def decoder(encoding: str) -> Callable[[bytes, int], bytes]:
    """Makes of each piece its content, of which it gives so many bytes at most. Raises `Unreadable`."""
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return lambda piece, most: piece[:most]
    if name not in _COMPRESSED:
        raise Unreadable(f"The reply is compressed as {name!r:.40}, which was not asked for.")
    inflater = zlib.decompressobj(_EITHER)

    def inflate(piece: bytes, most: int) -> bytes:
        try:
            return inflater.decompress(piece, most)
        except zlib.error as error:
            raise Unreadable("The reply says that it is compressed, and cannot be unpacked.") from error

    return inflate
