"""One run of the mini-agent as a call from Python: the request's fields in, the envelope out, and no server.

It is set up as the server is, by the variables of the reference.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from functools import partial
from typing import Any

from .. import settings
from ..backends.backend import Backend, Choosy, Task
from ..backends.echo import Echo
from ..backends.events import Done, ToolCall
from ..backends.mini import Mini
from ..backends.parameters import sort, sort_options
from ..runs.ending import envelope
from ..runs.story import Story
from ..wire.run_request import RunRequest, read_run
from ..wire.strict_json import write_json
from .setup import setup

__all__ = ["arun", "run"]

_ID_BYTES = 16
_NO_FIELD = ""


def run(messages: Sequence[Mapping[str, Any]], *, model: str, **fields: Any) -> dict[str, Any]:
    """`arun`, for those who have no event loop."""
    if _is_in_a_loop():
        raise RuntimeError("An event loop runs here already. Use `await arun(...)`, which takes the same arguments.")
    return asyncio.run(arun(messages, model=model, **fields))


async def arun(messages: Sequence[Mapping[str, Any]], *, model: str, **fields: Any) -> dict[str, Any]:
    """The envelope of one run; `fields` are those of `POST /agent/run`. Raises `ValueError` for what cannot be asked.

    A run that failed is told by the envelope, as it is over HTTP.
    """
    asked = read_run(_body(messages, {**fields, "model": model}))
    if Echo.name in (asked.tool_backend, asked.model):
        return await _told(Echo(), asked)
    config = settings.server()
    mini = Mini(partial(setup, config.mini, config.state, max_seconds=config.max_seconds))
    async with mini.opened():
        return await _told(mini, asked)


def _is_in_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _body(messages: Sequence[Mapping[str, Any]], fields: Mapping[str, Any]) -> bytes:
    if isinstance(messages, str | bytes):
        raise ValueError('`messages` has to be a list, as in [{"role": "user", "content": "hi"}].')
    try:
        return write_json({**fields, "messages": list(messages)})
    except TypeError as error:
        raise ValueError(f"The fields of a run have to be such as JSON can say: {error}.") from error


async def _told(backend: Backend, asked: RunRequest) -> dict[str, Any]:
    given = {**asked.options, "tool_backend": asked.tool_backend} if isinstance(backend, Mini) else asked.options
    parameters, _ = sort(asked.parameters, backend.parameters, backend.name)
    options, ignored = sort_options(given, backend.parameters, backend.name, field=_NO_FIELD)
    if isinstance(backend, Choosy):
        backend.look(asked.messages, parameters, options)
    task = Task(f"run_{secrets.token_hex(_ID_BYTES)}", asked.model, asked.messages, parameters, options)
    story, done, acted, began = Story(), Done("cancelled"), False, time.monotonic()
    async with aclosing(backend.answer(task)) as events:
        async for event in events:
            story.add(event)
            acted = acted or isinstance(event, ToolCall)
            done = event if isinstance(event, Done) else done
    told = envelope(task.run_id, asked.messages, story, done, acted=acted, seconds=time.monotonic() - began)
    told["metrics"]["ignored"] += ignored
    return told
