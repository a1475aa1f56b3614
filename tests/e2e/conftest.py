"""Two proxies a session, one for each way to register, started at once; and figures for whoever asked for them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from ..endpoint import Endpoint
from ..soak import size
from . import ledger, models
from .figures import Report, line
from .proxy import running
from .routes import ROUTES, Route
from .stand import Stand

# The name of the provider in the deployments, and what registers it. The ledger only watches.
_WAYS: dict[str, tuple[str, dict[str, Any]]] = {
    "handler": (
        "codex-agent",
        {"custom_provider_map": [{"provider": "codex-agent", "custom_handler": "litellm_codex_agent.codex_agent"}]},
    ),
    "hook": ("codex_cli_agent", {"callbacks": ["litellm_codex_agent.hook", "ledger.recorder"]}),
}


@pytest.fixture(scope="session")
def stands(endpoint: Endpoint, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Stand]]:
    with ExitStack() as stack:
        started = {}
        for way, (provider, settings) in _WAYS.items():
            directory = tmp_path_factory.mktemp(way)
            shutil.copy(Path(ledger.__file__), directory)
            lanes = models.lanes(endpoint)
            proxy = stack.enter_context(running(models.config(lanes, provider, **settings), directory))
            started[way] = Stand(proxy, lanes, directory)
        for stand in started.values():
            stand.proxy.wait_until_ready()
        yield started


@pytest.fixture(params=_WAYS)
def stand(stands: dict[str, Stand], request: pytest.FixtureRequest) -> Stand:
    """A proxy of either registration."""
    return stands[request.param]


@pytest.fixture(params=ROUTES, ids=lambda route: route.name)
def route(request: pytest.FixtureRequest) -> Route:
    chosen: Route = request.param
    return chosen


@pytest.fixture(params=(False, True), ids=("whole", "streamed"))
def streamed(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def report(capsys: pytest.CaptureFixture[str]) -> Report:
    """Prints how long things took, where the heavy sizes were asked for."""

    def tell(title: str, seconds: Sequence[float]) -> None:
        if size(0, 1):
            with capsys.disabled():
                print(f"\n{line(title, seconds)}")

    return tell
