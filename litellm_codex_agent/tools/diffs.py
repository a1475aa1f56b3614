"""A file before and after, as a diff that `git apply` accepts and that JSON can hold.

Law: pure. A text is valid UTF-8 without a NUL; everything else is written as git's binary patch, in ASCII.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .matching import Span, changed

__all__ = ["EXECUTABLE", "File", "LINK", "ORDINARY", "applicable", "diff"]

# What git keeps of a file's kind and mode.
ORDINARY, EXECUTABLE, LINK = "100644", "100755", "120000"
# Lines that are shown around a change.
CONTEXT = 3
# Git's limit on a line of a binary patch, before it is written in 85 letters.
_BINARY_LINE = 52
_NOTHING = "0" * 40
_SAFE = re.compile(r"[\w./+@%=:,-]+", re.ASCII)
_ESCAPES = {ord(sign): f"\\{letter}" for sign, letter in zip('\a\b\t\n\v\f\r"\\', 'abtnvfr"\\', strict=True)}
# Names that git takes for `.git` on some file system, and refuses to write on any.
_GIT = re.compile(r"(?:\.git|git~1)[ .]*(?::.*)?", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class File:
    """One side of a change; the content of a link is where it points."""

    mode: str
    content: bytes


def applicable(path: str, mode: str) -> bool:
    """Whether git applies a diff of this path at all: where it does not, the diff would spoil those beside it."""
    parts = path.split("/")
    return not any(_GIT.fullmatch(part) for part in parts) and not (mode == LINK and parts[-1].startswith(".gitm"))


def diff(path: str, before: File | None, after: File | None) -> str:
    """The diff from `before` to `after`, of which None is no file. A file that becomes a link is two of them."""
    if before and after and (before.mode == LINK) != (after.mode == LINK):
        return diff(path, before, None) + diff(path, None, after)
    a, b = before.content if before else b"", after.content if after else b""
    lines = [f"diff --git {_name('a/', path)} {_name('b/', path)}", *_modes(before, after)]
    if a != b and not (_is_text(a) and _is_text(b)):
        lines += _binary(a if before else None, b if after else None)
    elif a != b:
        lines.append(f"--- {_name('a/', path) if before else '/dev/null'}")
        lines.append(f"+++ {_name('b/', path) if after else '/dev/null'}")
        lines += _hunks(_lines(a), _lines(b))
    return "\n".join(lines) + "\n"


def _modes(before: File | None, after: File | None) -> list[str]:
    if before is None or after is None:
        return [f"new file mode {after.mode}" if after else f"deleted file mode {before.mode if before else ORDINARY}"]
    return [f"old mode {before.mode}", f"new mode {after.mode}"] if before.mode != after.mode else []


def _name(side: str, path: str) -> str:
    """A path as git writes it: whatever is not plain, in quotes and octal bytes."""
    if _SAFE.fullmatch(path):
        return side + path
    letters = [_ESCAPES.get(byte) or (chr(byte) if 32 <= byte < 127 else f"\\{byte:03o}") for byte in os.fsencode(path)]
    return f'"{side}{"".join(letters)}"'


def _is_text(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return b"\0" not in content


def _lines(content: bytes) -> list[bytes]:
    """Each with its end; a `\\r` is a part of its line."""
    lines = [line + b"\n" for line in content.split(b"\n")]
    last = lines.pop()[:-1]
    return [*lines, last] if last else lines


def _hunks(a: Sequence[bytes], b: Sequence[bytes]) -> Iterator[str]:
    group: list[Span] = []
    for span in changed(a, b):
        if group and span.a0 - group[-1].a1 > 2 * CONTEXT:
            yield from _hunk(a, b, group)
            group = []
        group.append(span)
    yield from _hunk(a, b, group)


def _hunk(a: Sequence[bytes], b: Sequence[bytes], group: Sequence[Span]) -> Iterator[str]:
    first, last = group[0], group[-1]
    above = min(CONTEXT, first.a0)
    below = min(CONTEXT, len(a) - last.a1)
    a0, a1, b0, b1 = first.a0 - above, last.a1 + below, first.b0 - above, last.b1 + below
    yield f"@@ -{_range(a0, a1)} +{_range(b0, b1)} @@"
    at = a0
    for span in group:
        yield from _shown(" ", a[at : span.a0])
        yield from _shown("-", a[span.a0 : span.a1])
        yield from _shown("+", b[span.b0 : span.b1])
        at = span.a1
    yield from _shown(" ", a[at:a1])


def _range(begin: int, end: int) -> str:
    """Counted from one; an empty range is named by the line before it."""
    return f"{begin + 1 if end > begin else begin},{end - begin}"


def _shown(sign: str, lines: Sequence[bytes]) -> Iterator[str]:
    for line in lines:
        text = line.decode()
        yield sign + text.removesuffix("\n")
        if not text.endswith("\n"):
            yield "\\ No newline at end of file"


def _binary(a: bytes | None, b: bytes | None) -> Iterator[str]:
    yield f"index {_object(a)}..{_object(b)}"
    yield "GIT binary patch"
    for content in (b or b"", a or b""):
        yield f"literal {len(content)}"
        packed = zlib.compress(content)
        for at in range(0, len(packed), _BINARY_LINE):
            piece = packed[at : at + _BINARY_LINE]
            length = chr(len(piece) + (64 if len(piece) <= 26 else 70))
            yield length + base64.b85encode(piece, pad=True).decode()
        yield ""


def _object(content: bytes | None) -> str:
    """Git's name of the content, which it asks for in a binary patch."""
    if content is None:
        return _NOTHING
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
