"""An open stream as an iterator of LiteLLM's chunks. Whoever ends it, and however, the connection is closed.

A class and not a generator: a generator that was never started runs no `finally`, and a client
that leaves before the first chunk would leave its agent running. Law: the halves differ by `await` only.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

from litellm.types.utils import ModelResponseStream

from ..errors import AgentError
from ..wire.stream import ChunkReader
from .failures import to_litellm
from .replies import checked, chunk_of, log_request
from .request import Request
from .transport import Answer, AsyncAnswer, aread, read

__all__ = ["AsyncStream", "Stream"]

Open = Callable[[Request], Answer]
AsyncOpen = Callable[[Request], Awaitable[AsyncAnswer]]


class Stream:
    """The chunks of one answer; sent at the first one if `open` was not called before."""

    def __init__(
        self, request: Request, call: Mapping[str, Any], send: Open, reader: ChunkReader | None = None
    ) -> None:
        self._request = request
        self._call = call
        self._send = send
        self._answer: Answer | None = None
        self._reader = reader or ChunkReader()
        self._ready: Iterator[dict[str, Any]] = iter(())
        self._ended = False
        self._answered = False
        self.headers: Mapping[str, str] = {}

    def open(self) -> Stream:
        """Send the request; a refusal is raised here, while the Router still listens."""
        try:
            self._open()
        except AgentError as error:
            self.close()
            raise to_litellm(error, self._call, self._request.secrets) from error
        except BaseException:  # a cancel or an interrupt leaves the connection open, unless it is closed here
            self.close()
            raise
        return self

    def __iter__(self) -> Stream:
        return self

    def __next__(self) -> ModelResponseStream:
        try:
            chunk = self._next()
            if chunk is not None:
                return chunk_of(self._request, chunk)
        except AgentError as error:
            self.close()
            raise to_litellm(error, self._call, self._request.secrets, in_stream=self._answered) from error
        except BaseException:  # a cancel or an interrupt leaves the connection open, unless it is closed here
            self.close()
            raise
        raise StopIteration

    def close(self) -> None:
        """Close the connection; nothing more is told."""
        self._ended = True
        answer, self._answer = self._answer, None
        if answer is not None:
            answer.close(ended=self._reader.done)

    def __del__(self) -> None:
        # A sync caller has no other way to leave a stream than to drop it.
        self.close()

    def _open(self) -> Answer:
        log_request(self._request)
        answer = self._answer = self._send(self._request)
        self.headers = answer.headers
        if not 200 <= answer.status < 300:
            checked(answer.status, answer.headers, read(answer))
        self._answered = True
        return answer

    def _next(self) -> dict[str, Any] | None:
        while True:
            chunk = next(self._ready, None)
            if chunk is not None or self._ended:
                return chunk
            answer = self._answer or self._open()
            part = b"" if self._reader.done else answer.part()
            if part:
                self._ready = self._reader.feed(part)
            else:
                self.close()
                self._ready = self._reader.finish()


class AsyncStream:
    """The same, awaited."""

    def __init__(
        self, request: Request, call: Mapping[str, Any], send: AsyncOpen, reader: ChunkReader | None = None
    ) -> None:
        self._request = request
        self._call = call
        self._send = send
        self._answer: AsyncAnswer | None = None
        self._reader = reader or ChunkReader()
        self._ready: Iterator[dict[str, Any]] = iter(())
        self._ended = False
        self._answered = False
        self.headers: Mapping[str, str] = {}

    async def open(self) -> AsyncStream:
        """Send the request; a refusal is raised here, while the Router still listens."""
        try:
            await self._open()
        except AgentError as error:
            await self.aclose()
            raise to_litellm(error, self._call, self._request.secrets) from error
        except BaseException:  # a cancel or an interrupt leaves the connection open, unless it is closed here
            await self.aclose()
            raise
        return self

    def __aiter__(self) -> AsyncStream:
        return self

    async def __anext__(self) -> ModelResponseStream:
        try:
            chunk = await self._next()
            if chunk is not None:
                return chunk_of(self._request, chunk)
        except AgentError as error:
            await self.aclose()
            raise to_litellm(error, self._call, self._request.secrets, in_stream=self._answered) from error
        except BaseException:  # a cancel or an interrupt leaves the connection open, unless it is closed here
            await self.aclose()
            raise
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Close the connection; nothing more is told."""
        self._ended = True
        answer, self._answer = self._answer, None
        if answer is not None:
            await answer.close(ended=self._reader.done)

    async def _open(self) -> AsyncAnswer:
        log_request(self._request)
        answer = self._answer = await self._send(self._request)
        self.headers = answer.headers
        if not 200 <= answer.status < 300:
            checked(answer.status, answer.headers, await aread(answer))
        self._answered = True
        return answer

    async def _next(self) -> dict[str, Any] | None:
        while True:
            chunk = next(self._ready, None)
            if chunk is not None or self._ended:
                return chunk
            answer = self._answer or await self._open()
            part = b"" if self._reader.done else await answer.part()
            if part:
                self._ready = self._reader.feed(part)
            else:
                await self.aclose()
                self._ready = self._reader.finish()
