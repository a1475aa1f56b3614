"""What the server says when it will not or cannot answer: OpenAI's shape, and nothing that is not the client's.

A refusal is an `HttpError`. All else that is raised is a fault of ours: `Fallback` logs it once, by where it was
raised, and tells the client no word of it. Only this file may catch `Exception`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, ExceptionHandler, Message, Receive, Scope, Send

from ..errors import without_secrets
from ..runs.faults import log_fault
from ..wire.chat import error_body, error_type
from .headers import bearer, values

__all__ = ["Fallback", "HANDLERS", "HttpError", "body_of", "to_response"]

logger = logging.getLogger(__name__)

# Starlette's own refusals, in our words and with OpenAI's codes.
_OF_STARLETTE = {
    404: ("There is no such route. GET /openapi.json lists those there are.", "unknown_url"),
    405: ("This route does not take that method. The header Allow lists those it takes.", "method_not_allowed"),
}
# Where clients put secrets of their own.
_SECRET_HEADERS = ("authorization", "api-key", "cookie", "proxy-authorization", "x-api-key")


class HttpError(Exception):
    """A request is refused: with this status, this sentence, and a code that programs can compare."""

    def __init__(
        self, status: int, message: str, code: str, param: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.param = param
        self.headers = dict(headers or {})


def body_of(error: HttpError) -> dict[str, Any]:
    """The refusal as OpenAI's clients read it."""
    return error_body(error.message, type=error_type(error.status), code=error.code, param=error.param)


def to_response(error: HttpError) -> JSONResponse:
    """The same, with its status and its headers."""
    return JSONResponse(body_of(error), status_code=error.status, headers=error.headers)


# Starlette runs handlers that are not async in a thread.
async def _refused(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HttpError)  # by the table below
    return to_response(error)


async def _refused_by_starlette(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # by the table below
    message, code = _OF_STARLETTE.get(error.status_code, (error.detail, ""))
    return to_response(HttpError(error.status_code, message, code, headers=error.headers))


# For `Starlette(exception_handlers=...)`.
HANDLERS: Mapping[type[Exception], ExceptionHandler] = {HttpError: _refused, HTTPException: _refused_by_starlette}


class Fallback:
    """The outermost layer: what is raised inside it becomes a 500 in OpenAI's shape, or cuts a reply that has begun."""

    def __init__(self, app: ASGIApp, secrets: Sequence[str] = ()) -> None:
        self.app = app
        self.secrets = tuple(secrets)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, self._masking(send))
            return
        begun = False

        async def watched(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except ClientDisconnect:
            return  # nobody is left to be told, and nothing is wrong here
        except Exception as error:  # noqa: BLE001  # the server's edge
            log_fault(logger, "A request failed.", error, (*self.secrets, *_secrets_of(scope)))
            # A reply that has begun is not completed: the server closes the connection, and the client sees a cut.
            if not begun:
                failed = HttpError(500, "The server failed. Its log says how.", "internal_error")
                await to_response(failed)(scope, receive, send)

    def _masking(self, send: Send) -> Send:
        """A start that fails is told to the server with its traceback, and the server logs it."""

        async def sends(message: Message) -> None:
            if "message" in message:
                message = {**message, "message": without_secrets(message["message"], self.secrets)}
            await send(message)

        return sends


def _secrets_of(scope: Scope) -> list[str]:
    found = [value for name in _SECRET_HEADERS for value in values(scope, name)]
    return [*found, bearer(scope)]
