"""Through a real LiteLLM Router: the agent mends a repository in the sandbox, once, and its diff applies."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from litellm.router import Router

import litellm_codex_agent
from litellm_codex_agent.sandbox.owner import ORDINARY

from .stand import HI, Stand, call, shell, standing

WAIT_SECONDS = 20.0
BUG = "def total(pieces, price):\n    return pieces * price * (0.9 if pieces > 10 else 1)\n"
TEST = """from unittest import TestCase
from prices import total


class Prices(TestCase):
    def test_ten(self):
        self.assertEqual(total(10, 2), 18)
"""
MEND = [
    shell("python -m unittest -q"),
    {"tool_calls": [call("read_file", path="prices.py"), call("search_files", pattern="total")]},
    {"tool_calls": [call("edit_file", path="prices.py", old_text="pieces > 10", new_text="pieces >= 10")]},
    {"tool_calls": [call("write_file", path="NOTES.md", content="Ten pieces get the discount.\n")]},
    shell("python -m unittest -q && rm test_old.py"),
    {"text": "Mended."},
]
GIT = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "safe.directory=*"]


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "repository"
    path.mkdir()
    for name, text in {"prices.py": BUG, "test_prices.py": TEST, "test_old.py": "pass\n"}.items():
        (path / name).write_text(text)
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "begin"]):
        subprocess.run([*GIT, *command], cwd=path, check=True)
    shutil.copytree(path, tmp_path / "before")
    if os.geteuid() == 0:
        subprocess.run(["chown", "-R", f"{ORDINARY}:{ORDINARY}", str(path)], check=True)
    return path


@pytest.fixture
def bench(tmp_path: Path, repository: Path) -> Iterator[Stand]:
    with standing(tmp_path, CODEX_AGENT_WORKSPACES=str(repository)) as stand:
        yield stand


def ask(stand: Stand, script: str, **fields: Any) -> Any:
    litellm_codex_agent.register()
    model = {"model": f"codex-agent/mini:{script}", "api_base": stand.url}
    router = Router(model_list=[{"model_name": "agent", "litellm_params": model}], num_retries=2)
    return asyncio.run(router.acompletion(model="agent", messages=HI, **fields))


@pytest.fixture(autouse=True)
def _open_gate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LITELLM_ENABLE_CODEX_AGENT", "1")


def test_the_agent_mends_a_repository_and_its_diff_applies(bench: Stand, repository: Path, tmp_path: Path) -> None:
    told = ask(bench, bench.script(*MEND), extra_body={"codex_agent": {"workspace": str(repository)}})
    assert told.choices[0].message.content == "Mended."
    files = told.model_extra["codex_agent"]["files"]
    kinds = {file["path"]: file["kind"] for file in files}
    assert kinds == {"NOTES.md": "added", "prices.py": "changed", "test_old.py": "removed"}
    diff = "".join(file["diff"] for file in files)
    subprocess.run([*GIT, "apply"], cwd=tmp_path / "before", input=diff, text=True, check=True)
    for name in ("prices.py", "NOTES.md", "test_prices.py"):
        assert (tmp_path / "before" / name).read_text() == (repository / name).read_text()
    assert not (tmp_path / "before" / "test_old.py").exists()
    subprocess.run(["python", "-m", "unittest", "-q"], cwd=tmp_path / "before", check=True, capture_output=True)


def test_the_router_repeats_no_run_that_acted(bench: Stand, repository: Path) -> None:
    act = {"tool_calls": [call("exec_shell", command="echo once >> deeds")]}
    error = {"error": {"status": 500, "message": "broken", "retry_after": 0}, "again": True}
    with pytest.raises(Exception, match="not tried again"):
        ask(bench, bench.script(act, error), extra_body={"codex_agent": {"workspace": str(repository)}})
    assert (repository / "deeds").read_text() == "once\n"


def test_two_runs_at_once_do_not_share_a_workspace(bench: Stand, repository: Path) -> None:
    body = {"model": bench.script(shell("touch began; sleep 60")), "messages": HI, "workspace": str(repository)}
    begun = bench.post("/agent/runs", body).json()
    deadline = time.monotonic() + WAIT_SECONDS
    while not (repository / "began").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    second = bench.run({"text": "Done."}, workspace=str(repository))
    assert (second["ok"], second["error"]["status"]) == (False, 409)
    assert "Try again when it has ended" in second["error"]["message"]
    bench.client.delete(f"/agent/runs/{begun['run_id']}")
    assert bench.run({"text": "Done."}, workspace=str(repository))["final_answer"] == "Done."
