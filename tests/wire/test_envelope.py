"""The envelope of a run, its shape locked: a client that reads it today reads it tomorrow."""

from __future__ import annotations

import dataclasses
from typing import Any

from litellm_codex_agent.wire.completions import usage
from litellm_codex_agent.wire.envelope import METRICS, STOPPED_REASONS, Envelope, agent_fields, metrics

FILES = [{"path": "a.py", "kind": "added"}]
ERROR = {"message": "The model is gone.", "type": "server_error", "param": None, "code": "run_failed"}
ENDED = Envelope(
    run_id="run-1",
    stopped_reason="success",
    final_answer="Done.",
    messages=[{"role": "user", "content": "Hi"}],
    metrics=metrics({}, ttotal_ms=12),
    usage=usage(prompt_tokens=1),
)


def test_the_shape_of_an_answer() -> None:
    assert ENDED.to_json() == {
        "ok": True,
        "run_id": "run-1",
        "final_answer": "Done.",
        "stopped_reason": "success",
        "messages": [{"role": "user", "content": "Hi"}],
        "metrics": {
            "iterations": 0,
            "ttotal_ms": 12,
            "escalated": False,
            "used_model": None,
            "tool_calls": 0,
            "failed_tool_calls": 0,
            "cost_usd": None,
            "isolation": None,
            "ignored": [],
        },
        "usage": {"prompt_tokens": 1, "completion_tokens": 0, "total_tokens": 1},
    }


def test_a_failure_never_looks_like_an_answer() -> None:
    told = dataclasses.replace(ENDED, error=ERROR, stopped_reason="model_error").to_json()
    assert (told["ok"], told["final_answer"], told["error"]) == (False, None, ERROR)


def test_what_a_run_did_is_told_where_it_did_something() -> None:
    told = dataclasses.replace(ENDED, last_tool_invocation={"name": "shell"}, files=FILES).to_json()
    assert (told["last_tool_invocation"], told["files"]) == ({"name": "shell"}, FILES)


def test_an_envelope_shares_nothing_with_the_run() -> None:
    told = dataclasses.replace(ENDED, files=FILES).to_json()
    told["messages"][0]["content"] = told["files"][0]["path"] = told["metrics"]["iterations"] = "changed"
    assert ENDED.messages == [{"role": "user", "content": "Hi"}]
    assert (FILES[0]["path"], ENDED.metrics["iterations"]) == ("a.py", 0)


def test_metrics_are_those_that_were_measured_else_those_that_were_told() -> None:
    told: dict[str, Any] = {"iterations": 3, "tool_calls": 5, "turns": 9}
    known = metrics(told, tool_calls=4, ignored=["store"])
    assert known == {**METRICS, "iterations": 3, "tool_calls": 4, "ignored": ["store"]}


def test_no_two_runs_share_their_metrics() -> None:
    metrics({})["ignored"].append("store")
    assert (metrics({})["ignored"], metrics({})["ttotal_ms"]) == ([], 0)


def test_our_object_in_a_chat() -> None:
    ours = agent_fields(run_id="run-1", stopped_reason="success", metrics=metrics({}), files=FILES)
    assert ours == {"run_id": "run-1", "stopped_reason": "success", "metrics": dict(METRICS), "files": FILES}


def test_the_reasons_are_those_of_the_contract() -> None:
    contract = """success max_iterations budget max_tokens max_cost max_tool_calls repeated_format_error
        repeated_tool_call refused model_error cancelled client_disconnected interrupted shutdown sandbox_unavailable"""
    # And the end of a request whose run waits for a tool of its client's.
    assert sorted(STOPPED_REASONS) == sorted([*contract.split(), "tool_calls"])
