"""The conversation that a run is a turn of: loaded, given a way to its model, and left.

Law: a thread that no session keeps is forgotten, and one that is left has nobody to ask.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...relay.meter import Meter
from .bridge import Environment
from .connection import Refused
from .conversation import Opening
from .kit import Kit
from .process import AppServer
from .sessions import Session, digest
from .turn import Turn
from .want import Want

__all__ = ["Thread"]

# The one level at which a terminal can be had.
_WITH_TERMINALS = "bwrap"
_NO_OUTSIDE = {"sandbox": "danger-full-access", "approvalPolicy": "never"}
# Of a form without a schema Codex knows nothing.
_ANY_OBJECT = {"type": "text", "text": "Answer with one JSON object and nothing else.", "text_elements": []}


@dataclass
class Thread:
    """The conversation that the run is a turn of."""

    kit: Kit
    server: AppServer
    session: Session
    environment: Environment
    workspace: Path
    wanted: Want
    id: str = ""
    # As Codex says, which knows its own choice.
    model: str = ""
    # The digest of the instructions that it is told.
    told: str = ""

    async def loaded(self, asked: Opening) -> str:
        """The session's, from this process, from its file, or a new one."""
        place = self.environment
        added = {"environmentId": place.id, "execServerUrl": place.url, "authBearerToken": place.token}
        self.server.runs += 1
        await self.server.call("environment/add", added)
        self.id = self.session.thread()
        self.told = digest(asked.instructions) if asked.instructions else self.session.told()
        if self.id in self.server.threads:
            await self._instruct(asked)
            return self.id
        seat = self.kit.relay.seat(self.kit.upstream) if self.kit.upstream else None
        config = self._config(seat.token if seat else "")
        with ExitStack() as failing:
            if seat is not None:
                failing.callback(seat.close)
            new = self._new(config, asked)
            continues = bool(self.id)
            told = await (self._resumed(config) if continues else self.server.call("thread/start", new))
            failing.pop_all()
        self.id, self.model = str(told["thread"]["id"]), str(told.get("model") or "")
        self.server.threads[self.id] = seat
        if continues:
            await self._instruct(asked)
        elif asked.history:
            await self._inject(asked.history)
        return self.id

    def begin(self, meter: Meter) -> None:
        """From now on its model may be asked, for this run."""
        if (seat := self.server.threads.get(self.id)) is not None:
            seat.meter = meter

    def first_words(self, asked: Opening) -> Mapping[str, Any]:
        """What the turn starts with."""
        place = {"environmentId": self.environment.id, "cwd": str(self.workspace)}
        reach = "enabled" if self.wanted.network else "restricted"
        return {
            "input": [*asked.input, *([_ANY_OBJECT] if self.wanted.form and not self.wanted.schema else ())],
            # What the model is told of the wall.
            "sandboxPolicy": {"type": "externalSandbox", "networkAccess": reach},
            "environments": [place],
            **({"model": self.wanted.model} if self.wanted.model else {}),
            **({"effort": self.wanted.effort} if self.wanted.effort else {}),
            **({"outputSchema": self.wanted.schema} if self.wanted.schema else {}),
        }

    def leave(self, turn: Turn) -> None:
        """Its model may not be asked any more. A thread goes on where its session keeps it, else it is forgotten.

        A session is kept from its first turn that came to anything: one that failed before that is asked anew.
        """
        seat = self.server.threads.get(self.id)
        if seat is not None:
            seat.meter = None
        if turn.progress.status == "completed" or turn.progress.calls:
            self.session.keep(self.id, self.told)
        if self.session.thread() == self.id or self.id not in self.server.threads:
            return
        del self.server.threads[self.id]
        if seat is not None:
            seat.close()
        self.server.forget(self.id)

    async def _instruct(self, asked: Opening) -> None:
        """What its client's system says now, where that is not what the thread was told."""
        if asked.instructions and self.told != self.session.told():
            content = [{"type": "input_text", "text": asked.instructions}]
            await self._inject([{"type": "message", "role": "developer", "content": content}])

    async def _inject(self, items: Sequence[Mapping[str, Any]]) -> None:
        await self.server.call("thread/inject_items", {"threadId": self.id, "items": list(items)})

    async def _resumed(self, config: Mapping[str, Any]) -> Any:
        asked = {**config, "threadId": self.id, "excludeTurns": True}
        # A run that was cut off while Codex loaded it has left it there, with a seat that is gone, and Codex keeps to
        # what it was loaded with for as long as anybody listens.
        with suppress(Refused):
            await self.server.call("thread/unsubscribe", {"threadId": self.id})
        try:
            return await self.server.call("thread/resume", asked)
        except Refused as error:
            self.session.forget()
            raise Refused(
                f"Codex knows this session's conversation no more: {error}. The next request begins it anew."
            ) from error

    def _config(self, token: str) -> dict[str, Any]:
        config: dict[str, Any] = {"allow_login_shell": False, "shell_environment_policy": {"inherit": "all"}}
        if token:
            config |= {"model_provider": "relay", "model_providers.relay": _provider(self.kit.relay.address, token)}
        if not self.wanted.network:
            config["web_search"] = "disabled"
        if self.kit.sandbox.level != _WITH_TERMINALS:
            config["features.unified_exec_tty"] = False
        named = {"model": self.wanted.model} if self.wanted.model else {}
        return {**_NO_OUTSIDE, **named, "cwd": "/", "config": config}

    def _new(self, config: Mapping[str, Any], asked: Opening) -> dict[str, Any]:
        place = {"environmentId": self.environment.id, "cwd": str(self.workspace)}
        told = {"developerInstructions": asked.instructions} if asked.instructions else {}
        return {**config, **told, "environments": [place]}


def _provider(address: str, token: str) -> dict[str, Any]:
    """The relay, as Codex names a provider. It tries nothing again: that is the Router's."""
    return {
        "name": "relay",
        "base_url": f"{address}/v1",
        "wire_api": "responses",
        "experimental_bearer_token": token,
        "supports_websockets": False,
        "request_max_retries": 0,
        "stream_max_retries": 0,
    }
