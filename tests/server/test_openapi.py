"""The OpenAPI document: its routes are the contract's, its schemas are those that refuse, its replies are closed."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from litellm_codex_agent.backends.events import Done, Failure, Usage
from litellm_codex_agent.backends.telling import EVENT, to_json
from litellm_codex_agent.server.openapi import document
from litellm_codex_agent.server.reply import error_event
from litellm_codex_agent.server.reply_schemas import REPLIES
from litellm_codex_agent.wire.chat import error_body
from litellm_codex_agent.wire.chat_request import CHAT
from litellm_codex_agent.wire.completions import Head, chunk, completion, message, usage, usage_chunk
from litellm_codex_agent.wire.envelope import Envelope, agent_fields, metrics
from litellm_codex_agent.wire.run_request import RUN
from litellm_codex_agent.wire.sse import Decoder

from ..wire.schemas import nodes

TOOK = usage(**vars(Usage(1, 2, 0.5, 1, 1)))
HEAD = Head("chatcmpl-1", "echo", 1)
AGENT = agent_fields(
    run_id="run-1", stopped_reason="success", metrics=metrics({}), files=[{"path": "a", "kind": "added"}]
)
ENVELOPE = Envelope("run-1", "success", "Hi", [{"role": "user"}], metrics({}), TOOK)
RUNNING = {
    "run_id": "run-1",
    "status": "running",
    "created": 1.5,
    "backend": "echo",
    "model": "echo",
    "last_event": 0,
}
OPERATIONS = [
    (method, path, operation) for path, methods in document()["paths"].items() for method, operation in methods.items()
]


def test_every_route_of_the_contract_is_there() -> None:
    assert [f"{method.upper()} {path}" for method, path, _ in OPERATIONS] == [
        "POST /v1/chat/completions",
        "POST /chat/completions",
        "GET /v1/models",
        "GET /v1/models/{id}",
        "POST /agent/run",
        "POST /agent/runs",
        "GET /agent/runs/{id}",
        "DELETE /agent/runs/{id}",
        "GET /agent/runs/{id}/events",
        "GET /ready",
        "GET /health",
        "GET /healthz",
        "GET /metrics",
        "GET /openapi.json",
    ]


def test_the_schemas_of_requests_are_those_that_refuse() -> None:
    schemas = document()["components"]["schemas"]
    assert schemas["ChatRequest"] is CHAT
    assert schemas["RunRequest"] is RUN
    assert schemas["Event"] is EVENT


def test_the_document_is_json_and_a_new_one_each_time() -> None:
    assert json.loads(json.dumps(document())) == document()
    first = document()
    first["paths"].clear()
    assert document()["paths"]


def test_each_operation_has_a_name_of_its_own() -> None:
    names = [operation["operationId"] for _, _, operation in OPERATIONS]
    assert len(names) == len(set(names))


def references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [found for entry in value.values() for found in references(entry)]
    return [found for entry in value for found in references(entry)] if isinstance(value, list) else []


def test_every_reference_leads_to_a_schema_and_every_reply_is_used() -> None:
    schemas = document()["components"]["schemas"]
    used = {reference.removeprefix("#/components/schemas/") for reference in references(document())}
    assert used == schemas.keys()


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS, ids=lambda entry: str(entry)[:24])
def test_a_refusal_has_openais_shape(method: str, path: str, operation: dict[str, Any]) -> None:
    refusals = {status: reply for status, reply in operation["responses"].items() if status[0] in "45"}
    if path in ("/ready", "/health", "/healthz"):
        assert (operation["security"], refusals.keys() - {"503"}) == ([], set())
        return
    assert {"401", "403", "421", "500"} <= refusals.keys()
    schemas = [reply["content"]["application/json"]["schema"]["$ref"] for reply in refusals.values()]
    assert {schema.rpartition("/")[2] for schema in schemas} == {"Error"}


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/chat/completions", "/agent/run", "/agent/runs"])
def test_a_run_can_be_refused_in_all_the_ways_of_the_contract(path: str) -> None:
    responses = document()["paths"][path]["post"]["responses"]
    assert {"400", "404", "408", "413", "415", "422", "429", "503"} <= responses.keys()


GUARDED = {"401", "403", "421", "500"}
STATUSES: list[tuple[str, str, set[str]]] = [
    ("get", "/v1/models", {"200", *GUARDED}),
    ("get", "/agent/runs/{id}", {"200", "404", *GUARDED}),
    ("delete", "/agent/runs/{id}", {"200", "404", *GUARDED}),
    ("get", "/agent/runs/{id}/events", {"200", "400", "404", *GUARDED}),
    ("get", "/ready", {"200", "503"}),
    ("get", "/health", {"200"}),
    ("get", "/metrics", {"200", *GUARDED}),
]


@pytest.mark.parametrize(("method", "path", "statuses"), STATUSES)
def test_a_route_names_the_statuses_that_it_answers_with(method: str, path: str, statuses: set[str]) -> None:
    assert document()["paths"][path][method]["responses"].keys() == statuses


def test_a_run_that_outlives_its_request_is_accepted() -> None:
    assert {"200", "202"} & document()["paths"]["/agent/runs"]["post"]["responses"].keys() == {"202"}


def test_all_but_the_health_routes_take_the_key() -> None:
    keyless = {path for _, path, operation in OPERATIONS if "security" in operation}
    assert keyless == {"/ready", "/health", "/healthz"}
    assert document()["security"] == [{"key": []}, {}]


def test_what_starts_a_run_needs_a_body_and_may_say_which_request_it_is() -> None:
    starting = [operation for method, _, operation in OPERATIONS if method == "post"]
    for operation in starting:
        assert operation["requestBody"]["required"] is True
        names = [parameter["name"] for parameter in operation["parameters"]]
        assert names == ["Idempotency-Key", "x-codex-agent-attempt", "x-codex-agent-retries-left"]
    assert starting[0]["parameters"][0]["schema"] == {"type": "string", "minLength": 1, "maxLength": 512}


@pytest.mark.parametrize(
    ("method", "path"),
    [("post", "/v1/chat/completions"), ("post", "/agent/run"), ("get", "/agent/runs/{id}/events")],
)
def test_what_streams_says_what_its_events_are(method: str, path: str) -> None:
    event = document()["paths"][path][method]["responses"]["200"]["content"]["text/event-stream"]["schema"]
    jsonschema.validate({"id": "1", "event": "text", "data": "[DONE]"}, event)
    assert len(references(event)) == 2


def test_a_route_with_an_id_says_that_it_needs_one() -> None:
    [parameter, header] = document()["paths"]["/agent/runs/{id}/events"]["get"]["parameters"]
    assert (parameter["name"], parameter["in"], parameter["required"]) == ("id", "path", True)
    assert (header["name"], header["in"]) == ("Last-Event-ID", "header")


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/chat/completions", "/agent/run", "/agent/runs"])
def test_what_begins_a_run_says_which_and_what_can_be_asked_of_it(path: str) -> None:
    responses = document()["paths"][path]["post"]["responses"]
    [begun] = [response for status, response in responses.items() if status[0] == "2"]
    assert begun["headers"]["x-codex-agent-run-id"]["required"]
    assert {link["operationId"] for link in begun["links"].values()} == {"getRun", "cancelRun", "followRun"}
    assert "Retry-After" in responses["429"]["headers"]


@pytest.mark.parametrize("name", REPLIES)
def test_every_reply_is_closed(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(dict(REPLIES[name]))
    for node in nodes(REPLIES[name]):
        assert "properties" not in node or node["additionalProperties"] is False


def told_error(event: bytes) -> Any:
    [told] = Decoder().feed(event)
    return json.loads(told.data)


SAID: list[tuple[str, Any]] = [
    ("Alive", {"ok": True}),
    ("ChatCompletion", completion(HEAD, message("Hi", "hm"), usage=TOOK, codex_agent=AGENT)),
    ("ChatCompletionChunk", chunk(HEAD, {"role": "assistant", "content": ""})),
    ("ChatCompletionChunk", chunk(HEAD, {}, finish="stop", codex_agent=AGENT)),
    ("ChatCompletionChunk", usage_chunk(HEAD, TOOK)),
    ("Envelope", ENVELOPE.to_json()),
    ("Error", error_body("No.", type="server_error", code="run_failed")),
    ("Model", {"id": "e", "object": "model", "created": 1, "owned_by": "u", "ready": True}),
    (
        "Models",
        {"object": "list", "data": [{"id": "e", "object": "model", "created": 1, "owned_by": "u", "ready": True}]},
    ),
    ("Ready", {"ok": True}),
    (
        "Ready",
        {
            "ok": False,
            "reasons": ["The server is draining."],
            "draining": True,
            "journal": {"ok": True},
            "queue": {"running": 0, "waiting": 0, "max_runs": 16, "max_queue": 64},
            "sandbox": None,
            "backends": {"mini": {"ok": False, "reason": "No model is set."}},
        },
    ),
    ("Run", RUNNING),
    ("StreamError", told_error(error_event(Failure(422, "No.", "run_failed")))),
    ("Run", {**RUNNING, "status": "ended", "stopped_reason": "success", "ended": 2, "envelope": ENVELOPE.to_json()}),
]


@pytest.mark.parametrize(("name", "reply"), SAID, ids=lambda entry: str(entry)[:24])
def test_what_is_written_is_what_the_document_says(name: str, reply: dict[str, Any]) -> None:
    jsonschema.validate(reply, REPLIES[name])
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**reply, "more": 1}, REPLIES[name])


def test_a_told_event_is_what_the_document_says() -> None:
    jsonschema.validate(to_json(Done(failure=Failure(500, "No."), usage=Usage(cost_usd=1.0))), EVENT)
