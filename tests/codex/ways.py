"""The ways on which a question comes to Codex, whole and streamed, and what is heard of its answer on each."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import httpx

from ..e2e.routes import CHAT, Answer, events
from ..provider.calls import MODES
from ..provider.routers import call, router
from .desk import ASK_SECONDS, Desk, Script

__all__ = ["Heard", "Place", "SHORT", "WAYS", "Way", "by_http", "by_router"]


class Way(NamedTuple):
    """Through what, and in which mode: a Router has four."""

    through: str
    mode: str

    @property
    def streamed(self) -> bool:
        return "stream" in self.mode

    @property
    def name(self) -> str:
        return f"{self.through} {self.mode}"


WAYS = (
    *(Way(through, mode) for through in ("server", "proxy") for mode in ("whole", "streamed")),
    *(Way("router", mode) for mode in MODES),
)
# Those that every run tries.
SHORT = (Way("server", "whole"), Way("server", "streamed"), Way("router", "completion"), Way("router", "astreaming"))


@dataclass(frozen=True)
class Place:
    """Where to ask over HTTP."""

    url: str
    key: str = ""


@dataclass(frozen=True)
class Heard:
    """An answer: its body, or the chunks of its stream."""

    bodies: Sequence[Mapping[str, Any]]
    streamed: bool
    headers: Mapping[str, str]

    @property
    def answer(self) -> Answer:
        return CHAT.streamed(list(self.bodies)) if self.streamed else CHAT.whole(self.bodies[0])

    @property
    def usage(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = next(body["usage"] for body in self.bodies if body.get("usage"))
        return found

    @property
    def agent(self) -> Mapping[str, Any]:
        """What Codex's run says of itself beside the answer."""
        (found,) = [found for body in self.bodies if (found := _agent(body))]
        return found


def by_http(place: Place, model: str, script: Script, *, streamed: bool, **fields: Any) -> Heard:
    """Over HTTP, to a server or a proxy."""
    more = {"stream": True, "stream_options": {"include_usage": True}} if streamed else {}
    headers = {"authorization": f"Bearer {place.key}"} if place.key else {}
    body = {"model": model, "messages": script.messages, **more, **fields}
    with httpx.Client(base_url=place.url, headers=headers, timeout=ASK_SECONDS, trust_env=False) as client:
        response = client.post(CHAT.path, json=body)
    assert response.status_code == 200, response.text
    bodies = events(response.content) if streamed else [json.loads(response.content)]
    return Heard(bodies, streamed, response.headers)


def by_router(desk: Desk, mode: str, model: str, script: Script, **fields: Any) -> Heard:
    """Through a Router of LiteLLM's in this process."""
    streamed = "stream" in mode
    more = {"stream_options": {"include_usage": True}} if streamed else {}
    of = router(desk.url, params={"model": f"codex-agent/{model}"})
    heard = call(of, mode, **{"messages": script.messages, **more, **fields})
    bodies = [each.model_dump() for each in (heard if streamed else [heard])]
    return Heard(bodies, streamed, {})


def _agent(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """LiteLLM moves what stands beside a chunk's choices into its delta."""
    found: Mapping[str, Any] | None = body.get("codex_agent")
    for choice in body["choices"]:
        found = found or ((choice.get("delta") or {}).get("provider_specific_fields") or {}).get("codex_agent")
    return found
