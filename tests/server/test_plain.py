"""`uvicorn litellm_codex_agent.server.app:app`, as the seed starts it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from litellm_codex_agent import settings
from litellm_codex_agent.server import app as module

SECONDS = 30.0


def test_plain_uvicorn_serves_the_app_and_is_told_what_it_lacks(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "uvicorn", "litellm_codex_agent.server.app:app", "--port", "0"]
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "CODEX_AGENT_STATE": str(tmp_path)}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        told = [process.stderr.readline() for _ in range(5)]
        process.terminate()
        process.wait(SECONDS)
    assert any("no time limit on heads" in line and "`codex-agent serve` has them" in line for line in told)
    assert any("Uvicorn running on" in line for line in told)


def test_a_module_has_no_other_names() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = module.nothing


def test_a_request_that_outlives_the_app_is_refused(tmp_path: Path) -> None:
    async def scene() -> httpx.Response:
        app = module.make_app(settings.server({"CODEX_AGENT_STATE": str(tmp_path)}))
        async with app.opened():
            pass
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://localhost") as client:
            return await client.get("/ready")

    response = asyncio.run(scene())
    assert (response.status_code, response.json()["error"]["code"]) == (503, "draining")
