"""Joining of plain text, async only: chunks of one read that differ in nothing but their text become one.

Law: nothing waits for more, nothing but plain text of one choice is joined, and the first chunk of a stream
stays as it is. A read over aiohttp brings all that has arrived; httpx hands on part by part, so sync streams
have nothing to join. The user asks for it: LiteLLM's guardrails count chunks, and let more through of larger ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..errors import AgentError
from ..wire.stream import ChunkReader
from .request import Request

__all__ = ["JoiningReader", "reader_for"]

_TEXTS = ("content", "reasoning_content")
_NOTHING: tuple[object, ...] = (None, "", [], {})
# What can be equal in two chunks and say nothing new in the second.
_REPEATED = (str, int, float, type(None))


def reader_for(request: Request) -> ChunkReader:
    """What reads an async stream, as the settings were when it was asked for."""
    return JoiningReader() if request.join_text else ChunkReader()


class JoiningReader(ChunkReader):
    """A `ChunkReader` that tells the text of one read in as few chunks as it can."""

    def __init__(self) -> None:
        super().__init__()
        self._began = False

    def feed(self, data: bytes) -> Iterator[dict[str, Any]]:
        """The chunks that `data` completes, their text joined; what stands before a fault is told."""
        return self._joined(super().feed(data))

    def _joined(self, chunks: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        run, fault = None, None
        try:
            for chunk in chunks:
                if not self._began:
                    self._began = True
                    yield chunk
                elif run is None or not run.takes(chunk):
                    if run is not None:
                        yield run.whole()
                    run = _Run(chunk)
        except AgentError as error:
            fault = error
        if run is not None:
            yield run.whole()
        if fault is not None:
            raise fault


class _Run:
    """Chunks that differ in their text only: the first of them, and the texts of all."""

    def __init__(self, first: dict[str, Any]) -> None:
        self._first = first
        self._delta: dict[str, Any] = first["choices"][0]["delta"]
        self._name: str | None = None
        self._texts: list[str] = []

    def takes(self, chunk: dict[str, Any]) -> bool:
        """Whether `chunk` goes on with the text; it is then a part of this run."""
        if self._name is None:
            self._name = _plain_text(self._first)
            self._texts.append(self._delta.get(self._name, ""))
        text = chunk["choices"][0]["delta"].get(self._name)
        if not self._name or type(text) is not str:
            return False
        # One comparison of Python's own: the first is given the text of the other, and by `whole` that of all.
        self._delta[self._name] = text
        alike: bool = chunk == self._first
        if alike:
            self._texts.append(text)
        return alike

    def whole(self) -> dict[str, Any]:
        """The first chunk, with the text of all."""
        if self._name:
            self._delta[self._name] = "".join(self._texts)
        return self._first


def _plain_text(chunk: dict[str, Any]) -> str:
    """The field of the delta with all that `chunk` says, or "" where it says more than plain text of one choice."""
    choice, *others = chunk["choices"]
    said = [name for name, value in choice["delta"].items() if name != "role" and value not in _NOTHING]
    beside = [value for name, value in choice.items() if name not in ("index", "delta")]
    around = [value for name, value in chunk.items() if name != "choices"]
    plain = (
        not others
        and len(said) == 1
        and said[0] in _TEXTS
        and isinstance(choice["delta"][said[0]], str)
        and all(value in _NOTHING for value in beside)
        and all(isinstance(value, _REPEATED) or value in _NOTHING for value in around)
    )
    return said[0] if plain else ""
