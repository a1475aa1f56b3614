"""The reply to an agent: a head, bytes as they come, an end; or a refusal in OpenAI's shape; or a cut."""

from __future__ import annotations

from typing import Any

from starlette.types import Scope, Send

from ..backends.events import Failure
from ..wire.chat import error_body, error_type
from ..wire.strict_json import write_json
from .listening import CONNECTION
from .upstream import Pairs

__all__ = ["Refusal", "Reply"]


class Refusal(Exception):
    """The relay's own no: a status, a code that programs can compare, and a sentence."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message

    @property
    def failure(self) -> Failure:
        """The same for a run."""
        return Failure(self.status, self.message, self.code)


class Reply:
    """To one request."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self.begun = False
        self.ended = False
        self.was_cut = False
        self._send = send
        self._connection: Any = scope["state"][CONNECTION]

    async def head(self, status: int, headers: Pairs) -> None:
        self.begun = True
        await self._send({"type": "http.response.start", "status": status, "headers": headers})

    async def body(self, data: bytes, *, more: bool = True) -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": more})
        self.ended = not more

    async def refuse(self, refusal: Refusal) -> None:
        """The refusal; or a cut, where the reply has begun."""
        if self.begun:
            self.cut()
            return
        said = error_body(refusal.message, type=error_type(refusal.status), code=refusal.code)
        data = write_json(said)
        length = str(len(data)).encode()
        await self.head(refusal.status, [(b"content-type", b"application/json"), (b"content-length", length)])
        await self.body(data, more=False)

    def cut(self) -> None:
        """Close the connection behind what has been sent, so that the agent sees that something is missing."""
        self.was_cut = True
        self._connection.transport.close()
