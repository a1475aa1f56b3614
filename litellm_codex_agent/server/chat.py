"""A run as a chat completion: its steps as `reasoning_content`, its answer as `content`, then what it took.

Each chunk carries the number of its event as the stream's id.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from starlette.requests import Request

from ..backends.events import ClientCall, Done, Failure, Text
from ..runs.ending import figures
from ..runs.run import Run, Told
from ..runs.story import as_thought
from ..wire import completions, sse
from ..wire.chat_request import ChatRequest, read_chat
from ..wire.envelope import agent_fields
from ..wire.strict_json import write_json
from .body import read_body
from .house import House, ask_of, read
from .reply import Reply, error_event

__all__ = ["ChatFace", "answer_chat"]

# The least that reaches the clients of a proxy's three routes: LiteLLM hands on neither comments nor empty deltas, and
# no empty thought but on one route; /v1/messages ends a block at it besides.
_BREATH = " "


async def answer_chat(house: House, request: Request) -> Reply:
    """POST /v1/chat/completions."""
    asked = await read(read_chat, await read_body(request))
    ask = ask_of(request, asked.digest)
    return Reply(house.supervisor, ask, house.work(asked, request), ChatFace(asked), asked.stream, house.beat)


@dataclass(frozen=True)
class ChatFace:
    """How a run is told to whoever asked for a chat completion."""

    asked: ChatRequest

    def failed(self, run: Run) -> Failure | None:
        return run.outcome.failure if run.outcome else None

    def whole(self, run: Run) -> Mapping[str, Any]:
        return completions.completion(
            self._head(run),
            completions.message(
                run.story.answer,
                run.story.reasoning,
                [completions.called(call.id, call.name, call.arguments) for call in run.story.client_calls],
            ),
            finish=run.outcome.finish if run.outcome else "",
            usage=_usage(run),
            codex_agent=_fields(run),
        )

    def pieces(self, run: Run, told: Told) -> Iterable[bytes]:
        if told.seq == 1:
            yield self._chunk(run, told, {"role": "assistant", "content": ""})
        if isinstance(told.event, Done):
            yield from self._end(run, told)
        elif isinstance(told.event, Text):
            yield self._text(run, told.seq, "content", told.event.text)
        elif isinstance(told.event, ClientCall):
            yield self._chunk(run, told, {"tool_calls": [_called(run, told.event)]})
        elif thought := as_thought(told.event):
            yield self._text(run, told.seq, "reasoning_content", thought)

    def silence(self, run: Run) -> bytes:
        return self._text(run, len(run.told), "reasoning_content", _BREATH)

    def _end(self, run: Run, told: Told) -> Iterator[bytes]:
        if failure := self.failed(run):
            yield error_event(failure)
        else:
            finish = run.outcome.finish if run.outcome else ""
            yield self._chunk(run, told, {}, finish=finish, codex_agent=_fields(run))
            if self.asked.wants_usage:
                yield _event(completions.usage_chunk(self._head(run), _usage(run)), told.seq)
        yield sse.encode("[DONE]")

    def _text(self, run: Run, seq: int, field: str, text: str) -> bytes:
        return sse.encode(completions.text_chunk(self._head(run), field, text), id=str(seq))

    def _chunk(self, run: Run, told: Told, delta: Mapping[str, Any], **more: Any) -> bytes:
        return _event(completions.chunk(self._head(run), delta, **more), told.seq)

    def _head(self, run: Run) -> completions.Head:
        return completions.Head(f"chatcmpl-{run.id}", self.asked.model, int(run.record.created))


def _event(body: Mapping[str, Any], seq: int) -> bytes:
    return sse.encode(write_json(body).decode(), id=str(seq))


def _usage(run: Run) -> dict[str, Any]:
    return completions.usage(**asdict(run.done.usage)) if run.done else {}


def _fields(run: Run) -> dict[str, Any]:
    reason = run.done.stopped_reason if run.done else ""
    metrics = figures(run.story, run.done, run.seconds)
    return agent_fields(run_id=run.id, stopped_reason=reason, metrics=metrics, files=run.story.changed())


def _called(run: Run, call: ClientCall) -> dict[str, Any]:
    """Whole in one delta. A reader joins the deltas of a call by its index."""
    index = run.story.client_calls.index(call)
    return {"index": index, **completions.called(call.id, call.name, call.arguments)}
