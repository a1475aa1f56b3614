"""The endpoint and the contestants, each in a process of its own, started when first asked for and always ended."""

from __future__ import annotations

import http.client
import json
import select
import subprocess
import sys
from contextlib import ExitStack
from types import TracebackType
from typing import Any

__all__ = ["Stage"]

# LiteLLM's import on a cold disk, and the longest row after it.
ORDER_SECONDS = 120.0
STOP_SECONDS = 5.0


class Process:
    """A child that reads lines and answers each with one."""

    def __init__(self, module: str, *args: str) -> None:
        command = [sys.executable, "-m", f"benchmarks.{module}", *args]
        self._name = " ".join([module, *args])
        self._child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def tell(self, order: dict[str, Any]) -> None:
        assert self._child.stdin is not None
        self._child.stdin.write(json.dumps(order) + "\n")
        self._child.stdin.flush()

    def answer(self) -> Any:
        assert self._child.stdout is not None
        if not select.select([self._child.stdout], [], [], ORDER_SECONDS)[0]:
            raise TimeoutError(f"The {self._name} did not answer within {ORDER_SECONDS:.0f} s.")
        line = self._child.stdout.readline()
        if not line:
            raise RuntimeError(f"The {self._name} ended.")
        return json.loads(line)

    def close(self) -> None:
        assert self._child.stdin is not None and self._child.stdout is not None
        self._child.stdin.close()
        try:
            self._child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait(STOP_SECONDS)
        self._child.stdout.close()


class Stage:
    """Give `order`s to contestants, at the lanes that `base` names."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._workers: dict[str, Process] = {}
        endpoint = self._start("endpoint")
        self._address = f"127.0.0.1:{endpoint.answer()}"

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._stack.close()

    def base(self, plan: str) -> str:
        """The `api_base` at which the endpoint does what `plan` says."""
        return f"http://{self._address}/{plan}/v1"

    def seen(self) -> dict[str, Any]:
        """What the endpoint has seen; asking is a connection too, and is not counted."""
        connection = http.client.HTTPConnection(self._address, timeout=STOP_SECONDS)
        connection.request("GET", "/stats")
        seen: dict[str, Any] = json.loads(connection.getresponse().read())
        connection.close()
        return seen

    def order(self, contestant: str, task: str, plan: str, **options: Any) -> Any:
        """What `contestant` measured of `task`."""
        if contestant not in self._workers:
            self._workers[contestant] = self._start("worker", contestant)
        worker = self._workers[contestant]
        worker.tell({"task": task, "base": self.base(plan), **options})
        return worker.answer()

    def _start(self, module: str, *args: str) -> Process:
        process = Process(module, *args)
        self._stack.callback(process.close)
        return process
