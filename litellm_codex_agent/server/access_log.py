"""One line of JSON for each request, to the logger `litellm_codex_agent.access`. No query, no content, no key."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .guard import caller_of

__all__ = ["AccessLog", "RUN_ID"]

logger = logging.getLogger("litellm_codex_agent.access")

RUN_ID = "x-codex-agent-run-id"
# A route of ours has at most 60; a path is the client's to choose.
MAX_PATH_CHARS = 200
# Enough to tell tenants apart, too little to be one.
TENANT_CHARS = 8
# nginx's number for a client that went away.
GONE = 499


@dataclass
class _Told:
    """What has been told of the answer so far."""

    at: float = field(default_factory=time.time)
    began: float = field(default_factory=time.monotonic)
    ended: float | None = None
    status: int = 500
    bytes: int = 0
    run_id: str = ""
    gone: bool = False

    def note(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.run_id = next(
                (value.decode("latin-1") for name, value in message["headers"] if name.lower() == RUN_ID.encode()), ""
            )
            return
        self.bytes += len(message.get("body", b""))
        if not message.get("more_body", False):
            self.ended = time.monotonic()


class AccessLog:
    """Notes each request when its answer has ended, or was cut: by the client as 499, by us as 500."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        told = _Told()

        async def received() -> Message:
            message = await receive()
            told.gone = told.gone or message["type"] == "http.disconnect"
            return message

        async def sends(message: Message) -> None:
            told.note(message)
            await send(message)

        try:
            await self.app(scope, received, sends)
        except ClientDisconnect:
            told.gone = True
            raise
        finally:
            logger.info("%s", json.dumps(_line(scope, told), ensure_ascii=True))


def _line(scope: Scope, told: _Told) -> Mapping[str, Any]:
    status = told.status if told.ended is not None else GONE if told.gone else 500
    ended = time.monotonic() if told.ended is None else told.ended
    return {
        "at": datetime.fromtimestamp(told.at, timezone.utc).isoformat(timespec="milliseconds"),
        "method": scope["method"],
        "path": scope["path"][:MAX_PATH_CHARS],
        "status": status,
        "ms": round((ended - told.began) * 1000, 1),
        "bytes": told.bytes,
        "run_id": told.run_id,
        "tenant": caller_of(scope).tenant[:TENANT_CHARS],
    }
