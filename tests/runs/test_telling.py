"""A run's events as JSON: what is written reads back as it was, and what is no event is refused by its field."""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from litellm_codex_agent.backends.events import (
    Done,
    Event,
    Failure,
    FileChange,
    Text,
    Thought,
    ToolCall,
    ToolResult,
    Usage,
)
from litellm_codex_agent.runs.telling import EVENT, BrokenEvent, from_json, to_json
from litellm_codex_agent.wire.schema import KEYWORDS

from ..wire.schemas import keywords

WRITTEN: list[tuple[Event, dict[str, Any]]] = [
    (Thought("hm"), {"kind": "thought", "text": "hm"}),
    (Text(""), {"kind": "text", "text": ""}),
    (ToolCall("1", "shell", "ls"), {"kind": "tool_call", "id": "1", "name": "shell", "text": "ls"}),
    (ToolCall("1", "shell"), {"kind": "tool_call", "id": "1", "name": "shell"}),
    (ToolResult("1"), {"kind": "tool_result", "id": "1"}),
    (ToolResult("1", False, "no"), {"kind": "tool_result", "id": "1", "ok": False, "text": "no"}),
    (FileChange("a.py"), {"kind": "file_change", "path": "a.py"}),
    (FileChange("a.py", "added"), {"kind": "file_change", "path": "a.py", "change": "added"}),
    (Done(), {"kind": "done"}),
    (Done("budget", Usage(cost_usd=0.0)), {"kind": "done", "stopped_reason": "budget", "usage": {"cost_usd": 0.0}}),
    (
        Done("model_error", failure=Failure(429, "Slow down.", retry_after=1.5), metrics={"iterations": 0}),
        {
            "kind": "done",
            "stopped_reason": "model_error",
            "failure": {"status": 429, "message": "Slow down.", "retry_after": 1.5},
            "metrics": {"iterations": 0},
        },
    ),
]


@pytest.mark.parametrize(("event", "told"), WRITTEN, ids=lambda entry: repr(entry)[:40])
def test_an_event_is_written_without_its_defaults_and_reads_back(event: Event, told: dict[str, Any]) -> None:
    assert to_json(event) == told
    assert from_json(told) == event


text = st.text()
number = st.integers()
money = st.none() | st.floats(allow_nan=False)
values = st.recursive(
    st.none() | st.booleans() | number | text, lambda inner: st.dictionaries(text, inner) | st.lists(inner)
)
usages = st.builds(Usage, number, number, money, number, number)
failures = st.builds(Failure, number, text, text, money)
events = st.one_of(
    st.builds(Thought, text),
    st.builds(Text, text),
    st.builds(ToolCall, text, text, text),
    st.builds(ToolResult, text, st.booleans(), text),
    st.builds(FileChange, text, text),
    st.builds(Done, text, usages, st.none() | failures, st.dictionaries(text, values)),
)


@given(events)
def test_every_event_comes_back_from_json_text_as_it_was(event: Event) -> None:
    assert from_json(json.loads(json.dumps(to_json(event)))) == event


BROKEN: list[tuple[Any, str]] = [
    (None, "`event` has to be an object"),
    ([], "`event` has to be an object"),
    ({}, "`event.kind` is missing, and has to be one of"),
    ({"kind": "shout"}, '`event.kind` has to be one of "thought", "text", "tool_call", "tool_result"'),
    ({"kind": ["text"]}, "`event.kind` has to be one of"),
    ({"kind": "text"}, "`event.text` is missing, and has to be a string."),
    ({"kind": "text", "text": 1}, "`event.text` has to be a string."),
    ({"kind": "text", "text": "", "ok": True}, "`event.ok` is not a field of `event`."),
    ({"kind": "tool_result", "id": "1", "ok": 1}, "`event.ok` has to be true or false."),
    ({"kind": "done", "usage": {"prompt_tokens": 1.5}}, "`event.usage.prompt_tokens` has to be an integer."),
    ({"kind": "done", "failure": {"status": 500}}, "`event.failure.message` is missing, and has to be a string."),
    ({"kind": "done", "metrics": None}, "`event.metrics` has to be an object."),
]


@pytest.mark.parametrize(("told", "sentence"), BROKEN, ids=lambda entry: repr(entry)[:40])
def test_what_is_no_event_is_refused_by_its_field(told: object, sentence: str) -> None:
    with pytest.raises(BrokenEvent) as caught:
        from_json(told)
    assert sentence in str(caught.value)


def test_a_failure_of_null_is_none() -> None:
    assert from_json({"kind": "done", "failure": None}) == Done()


def test_an_event_shares_nothing_with_its_json() -> None:
    event = Done(metrics=MappingProxyType({"steps": [1]}))
    told = to_json(event)
    back = from_json(told)
    told["metrics"]["steps"].append(2)
    assert (event.metrics, back) == ({"steps": [1]}, Done(metrics={"steps": [1]}))


def test_the_schema_of_events_uses_known_keywords_only() -> None:
    assert keywords(EVENT) <= KEYWORDS
