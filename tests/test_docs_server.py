"""The reference of the agent server says what its code says: routes, fields, ends, codes, counts, commands."""

from __future__ import annotations

import argparse
import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

import litellm_codex_agent
from litellm_codex_agent.agent.failures import CONTEXT_WINDOW
from litellm_codex_agent.backends.backend import Backend
from litellm_codex_agent.backends.events import Done, Failure, Usage
from litellm_codex_agent.backends.mini import Mini
from litellm_codex_agent.backends.parameters import HOUSE_OPTIONS, RefusedParameter, sort
from litellm_codex_agent.backends.table import backends
from litellm_codex_agent.backends.telling import EVENT
from litellm_codex_agent.cli.main import _parser
from litellm_codex_agent.runs.identity import Ask, Known, Verdict, decide, waits_for_another
from litellm_codex_agent.runs.outcome import outcome_of
from litellm_codex_agent.server.metrics import Metrics
from litellm_codex_agent.server.openapi import document
from litellm_codex_agent.server.reply_schemas import REPLIES
from litellm_codex_agent.wire.chat_request import CHAT, PARAMETERS
from litellm_codex_agent.wire.envelope import METRICS, STOPPED_REASONS
from litellm_codex_agent.wire.recording import Header
from litellm_codex_agent.wire.run_request import RUN

from .docs_blocks import ROOT, rows

REFERENCE = ROOT / "docs" / "reference"
SERVER = Path(litellm_codex_agent.__file__).parent / "server"
API, EVENTS, IDENTITY = REFERENCE / "http-api.md", REFERENCE / "events.md", REFERENCE / "identity.md"
ERRORS, CLI = REFERENCE / "errors.md", REFERENCE / "cli.md"


def named(cell: str) -> list[str]:
    """What stands in a cell as code."""
    return re.findall(r"`([^`]+)`", cell)


def first(page: Path, under: str) -> list[str]:
    return [row[0].strip("`") for row in rows(page, under=under)]


def test_the_routes_are_those_of_the_document() -> None:
    table = [(row[0], row[1].strip("`")) for row in rows(API, under="Routes")]
    assert table == [(method.upper(), path) for path, methods in document()["paths"].items() for method in methods]


def test_the_models_are_those_that_can_be_asked() -> None:
    there = [name for backend in backends().values() for name in backend.models()]
    of_mini = [Mini.name, f"{Mini.name}:<model>", f"{Mini.name}:script/<name>"]
    assert first(API, "Models") == [there[0], *of_mini, *there[1:], "replay:<name>"]


def _fate(name: str, *kinds: Backend | type[Mini]) -> str:
    fates = set()
    for kind in kinds:
        try:
            sort({name: "x"}, kind.parameters, kind.name)
        except RefusedParameter:
            fates.add("refused")
        else:
            table = kind.parameters
            fates.add("honoured" if name in table.honoured else "passed" if name in table.passed else "ignored")
    return fates.pop() if len(fates) == 1 else "it depends"


CHAT_ROWS = rows(API, under="Chat requests")


def test_the_parameters_of_a_chat_are_those_of_its_schema() -> None:
    assert sorted(name for row in CHAT_ROWS[1:] for name in named(row[0])) == sorted(PARAMETERS)


@pytest.mark.parametrize("row", CHAT_ROWS[1:], ids=lambda row: row[0][:20])
def test_the_parameters_of_a_chat_fare_as_the_page_says(row: tuple[str, ...]) -> None:
    fates = {(_fate(name, *backends().values()), _fate(name, Mini)) for name in named(row[0])}
    assert fates == {row[1:]}


def test_the_options_of_a_chat_are_those_of_its_schema() -> None:
    schema = CHAT["properties"]["codex_agent"]["properties"]
    assert first(API, "The codex_agent object") == list(schema)
    budgets = rows(API, under="The codex_agent object")[2][1]
    assert named(budgets) == list(schema["budgets"]["properties"])


@pytest.mark.parametrize("row", rows(API, under="The codex_agent object"), ids=lambda row: row[0])
def test_an_option_of_a_chat_is_refused_where_the_page_says_so(row: tuple[str, ...]) -> None:
    name = row[0].strip("`")
    anywhere = any(name in backend.parameters.options for backend in backends().values())
    assert (row[2] == "refused") == (name not in HOUSE_OPTIONS and not anywhere)
    assert (row[3] == "refused") == (name not in HOUSE_OPTIONS | Mini.parameters.options)


@pytest.mark.parametrize(
    ("under", "names"),
    [
        ("Chat answers", REPLIES["ChatCompletion"]["properties"]["codex_agent"]["properties"]),
        ("Requests for a run", RUN["properties"]),
        ("The envelope", REPLIES["Envelope"]["properties"]),
        ("Metrics of a run", METRICS),
        ("Readiness", REPLIES["Ready"]["properties"]),
    ],
)
def test_a_table_of_fields_has_each_of_the_schema(under: str, names: Mapping[str, Any]) -> None:
    assert sorted(first(API, under)) == sorted(names)


def test_the_fields_of_a_runs_status_are_those_of_its_schema() -> None:
    assert sorted(first(API, "A detached run")) == sorted(REPLIES["Run"]["properties"])


@pytest.mark.parametrize("row", rows(API, under="Requests for a run"), ids=lambda row: row[0])
def test_a_field_of_a_run_is_refused_where_the_page_says_400(row: tuple[str, ...]) -> None:
    name, _, fate = row[0].strip("`"), row[1], row[2]
    honoured = {option for backend in backends().values() for option in backend.parameters.options}
    house = {"model", "messages", "tool_backend", "session_id"}
    budgets = {name for name in RUN["properties"] if name.startswith("max_")}
    assert fate.startswith("400") == (name not in house | budgets | honoured)
    own = Mini.parameters.options | Mini.parameters.honoured
    assert row[3] == "honoured" and name in house | budgets | own


def _families() -> list[tuple[str, ...]]:
    counts = Metrics(["echo"])
    counts.ended("echo", "success", 1.0, Usage(1, 1, 0.1))
    text = counts.text(queued=0, running=0)
    found = []
    for name, kind in re.findall(r"^# TYPE (\w+) (\w+)$", text, re.MULTILINE):
        samples = re.search(rf"^{name}(?:_bucket)?(?:{{(.*)}})? ", text, re.MULTILINE)
        labels = re.findall(r'(\w+)="', samples[1] or "") if samples else []
        found.append((f"`{name}`", kind, ", ".join(f"`{label}`" for label in labels if label != "le")))
    return found


def test_the_metrics_are_those_that_the_server_counts() -> None:
    assert [row[:3] for row in rows(API, under="Server metrics")] == _families()


def test_the_events_are_those_that_a_run_tells() -> None:
    told = {each["properties"]["kind"]["enum"][0]: [*each["properties"]][1:] for each in EVENT["anyOf"]}
    assert {row[0].strip("`"): named(row[1]) for row in rows(EVENTS, under="Events")} == told
    assert first(EVENTS, "Where events are seen") == list(told)


def test_the_header_of_a_recording_has_the_fields_of_the_page() -> None:
    assert first(EVENTS, "The file of a recording") == ["recording", *(field.name for field in fields(Header))]


ENDS = rows(EVENTS, under="How a run ends")


def test_each_way_to_end_has_its_row() -> None:
    assert sorted(row[0].strip("`") for row in ENDS) == sorted(STOPPED_REASONS)


@pytest.mark.parametrize("row", ENDS, ids=lambda row: row[0])
def test_an_end_is_told_as_the_page_says(row: tuple[str, ...]) -> None:
    done = Done(row[0].strip("`"))
    finish = outcome_of(done, acted=True, has_answer=True).finish
    assert row[2].strip("`") == finish
    ended = [outcome_of(done, acted=acted, has_answer=False).failure for acted in (False, True)]
    said = [failure and str(failure.status) for failure in ended]
    assert [cell.removeprefix("its own, else ") or None for cell in row[3:]] == said


def test_an_agents_own_status_counts_before_its_first_tool_call_alone() -> None:
    done = Done("model_error", failure=Failure(529, "no"))
    outcomes = [outcome_of(done, acted=acted, has_answer=False) for acted in (False, True)]
    assert [outcome.failure and outcome.failure.status for outcome in outcomes] == [529, 422]


KNOWN: Mapping[str, Known | None] = {
    "there is none": None,
    "had another body": Known("run", "other", living=False, answered=True),
    "lives": Known("run", "same", living=True, acted=True),
    "failed before its first tool call": Known("run", "same", living=False),
    "has an answer, which a caller has got": Known("run", "same", living=False, answered=True, delivered=True),
    "has an answer, which no caller has got": Known("run", "same", living=False, answered=True),
    "has an answer": Known("run", "same", living=False, answered=True, delivered=True),
    "was cancelled by somebody's wish": Known("run", "same", living=False, cancelled=True),
    "failed after its first tool call": Known("run", "same", living=False, acted=True, delivered=True),
}
ATTEMPTS = {"any": (None, 0, 1), "0": (0,), "1 or more": (1, 2), "not said": (None,)}
VERDICTS = {
    Verdict.NEW: "a new run",
    Verdict.ATTACH: "the living run, from its first event on",
    Verdict.REPLAY: "what the ended run told",
    Verdict.CONFLICT: "422 `idempotency_key_reused`",
}


@pytest.mark.parametrize("row", rows(IDENTITY, under="Which run answers"), ids=" · ".join)
def test_a_key_gets_the_run_that_the_page_says(row: tuple[str, ...]) -> None:
    known, attempts, verdict = row
    asked = [Ask(key="key", attempt=attempt, digest="same") for attempt in ATTEMPTS[attempts]]
    assert {VERDICTS[decide(ask, KNOWN[known])] for ask in asked} == {verdict}


def test_the_page_of_identity_decides_each_case() -> None:
    table = {(row[0], attempt) for row in rows(IDENTITY, under="Which run answers") for attempt in ATTEMPTS[row[1]]}
    # An answer that was got, or was not, differs at attempt 0 alone.
    cases = {(known, attempt) for known in KNOWN for attempt in (None, 0, 1)}
    answers = {(f"has an answer{rest}", 0) for rest in (", which a caller has got", ", which no caller has got")}
    rest = {(known, attempt) for known, attempt in cases if not known.startswith("has an answer,")}
    assert {(known, attempt) for known, attempt in table if attempt != 2} == (rest - {("has an answer", 0)}) | answers


GOING: Mapping[str, tuple[Ask, bool]] = {
    "has no `Idempotency-Key`": (Ask(attempt=0, retries_left=1), False),
    "has retries left": (Ask(key="key", attempt=0, retries_left=1), True),
    "has no retry left: the header says 0": (Ask(key="key", attempt=0, retries_left=0), False),
    "counts its attempts and does not say how many are left, and no answer had begun": (Ask(key="k", attempt=0), False),
    "counts its attempts and does not say how many are left, and the answer had begun": (Ask(key="k", attempt=0), True),
    "says neither": (Ask(key="key"), False),
}


@pytest.mark.parametrize("row", rows(IDENTITY, under="When the client goes away")[1:], ids=lambda row: row[0])
def test_a_run_whose_client_is_gone_waits_or_ends_as_the_page_says(row: tuple[str, ...]) -> None:
    ask, answering = GOING[row[0]]
    assert row[1].startswith("goes on for" if waits_for_another(ask, answering=answering) else "is cancelled at once")


def _refusals() -> Iterator[tuple[int, str]]:
    """The status and the code of each refusal in the server's files, as they are written there."""
    for path in SERVER.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            parts = node.args if isinstance(node, ast.Call) else node.elts if isinstance(node, ast.Tuple) else []
            status, code = (parts[0], parts[2]) if len(parts) >= 3 else (None, None)
            if isinstance(status, ast.Constant) and isinstance(code, ast.Constant) and isinstance(status.value, int):
                yield status.value, str(code.value)


# Those whose status or code is decided at run time, and those of connections that are no requests yet.
ELSEWHERE = {(400, "bad_request"), (400, "invalid_request"), (404, "model_not_found")}
OF_STARLETTE = {(404, "unknown_url"), (405, "method_not_allowed")}


def test_the_page_of_errors_has_every_refusal_of_the_server() -> None:
    table = [(int(row[0]), row[1].strip("`")) for row in rows(ERRORS, under="Errors of the server") if len(row) == 3]
    # Python's sqlite and uvicorn take tuples of other things: a code of ours is a word.
    written = {(status, code) for status, code in _refusals() if 400 <= status < 600 and re.fullmatch(r"[a-z_]+", code)}
    assert table == sorted(written | ELSEWHERE | OF_STARLETTE)


def test_the_page_of_errors_has_each_code_of_a_run_that_ended_without_an_answer() -> None:
    listed = {row[len(row) - 2].strip("`") for row in rows(ERRORS, under="Errors of the server")}
    codes = {
        str(node.args[2].value)
        for room in ("agent", "backends", "runs")
        for path in (SERVER.parent / room).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Failure"
        if len(node.args) >= 3 and isinstance(node.args[2], ast.Constant)
    }
    assert {"sandbox_unavailable", "tools_unavailable", "answer_unfit"} <= codes <= listed
    assert CONTEXT_WINDOW in listed


def _choices(parser: argparse.ArgumentParser) -> Mapping[str, argparse.ArgumentParser]:
    found = [action.choices for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    return found[0] if found else {}


def _commands(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    for inner in _choices(parser).values():
        yield from _commands(inner) if _choices(inner) else [inner]


def test_the_commands_are_those_of_the_program() -> None:
    assert first(CLI, "Commands") == [parser.prog for parser in _commands(_parser())]


def test_the_flags_of_runs_are_those_of_the_program() -> None:
    flags: dict[str, list[str]] = {}
    for name, parser in _choices(_choices(_parser())["runs"]).items():
        for option in parser._option_string_actions:
            flags.setdefault(option, []).append(name)
    table = {row[0].strip("`"): named(row[1]) for row in rows(CLI, under="codex-agent runs")}
    assert table == {flag: of for flag, of in flags.items() if flag not in ("-h", "--help")}


def test_the_flags_of_sandbox_are_those_of_the_program() -> None:
    flags = _choices(_parser())["sandbox"]._option_string_actions
    assert first(CLI, "codex-agent sandbox") == [flag for flag in flags if flag not in ("-h", "--help")]
