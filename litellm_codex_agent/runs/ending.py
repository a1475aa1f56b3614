"""A run that has ended, as all faces tell it: its figures, its error and its envelope. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ..backends.events import Done, Failure
from ..wire import completions
from ..wire.chat import error_body, error_type
from ..wire.envelope import Envelope, metrics
from .outcome import outcome_of
from .story import Story

__all__ = ["envelope", "error_of", "figures"]


def envelope(
    run_id: str, asked: Sequence[Mapping[str, Any]], story: Story, done: Done, *, acted: bool, seconds: float
) -> dict[str, Any]:
    """As /agent/run answers it, and the call from Python."""
    failure = outcome_of(done, acted=acted, has_answer=bool(story.text)).failure
    said = [{"role": "assistant", "content": story.answer}] if story.text else []
    return Envelope(
        run_id=run_id,
        stopped_reason=done.stopped_reason,
        final_answer=story.answer,
        messages=[*asked, *(done.added or said)],
        metrics=figures(story, done, seconds),
        usage=completions.usage(**asdict(done.usage)),
        error=error_of(failure) if failure else None,
        last_tool_invocation=_last_call(story),
        files=story.changed(),
    ).to_json()


def figures(story: Story, done: Done | None, seconds: float) -> dict[str, Any]:
    """A run's metrics, in the one shape that all faces have."""
    return metrics(story.metrics(done) if done else {}, ttotal_ms=round(seconds * 1000))


def error_of(failure: Failure) -> dict[str, Any]:
    """OpenAI's error object, with the status that no head can say any more."""
    body: Any = error_body(failure.message, type=error_type(failure.status), code=failure.code)["error"]
    return {**body, "status": failure.status}


def _last_call(story: Story) -> dict[str, Any] | None:
    call, result = story.last_call, story.last_result
    if call is None:
        return None
    told = {"id": call.id, "name": call.name, "text": call.text}
    return {**told, "ok": result.ok, "result": result.text} if result else told
