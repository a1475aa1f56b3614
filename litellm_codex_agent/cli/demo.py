"""`codex-agent demo`: an agent endpoint, the provider, a Router, and one streamed answer with its usage."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from .. import settings

__all__ = ["demo"]

QUESTION = "An agent is a model like any other"
# Python and starlette load in about a second; a busy machine may take a few times that.
START_SECONDS = 30.0
STOP_SECONDS = 5.0


def demo() -> int:
    """Run the demo; 0 if the answer, the steps and the usage all came."""
    began = time.monotonic()
    with _endpoint() as base:
        print(f"endpoint   {base}  (codex-agent serve, its echo agent)")
        counts = asyncio.run(_ask(base))
    print(f"usage      {counts[0]} tokens in, {counts[1]} out, as the endpoint told it")
    print(f"done in    {time.monotonic() - began:.1f} s, most of it LiteLLM's import")
    return 0 if counts == (len(QUESTION.split()),) * 2 else 1


async def _ask(base: str) -> tuple[int, int]:
    settings.open_gate()
    from litellm.router import Router

    import litellm_codex_agent

    litellm_codex_agent.register()
    deployment = {"model": "codex-agent/echo", "api_base": base}
    print(f"router     model_list=[{{'model_name': 'agent', 'litellm_params': {deployment}}}]")
    router = Router(model_list=[{"model_name": "agent", "litellm_params": deployment}])
    print(f"question   {QUESTION}")
    stream = await router.acompletion(
        model="agent",
        messages=[{"role": "user", "content": QUESTION}],
        stream=True,
        stream_options={"include_usage": True},
    )
    return await _show(stream)


async def _show(stream: Any) -> tuple[int, int]:
    counts, answering = (0, 0), False
    async for chunk in stream:
        delta = chunk.choices[0].delta if chunk.choices else None
        if thought := getattr(delta, "reasoning_content", None):
            print(f"thinking   {thought}")
        if delta is not None and delta.content:
            print("" if answering else "answer     ", delta.content, sep="", end="", flush=True)
            answering = True
        if usage := getattr(chunk, "usage", None):
            counts = (usage.prompt_tokens, usage.completion_tokens)
    print()
    return counts


@contextmanager
def _endpoint() -> Iterator[str]:
    """`codex-agent serve` as a process of its own, on a free port, stopped at the end, with nothing of it kept."""
    with socket.create_server((settings.LOOPBACK, 0)) as listener:
        port = listener.getsockname()[1]
    with (
        tempfile.TemporaryDirectory(prefix="codex-agent-demo-") as state,
        (Path(state) / "server.log").open("wb") as log,
        _serving(port, state, log) as process,
    ):
        try:
            base = f"http://{settings.LOOPBACK}:{port}"
            _wait(f"{base}/ready", process, Path(log.name))
            yield base
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def _serving(port: int, state: str, log: BinaryIO) -> subprocess.Popen[bytes]:
    flags = ["--host", settings.LOOPBACK, "--port", str(port), "--state", state]
    command = [sys.executable, "-m", "litellm_codex_agent.cli", "serve", *flags]
    environment = settings.without_server()
    return subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)  # noqa: S603  # ours


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while True:
        try:
            opener.open(url, timeout=1).close()
            return
        except OSError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                told = log.read_text(errors="replace").strip()
                raise SystemExit(f"codex-agent serve did not start: {told or error}") from error
            time.sleep(0.05)
