"""A server with the real Codex, the scripted endpoint that it asks, and what each test has its model say there."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import httpx

from ..cli.serving import serving
from ..endpoint import Act, Endpoint, Lane
from ..responses_endpoint import conversations, script_of

__all__ = ["ASK_SECONDS", "Desk", "KEY", "PLAIN", "PRICED", "PRICES", "Script", "desk"]

# Codex's first turn of all starts its process; two busy processors take their time.
ASK_SECONDS = 60.0
# The operator's key for the endpoint.
KEY = "sk-of-the-operator-1234"
# Of the two models one has a row in the table of prices.
PLAIN, PRICED = "plain-model", "priced-model"
PRICES = {"input_cost_per_token": 0.001, "output_cost_per_token": 0.01, "cache_read_input_token_cost": 0.0005}


@dataclass(frozen=True)
class Script:
    """What the model says in one conversation, by the name that the user's message gives it."""

    name: str
    lane: Lane

    @property
    def mark(self) -> str:
        return f"script:{self.name}"

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [{"role": "user", "content": f"Do it. {self.mark}"}]

    @property
    def asked(self) -> list[Any]:
        """The bodies of the requests that the endpoint had for it, in their order."""
        posted = [asked.json for asked in self.lane.asked if asked.body]
        return [body for body in posted if script_of(body) == self.name]

    def outputs(self) -> list[str]:
        """What came of the calls, as the model was told in its last request."""
        kinds = ("function_call_output", "custom_tool_call_output")
        return [_text(item["output"]) for item in self.asked[-1]["input"] if item.get("type") in kinds]


@dataclass
class Desk:
    """A server that is up."""

    url: str
    lane: Lane
    scripts: dict[str, Sequence[Act]]
    client: httpx.Client
    _numbers: Iterator[int] = field(default_factory=count)

    def script(self, *turns: Act) -> Script:
        """A conversation of its own, answered so."""
        name = f"s{next(self._numbers)}"
        self.scripts[name] = turns
        return Script(name, self.lane)

    def post(self, script: Script, **fields: Any) -> httpx.Response:
        """What a chat is answered."""
        return self.client.post("/v1/chat/completions", json={"model": "codex", "messages": script.messages, **fields})

    def run(self, script: Script, **fields: Any) -> dict[str, Any]:
        """The envelope of a run."""
        body = {"model": "codex", "messages": script.messages, **fields}
        told: dict[str, Any] = self.client.post("/agent/run", json=body).raise_for_status().json()
        return told


@contextmanager
def desk(endpoint: Endpoint, directory: Path, *, upstream: str = "", **variables: str) -> Iterator[Desk]:
    """A server whose Codex asks the scripted endpoint, or what stands before it at `upstream`."""
    scripts: dict[str, Sequence[Act]] = {}
    lane = endpoint.lane(conversations(scripts))
    prices = directory / "prices.json"
    prices.write_text(json.dumps({PRICED: PRICES}))
    ours = {
        "CODEX_AGENT_UPSTREAM": upstream or lane.base,
        "CODEX_AGENT_UPSTREAM_KEY": KEY,
        "CODEX_AGENT_CODEX_MODEL": PLAIN,
        "CODEX_AGENT_PRICES": str(prices),
    }
    with (
        serving(directory / "state", **{**ours, **variables}) as url,
        httpx.Client(base_url=url, timeout=ASK_SECONDS, trust_env=False) as client,
    ):
        yield Desk(url, lane, scripts, client)


def _text(output: Any) -> str:
    return output if isinstance(output, str) else " ".join(str(part.get("text", "")) for part in output)
