"""What a turn costs: by the operator's table, by a proxy that tells it, or not known; and what LiteLLM books of it."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import litellm
import pytest

from ..e2e import ledger
from ..e2e.proxy import MASTER_KEY, POLL_SECONDS, running
from ..e2e.stand import Stand
from ..endpoint import Endpoint
from ..provider.routers import Kept, acall, router
from ..responses_endpoint import conversations, say, shell, turn, usage
from . import desk as desks
from .conftest import Ask
from .desk import PRICED, PRICES, Desk, Script

FIRST, LAST = usage(1000, 50, cached=100), usage(1200, 7, cached=900)
# Of both: what was read anew, what was cached, what was written.
COST = (900 + 300) * PRICES["input_cost_per_token"] + 1000 * PRICES["cache_read_input_token_cost"]
COST += 57 * PRICES["output_cost_per_token"]
# Of the proxy that stands between the relay and the endpoint.
BEHIND = {"input_cost_per_token": 0.002, "output_cost_per_token": 0.02}
COST_BEHIND = 2200 * 0.002 + 57 * 0.02
# LiteLLM tells its callbacks a moment after the answer.
TOLD_SECONDS = 10.0


def working(desk: Desk, **more: Any) -> Script:
    first = turn(shell("echo made > new.txt"), usage={**FIRST, **more})
    return desk.script(first, turn(say("Done."), usage={**LAST, **more}))


def test_the_cost_is_that_of_the_operators_table(desk: Desk, ask: Ask) -> None:
    heard = ask(working(desk), "priced")
    assert heard.usage["cost"] == pytest.approx(COST)
    assert heard.agent["metrics"]["cost_usd"] == pytest.approx(COST)


def test_a_cost_that_nobody_knows_is_absent(desk: Desk, ask: Ask) -> None:
    heard = ask(working(desk))
    # LiteLLM's own model of a usage has the field, and nothing in it.
    assert heard.usage.get("cost") is None
    assert heard.agent["metrics"]["cost_usd"] is None


def test_a_cost_that_the_endpoint_tells_is_believed_where_the_table_has_none(desk: Desk) -> None:
    assert desk.run(working(desk, cost=0.25))["usage"]["cost"] == pytest.approx(0.5)


def test_the_table_comes_before_what_the_endpoint_tells(desk: Desk) -> None:
    told = desk.run(working(desk, cost=0.25), model=f"codex:{PRICED}")
    assert told["usage"]["cost"] == pytest.approx(COST)


@pytest.mark.parametrize("mode", ["acompletion", "astreaming"])
def test_litellm_books_that_cost_at_a_router(desk: Desk, mode: str) -> None:
    script, kept = working(desk), Kept()
    litellm.callbacks.append(kept)

    def booked() -> list[float]:
        """LiteLLM's queue outlives a test: what it tells of others is left out."""
        return [kwargs["response_cost"] for kwargs, _ in kept.successes if script.mark in str(kwargs["messages"])]

    async def scene() -> list[float]:
        await acall(router(desk.url, params={"model": f"codex-agent/codex:{PRICED}"}), mode, messages=script.messages)
        deadline = time.monotonic() + TOLD_SECONDS
        while not booked() and time.monotonic() < deadline:
            await asyncio.sleep(POLL_SECONDS)
        return booked()

    assert asyncio.run(scene()) == [pytest.approx(COST)]


@pytest.mark.agents
@pytest.mark.proxy
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_litellm_books_that_cost_at_a_proxy(desk: Desk, proxied: Stand, streamed: bool) -> None:
    proxied.forget_booked()
    fields = {"stream": True, "stream_options": {"include_usage": True}} if streamed else {}
    with proxied.proxy.client() as client:
        body = {"model": "priced", "messages": working(desk).messages, **fields}
        response = client.post("/v1/chat/completions", json=body).raise_for_status()
    if not streamed:
        assert float(response.headers["x-litellm-response-cost"]) == pytest.approx(COST)
    assert proxied.booked("priced") == pytest.approx(COST)


@pytest.fixture(scope="module")
def behind(endpoint: Endpoint, walled: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A server whose relay asks a real LiteLLM proxy, which asks the scripted endpoint and has prices."""
    directory, scripts = tmp_path_factory.mktemp("behind"), {}
    lane = endpoint.lane(conversations(scripts))
    params = {"model": "openai/gpt-behind", "api_base": lane.base, "api_key": "sk-endpoint", **BEHIND}
    config = {
        "model_list": [{"model_name": "gpt-behind", "litellm_params": params}],
        "litellm_settings": {"include_cost_in_streaming_usage": True},
        "router_settings": {"num_retries": 0, "disable_cooldowns": True},
    }
    shutil.copy(Path(ledger.__file__), directory)
    with running(config, directory) as proxy:
        proxy.wait_until_ready()
        ours = {"upstream": f"{proxy.url}/v1", "CODEX_AGENT_UPSTREAM_KEY": MASTER_KEY}
        with desks.desk(endpoint, tmp_path_factory.mktemp("before"), **ours, **walled) as up:
            yield Desk(up.url, lane, scripts, up.client)


@pytest.mark.agents
@pytest.mark.proxy
def test_a_turn_by_way_of_a_proxy_has_its_files_and_the_sum_of_usage(behind: Desk) -> None:
    script = working(behind)
    told = behind.run(script, model="codex:gpt-behind")
    assert (told["final_answer"], [each["path"] for each in told["files"]]) == ("Done.", ["new.txt"])
    assert (told["usage"]["prompt_tokens"], told["usage"]["completion_tokens"]) == (2200, 57)
    assert len(script.asked) == 2


@pytest.mark.agents
@pytest.mark.proxy
def test_the_cost_is_what_the_proxy_behind_the_relay_tells(behind: Desk) -> None:
    assert behind.run(working(behind), model="codex:gpt-behind")["usage"]["cost"] == pytest.approx(COST_BEHIND)
