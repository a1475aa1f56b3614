"""A LiteLLM proxy as its own process: started from a config, waited for, and stopped with all its children."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

import litellm_codex_agent

__all__ = ["ASK_SECONDS", "MASTER_KEY", "POLL_SECONDS", "Proxy", "free_port", "running", "until"]

MASTER_KEY = "sk-master-of-the-tests"
# A cold start reads all of LiteLLM from disk, and two proxies start at once: 11 to 60 s were measured.
START_SECONDS = 150.0
# uvicorn closes its connections first; nothing of a test is open by then.
STOP_SECONDS = 10.0
# Between two looks at something that will happen soon.
POLL_SECONDS = 0.05
# No scripted answer is slower than this, on a machine that is busy with other tests.
ASK_SECONDS = 30.0


@dataclass(frozen=True)
class Proxy:
    """A proxy that is up, or will be: `wait_until_ready` tells."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def client(self, key: str = MASTER_KEY) -> httpx.Client:
        headers = {"authorization": f"Bearer {key}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=ASK_SECONDS, trust_env=False)

    def wait_until_ready(self) -> None:
        if not until(self._is_up, START_SECONDS):
            raise AssertionError(f"The proxy did not start:\n{self.log.read_text(errors='replace')[-4000:]}")

    def _is_up(self) -> bool:
        if self.process.poll() is not None:
            raise AssertionError(f"The proxy ended:\n{self.log.read_text(errors='replace')[-4000:]}")
        try:
            with self.client() as client:
                return client.get("/health/liveliness").status_code == 200
        except httpx.TransportError:
            return False


@contextmanager
def running(config: Mapping[str, Any], directory: Path) -> Iterator[Proxy]:
    """A proxy with this config, not yet waited for. It is gone afterwards, whatever happened."""
    # JSON is YAML.
    (directory / "config.yaml").write_text(json.dumps(config))
    port = free_port()
    command = [str(Path(sys.executable).with_name("litellm")), "--config", "config.yaml"]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    log = directory / "proxy.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            command,
            cwd=directory,
            env=_environment(directory),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield Proxy(f"http://127.0.0.1:{port}", process, log)
    finally:
        _stop(process)


def until(happened: Callable[[], bool], seconds: float) -> bool:
    """Look again and again until it happened; whether it did in time."""
    deadline = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def _environment(home: Path) -> dict[str, str]:
    """Built from nothing: what the tester has set is not what a test may depend on."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        # The package that is tested, wherever this Python has one installed.
        "PYTHONPATH": str(Path(litellm_codex_agent.__file__).parents[1]),
        "NO_PROXY": "127.0.0.1",
        "LITELLM_MASTER_KEY": MASTER_KEY,
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        # In its other mode LiteLLM reads the .env of wherever it runs.
        "LITELLM_MODE": "PRODUCTION",
        "LITELLM_ENABLE_CODEX_AGENT": "1",
    }


def free_port() -> int:
    """One that nobody listens on, for somebody who will."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS)
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    finally:
        process.wait(STOP_SECONDS)
