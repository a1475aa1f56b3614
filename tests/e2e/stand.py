"""A proxy with its lanes behind it, and how a test asks it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from ..endpoint import Lane
from .ledger import FILE
from .proxy import ASK_SECONDS, MASTER_KEY, Proxy, until
from .routes import Answer, Route, events

__all__ = ["Reply", "Stand"]

# LiteLLM books a call on its own time, after the client has its answer.
BOOKED_SECONDS = 10.0


@dataclass(frozen=True)
class Reply:
    """What came back, and how to read it."""

    route: Route
    streamed: bool
    status: int
    headers: httpx.Headers
    body: bytes

    @property
    def answer(self) -> Answer:
        assert self.status == 200, self.body
        return self.route.streamed(events(self.body)) if self.streamed else self.route.whole(json.loads(self.body))

    @property
    def error(self) -> str:
        return str(json.loads(self.body)["error"]["message"])


@dataclass(frozen=True)
class Stand:
    """One proxy and the scripted lanes of its models."""

    proxy: Proxy
    lanes: dict[str, Lane]
    directory: Path

    def lane(self, model: str) -> Lane:
        """The lane of `model`, its script and its memory started anew."""
        lane = self.lanes[model]
        lane.asked.clear()
        lane.left.clear()
        return lane

    def ask(self, route: Route, model: str, *, streamed: bool = False, headers: Any = None, **fields: Any) -> Reply:
        """Ask and read to the end."""
        with self.asking(route, model, streamed=streamed, headers=headers, **fields) as response:
            body = response.read()
        return Reply(route, streamed, response.status_code, response.headers, body)

    @contextmanager
    def asking(
        self,
        route: Route,
        model: str,
        *,
        streamed: bool,
        headers: Any = None,
        key: str = MASTER_KEY,
        seconds: float = ASK_SECONDS,
        **fields: Any,
    ) -> Iterator[httpx.Response]:
        """Ask, and leave when the block ends."""
        body = {"model": model, **route.asked, **({"stream": True} if streamed else {}), **fields}
        if streamed and route.name == "chat":
            body["stream_options"] = {"include_usage": True}
        with (
            self.proxy.client(key) as client,
            client.stream("POST", route.path, json=body, headers=headers, timeout=seconds) as response,
        ):
            yield response

    def booked(self, model: str) -> float:
        """The cost that the proxy booked for its last call of `model`."""
        costs: list[float] = []

        def is_booked() -> bool:
            path = self.directory / FILE
            lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
            costs[:] = [entry["response_cost"] for entry in lines if entry["model_group"] == model]
            return bool(costs)

        assert until(is_booked, BOOKED_SECONDS), f"nothing was booked for {model}"
        return costs[-1]

    def forget_booked(self) -> None:
        (self.directory / FILE).unlink(missing_ok=True)
