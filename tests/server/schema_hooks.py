"""What schemathesis has to know of us, and cannot read in the document. Loaded by it, and not by the tests.

A model is a name of one server's, and which parameters a backend refuses is its own table: both are not in the
schema. So the schema that is tested has the names of this server, and a refusal by such a table is no breach.
"""

from __future__ import annotations

from itertools import count
from typing import Any

import schemathesis

from litellm_codex_agent.backends.parameters import HARMLESS, HOUSE_OPTIONS, STEERING

MODELS = ("echo", "replay:hello", "replay:fix-test")
# What `echo` and `replay` take, on either face.
_TAKEN = HARMLESS | STEERING | HOUSE_OPTIONS | {"model", "messages", "stream", "stream_options", "tool_backend"}
_CASES = count()


@schemathesis.hook
def before_load_schema(context: Any, raw_schema: dict[str, Any]) -> None:
    """Runs that really run: a made-up name is a 404, and says nothing of the rest."""
    schemas = raw_schema["components"]["schemas"]
    for name in ("ChatRequest", "RunRequest"):
        properties = schemas[name]["properties"]
        properties["model"] = {**properties["model"], "enum": list(MODELS)}
    # A replay that is asked for at a tenth of its pace takes its time, as it should.
    options = schemas["ChatRequest"]["properties"]["codex_agent"]["properties"]
    options["pace"] = {**options["pace"], "maximum": 0.01}


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:
    """Every other valid request is left with what is taken: a random one mostly holds something that is not."""
    if case.meta and case.meta.generation.mode.is_positive and isinstance(case.body, dict) and next(_CASES) % 2:
        case.body = {name: value for name, value in case.body.items() if name in _TAKEN or name.startswith("max_")}


@schemathesis.hook
def filter_failure(context: Any, failure: Any, case: Any, response: Any) -> bool:
    """Whether it is one: valid data may hold what this backend cannot honour, or the key of another request."""
    if type(failure).__name__ != "RejectedPositiveData" or response.status_code not in (400, 422):
        return True
    error = response.json()["error"]
    if error["code"] == "unsupported_parameter":
        return not _has(case.body, error["param"].split("."))
    return error["code"] != "idempotency_key_reused"


def _has(body: Any, path: list[str]) -> bool:
    for name in path:
        if not isinstance(body, dict) or name not in body:
            return False
        body = body[name]
    return True
