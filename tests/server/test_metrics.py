"""The text is what Prometheus reads, its sums are right, and no client can make it grow."""

from __future__ import annotations

import math
import re

import pytest

from litellm_codex_agent.backends.events import Usage
from litellm_codex_agent.server.metrics import BUCKETS, CONTENT_TYPE, Metrics
from litellm_codex_agent.wire.envelope import STOPPED_REASONS

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
SAMPLE = re.compile(rf"({NAME})(?:\{{({LABEL}(?:,{LABEL})*)\}})? (-?[0-9.e+-]+|[+-]Inf|NaN)")
USAGE = Usage(prompt_tokens=10, completion_tokens=3, cost_usd=0.25)


def read(text: str) -> dict[str, float]:
    """The samples of a text that keeps the format's rules: HELP and TYPE before a family's samples, a last line end."""
    assert text.endswith("\n")
    samples: dict[str, float] = {}
    family = ""
    for line in text.splitlines():
        if head := re.fullmatch(rf"# HELP ({NAME}) [^\n]+", line):
            family = head[1]
        elif kind := re.fullmatch(rf"# TYPE ({NAME}) (counter|gauge|histogram)", line):
            assert kind[1] == family
        else:
            found = SAMPLE.fullmatch(line)
            assert found and found[1].startswith(family) and f"{found[1]}{{{found[2] or ''}}}" not in samples, line
            samples[f"{found[1]}{{{found[2] or ''}}}"] = float(found[3])
    return samples


def after(*runs: tuple[str, str, float, Usage], queued: int = 0, running: int = 0) -> dict[str, float]:
    metrics = Metrics(["echo", "mini"])
    for run in runs:
        metrics.ended(*run)
    return read(metrics.text(queued=queued, running=running))


def test_a_server_that_has_done_nothing_says_so() -> None:
    assert after(queued=2, running=3) == {"codex_agent_runs_running{}": 3, "codex_agent_runs_queued{}": 2}


def test_every_family_has_its_kind_from_the_start() -> None:
    text = Metrics([]).text(queued=0, running=0)
    assert (text.count("# HELP "), text.count("# TYPE ")) == (6, 6)
    assert CONTENT_TYPE.startswith("text/plain; version=0.0.4")


def test_runs_are_counted_by_backend_and_reason() -> None:
    told = after(("echo", "success", 1, USAGE), ("echo", "success", 1, USAGE), ("mini", "budget", 1, USAGE))
    assert told['codex_agent_runs_total{backend="echo",stopped_reason="success"}'] == 2
    assert told['codex_agent_runs_total{backend="mini",stopped_reason="budget"}'] == 1


def test_tokens_and_cost_are_added_up() -> None:
    told = after(("echo", "success", 1, USAGE), ("echo", "refused", 1, USAGE), ("echo", "success", 1, Usage(1, 1)))
    assert told['codex_agent_tokens_total{backend="echo",kind="prompt"}'] == 21
    assert told['codex_agent_tokens_total{backend="echo",kind="completion"}'] == 7
    assert told['codex_agent_cost_usd_total{backend="echo"}'] == 0.5


@pytest.mark.parametrize("cost", [None, 0.0, -1.0, math.nan, math.inf])
def test_a_cost_that_is_none_adds_nothing(cost: float | None) -> None:
    assert not [name for name in after(("echo", "success", 1, Usage(cost_usd=cost))) if "cost" in name]


def test_a_small_cost_is_written_so_that_it_can_be_read() -> None:
    told = after(("echo", "success", 1, Usage(cost_usd=2.5e-07)))
    assert told['codex_agent_cost_usd_total{backend="echo"}'] == 2.5e-07


def test_durations_are_counted_into_every_bucket_that_holds_them() -> None:
    told = after(*[("echo", "success", seconds, USAGE) for seconds in (0.1, 0.2, 4000, -1)])
    prefix = "codex_agent_run_duration_seconds"
    buckets = [told[f'{prefix}_bucket{{backend="echo",le="{edge:g}"}}'] for edge in BUCKETS]
    assert buckets == [2] + [3] * (len(BUCKETS) - 1)
    assert told[f'{prefix}_bucket{{backend="echo",le="+Inf"}}'] == told[f'{prefix}_count{{backend="echo"}}'] == 4
    assert told[f'{prefix}_sum{{backend="echo"}}'] == pytest.approx(4000.3)


def test_names_that_clients_make_up_are_one() -> None:
    made_up = [(f"model-{number}", f"reason-{number}", 1.0, USAGE) for number in range(1000)]
    told = after(*made_up)
    assert told['codex_agent_runs_total{backend="other",stopped_reason="other"}'] == 1000
    assert len(told) == len(after(made_up[0]))


def test_a_name_is_escaped() -> None:
    metrics = Metrics(['a"b\\c\nd'])
    metrics.ended('a"b\\c\nd', "success", 1, USAGE)
    assert r'backend="a\"b\\c\nd"' in metrics.text(queued=0, running=0)
    assert read(metrics.text(queued=0, running=0))


def test_the_reasons_are_those_of_the_contract() -> None:
    assert len(STOPPED_REASONS) == 16


def test_what_no_float_holds_is_infinite_and_breaks_nothing() -> None:
    counts = Metrics(["echo"])
    for _ in range(2):
        counts.ended("echo", "success", 1.0, Usage(cost_usd=1e308))
    assert 'codex_agent_cost_usd_total{backend="echo"} +Inf' in counts.text(queued=0, running=0)
