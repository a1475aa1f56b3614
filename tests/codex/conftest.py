"""Servers with the real Codex, and a real proxy before them. Most of these tests wait for `AGENTS=1`."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from litellm_codex_agent.backends.backend import NotReady
from litellm_codex_agent.backends.codex.binary import found
from litellm_codex_agent.sandbox.levels import surveyed

from ..e2e import ledger
from ..e2e.proxy import MASTER_KEY, running
from ..e2e.stand import Stand
from ..endpoint import Endpoint
from . import desk as desks
from .desk import PRICED, Desk, Script
from .ways import SHORT, WAYS, Heard, Place, Way, by_http, by_router

HERE = Path(__file__).parent
LATER = "the whole is `make test-agents` (AGENTS=1)"
# Any will do here, and this one starts its commands sooner.
LEVEL = "landlock"
# By what names the proxy knows which of Codex's models.
MODELS = {"codex": "codex", "priced": f"codex:{PRICED}"}

Ask = Callable[..., Heard]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A missing Codex, and what is for later, is skipped with a sentence."""
    here = [item for item in items if HERE in item.path.parents]
    why = _missing() if here else ""
    for item in here:
        if why:
            item.add_marker(pytest.mark.skip(reason=why))
        elif item.get_closest_marker("agents") and os.environ.get("AGENTS") != "1":
            item.add_marker(pytest.mark.skip(reason=LATER))


def _missing() -> str:
    try:
        found("")
    except NotReady as error:
        return str(error)
    return ""


@pytest.fixture(scope="session")
def walled() -> dict[str, str]:
    """The setting of the wall for servers whose tests ask nothing of it."""
    return {} if isinstance(asyncio.run(surveyed(LEVEL)), str) else {"CODEX_AGENT_SANDBOX": LEVEL}


@pytest.fixture(scope="session")
def desk(endpoint: Endpoint, walled: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """The server of most tests, with the Codex of the extra."""
    with desks.desk(endpoint, tmp_path_factory.mktemp("codex"), **walled) as up:
        yield up


@pytest.fixture(scope="session")
def proxied(desk: Desk, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """A real proxy before that server."""
    directory = tmp_path_factory.mktemp("proxy")
    shutil.copy(Path(ledger.__file__), directory)
    with running(_config(desk.url), directory) as proxy:
        proxy.wait_until_ready()
        yield Stand(proxy, {}, directory)


def _config(server: str) -> dict[str, Any]:
    params = {"api_base": server, "api_key": "sk-endpoint"}
    return {
        "model_list": [
            {"model_name": name, "litellm_params": {**params, "model": f"codex-agent/{model}"}}
            for name, model in MODELS.items()
        ],
        "litellm_settings": {"callbacks": ["litellm_codex_agent.hook", "ledger.recorder"]},
        "router_settings": {"num_retries": 0, "disable_cooldowns": True},
        "general_settings": {"cancel_on_disconnect": True},
    }


def _params() -> list[Any]:
    later = {"router": (pytest.mark.agents,), "server": (pytest.mark.agents,)}
    proxy = (pytest.mark.agents, pytest.mark.proxy)
    marks = {way: () if way in SHORT else later.get(way.through, proxy) for way in WAYS}
    return [pytest.param(way, id=way.name, marks=marks[way]) for way in WAYS]


@pytest.fixture(params=_params())
def way(request: pytest.FixtureRequest) -> Way:
    chosen: Way = request.param
    return chosen


@pytest.fixture
def ask(way: Way, desk: Desk, request: pytest.FixtureRequest) -> Ask:
    """Asks on this way: a script, Codex's model by its name in MODELS, and fields of the request."""
    stand: Stand | None = request.getfixturevalue("proxied") if way.through == "proxy" else None

    def asked(script: Script, model: str = "codex", **fields: Any) -> Heard:
        if way.through == "router":
            return by_router(desk, way.mode, MODELS[model], script, **fields)
        if stand is not None:
            return by_http(Place(stand.proxy.url, MASTER_KEY), model, script, streamed=way.streamed, **fields)
        return by_http(Place(desk.url), MODELS[model], script, streamed=way.streamed, **fields)

    return asked
