"""Server-sent events, both directions. Linear in the bytes, bounded in memory.

The rules are those of the WHATWG HTML standard, section 9.2: a line ends by LF, CR or CRLF and by
nothing else (U+2028 is text), `data` lines join by LF, a line that starts with a colon is a comment.
One rule is ours: bytes after the last blank line are told by `close` instead of being dropped, so
that an endpoint which forgets the last blank line is still heard.
"""

from __future__ import annotations

from typing import NamedTuple

from ..errors import BrokenReply

__all__ = ["Decoder", "Event", "MAX_EVENT_BYTES", "comment", "encode"]

# One event may carry a whole file in a tool call's arguments; beyond this it is a fault, not an event.
MAX_EVENT_BYTES = 16 * 1024 * 1024

_BOM = b"\xef\xbb\xbf"


class Event(NamedTuple):
    """One event: its data as bytes, its name, and the last id seen."""

    data: bytes
    name: str = "message"
    id: str = ""


class Decoder:
    """Bytes in, events out, however the bytes were cut."""

    def __init__(self, limit: int = MAX_EVENT_BYTES) -> None:
        self._limit = limit
        self._held = 0  # bytes of the event that is being read
        self._line: list[bytes] = []  # the line that has no end yet, in parts
        self._data: list[bytes] = []
        self._name = ""
        self._id = ""
        self._after_cr = False
        self._first = True

    def feed(self, data: bytes) -> list[Event]:
        """The events that `data` completes."""
        *ended, rest = self._lines(data)
        events: list[Event] = []
        for end in ended:
            self._hold(len(end) + 1)
            line = b"".join((*self._line, end)) if self._line else end
            self._line = []
            if line:
                self._field(line)
            else:
                self._dispatch(events)
        if rest:
            self._hold(len(rest))
            self._line.append(rest)
        return events

    def close(self) -> list[Event]:
        """What was left without its blank line when the bytes ended."""
        events = self.feed(b"\n") if self._line else []
        self._dispatch(events)
        return events

    def _lines(self, data: bytes) -> list[bytes]:
        if self._first:
            # A byte order mark may itself be cut: it is told from text once three bytes are there.
            data = b"".join(self._line) + data
            self._held -= sum(map(len, self._line))
            self._line = []
            if len(data) < len(_BOM) and _BOM.startswith(data):
                return [data]
            self._first = False
            data = data.removeprefix(_BOM)
        if self._after_cr and data:  # an empty piece does not part CR from its LF
            data = data.removeprefix(b"\n")
            self._after_cr = False
        if b"\r" in data:
            self._after_cr = data.endswith(b"\r")
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return data.split(b"\n")

    def _hold(self, size: int) -> None:
        self._held += size
        if self._held > self._limit:
            raise BrokenReply(f"One event of the stream is larger than {self._limit:,} bytes.")

    def _field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
            return
        self._held -= len(line) + 1
        if name == b"event":
            self._name = value.decode("utf-8", "replace")
        elif name == b"id" and b"\0" not in value:
            self._id = value.decode("utf-8", "replace")

    def _dispatch(self, events: list[Event]) -> None:
        if self._data:
            events.append(Event(b"\n".join(self._data), self._name or "message", self._id))
            self._data = []
        self._name = ""
        self._held = 0


def encode(data: str, *, name: str = "", id: str = "") -> bytes:
    """One event as bytes; every kind of line end inside `data` becomes a further data line."""
    head = f"id: {_one_line(id)}\n" if id else ""
    if name:
        head += f"event: {_one_line(name)}\n"
    if "\n" in data or "\r" in data:
        data = data.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\ndata: ")
    return f"{head}data: {data}\n\n".encode()


def comment(text: str = "") -> bytes:
    """A comment: it says that the stream lives, and carries nothing."""
    return f": {_one_line(text)}\n\n".encode()


def _one_line(text: str) -> str:
    return text.replace("\r", " ").replace("\n", " ")
