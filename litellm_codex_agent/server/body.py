"""A request's body: JSON by its type, counted while it arrives, and whole in time. What is too much is never kept."""

from __future__ import annotations

import asyncio

from starlette.requests import ClientDisconnect, Request

from .errors import HttpError
from .limits import BODY_SECONDS

__all__ = ["MAX_BODY_BYTES", "read_body"]

# A conversation with pictures.
MAX_BODY_BYTES = 4 * 1024 * 1024

_JSON = "application/json"


async def read_body(request: Request, *, limit: int = MAX_BODY_BYTES, seconds: float = BODY_SECONDS) -> bytes:
    """The whole body, or the `HttpError` that says why not."""
    _check_type(request)
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limit:
        raise _too_large(limit)
    try:
        return await asyncio.wait_for(_collect(request, limit), seconds)
    except asyncio.TimeoutError as error:
        raise HttpError(
            408,
            f"The request's body did not arrive whole within {seconds:g} seconds.",
            "request_timeout",
            headers={"connection": "close"},
        ) from error
    except ClientDisconnect as error:
        # Nobody reads this; the access log shows it, under nginx's number.
        raise HttpError(499, "The client went away while it sent its request.", "client_disconnected") from error


def _check_type(request: Request) -> None:
    types = request.headers.getlist("content-type")
    if len(types) != 1 or types[0].partition(";")[0].strip().lower() != _JSON:
        raise HttpError(415, f"The body has to be JSON, sent with `Content-Type: {_JSON}`.", "unsupported_media_type")
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise HttpError(415, "The body is compressed. Send it as it is.", "unsupported_media_type")


async def _collect(request: Request, limit: int) -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise _too_large(limit)
        parts.append(part)
    return b"".join(parts)


def _too_large(limit: int) -> HttpError:
    return HttpError(413, f"The request's body is larger than {limit:,} bytes.", "request_too_large")
