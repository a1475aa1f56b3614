"""A message's content as Codex can take it: texts and pictures. Pure.

Law: what it cannot take is refused by its place in the request, and nothing but thinking is passed over.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn
from urllib.parse import unquote_to_bytes

from ..parameters import RefusedParameter

__all__ = ["Part", "Picture", "Words", "parts_of", "text_of"]

_TAKES = "Codex takes text, and images (PNG, JPEG, GIF, WebP) and text files given inline, as data: URLs."
# The app-server refuses a turn with an image by another URL. One that it cannot read, or with the detail "low", it
# puts a note to its model in the place of, and nobody else hears of that: so it is refused here.
_BEGINS = re.compile(rb"\x89PNG\r\n\x1a\n|\xff\xd8\xff|GIF8[79]a|RIFF.{4}WEBP", re.DOTALL)
_DETAILS = frozenset({"auto", "high", "original"})
# Of an assistant's message only: another model's, and signed for it.
_PASSED_OVER = frozenset({"redacted_thinking", "thinking"})
_JSON = ("/json", "+json")


@dataclass(frozen=True)
class Words:
    """A text."""

    text: str


@dataclass(frozen=True)
class Picture:
    """An image by its URL; no `detail` is the model's own choice."""

    url: str
    detail: str = ""


Part = Words | Picture


def parts_of(content: object, place: str) -> list[Part]:
    """The parts of a message's content, those without any text left out. Raises `RefusedParameter`."""
    if isinstance(content, str):
        return [Words(content)] if content.strip() else []
    parts = content if isinstance(content, list) else []
    read = [_part(part, f"{place}[{number}]") for number, part in enumerate(parts)]
    return [part for part in read if isinstance(part, Picture) or (part is not None and part.text.strip())]


def text_of(content: object, place: str) -> str:
    """Of a content that can only be text: its parts as paragraphs. Raises `RefusedParameter`."""
    parts = parts_of(content, place)
    if any(isinstance(part, Picture) for part in parts):
        _refuse(place, "has an image, which Codex takes in what a user says or a tool answers only")
    return "\n\n".join(part.text for part in parts if isinstance(part, Words))


def _part(part: Mapping[str, Any], place: str) -> Part | None:
    kind = part.get("type")
    if kind in _PASSED_OVER:
        return None
    read = _KINDS.get(str(kind))
    if read is None:
        _refuse(place, f"has the type {str(kind)!r:.40}")
    return read(part, place)


def _image(part: Mapping[str, Any], place: str) -> Picture:
    image = part["image_url"]
    url, detail = (image, None) if isinstance(image, str) else (image["url"], image.get("detail"))
    inline = _inline(url)
    if inline is None or not inline.base64 or not _BEGINS.match(inline.data):
        _refuse(place, "has another image")
    if detail is not None and detail not in _DETAILS:
        _refuse(place, f"has the detail {detail!r:.40}, which is none of {', '.join(sorted(_DETAILS))}")
    return Picture(url, detail or "")


def _file(part: Mapping[str, Any], place: str) -> Words:
    file = part["file"]
    data, name = file.get("file_data"), file.get("filename")
    if not isinstance(data, str):
        _refuse(place, "has a file that is not given inline, as a data: URL in `file_data`")
    inline = _inline(data)
    if inline is None or not (inline.media.startswith("text/") or inline.media.endswith(_JSON)):
        _refuse(place, "has a file that is no text")
    try:
        text = inline.data.decode()
    except UnicodeDecodeError:
        _refuse(place, "has a file that is no text in UTF-8")
    return Words(f"{name if isinstance(name, str) and name else 'A file'}:\n\n{text}")


class _Inline(NamedTuple):
    media: str
    base64: bool
    data: bytes


def _inline(url: str) -> _Inline | None:
    """What a data: URL (RFC 2397) holds; None for any other, and for one that is broken."""
    head, comma, data = url.partition(",")
    kind, *options = (word.strip().lower() for word in head.split(";"))
    scheme, _, media = kind.partition(":")
    if not comma or scheme != "data":
        return None
    if "base64" not in options:
        return _Inline(media, False, unquote_to_bytes(data))
    try:
        return _Inline(media, True, base64.b64decode(data, validate=True))
    except ValueError:  # binascii.Error is one, and so is a letter beyond ASCII
        return None


_KINDS: Mapping[str, Callable[[Mapping[str, Any], str], Part]] = {
    "file": _file,
    "image_url": _image,
    "refusal": lambda part, _: Words(part["refusal"]),
    "text": lambda part, _: Words(part["text"]),
}


def _refuse(place: str, why: str) -> NoReturn:
    raise RefusedParameter(place, f"`{place}` {why}: {_TAKES}")
