"""`codex-agent serve` as a process of its own, on a free port, with its state where a test says."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["serving"]

STOP_SECONDS = 15.0


@contextmanager
def serving(state: Path, **variables: str) -> Iterator[str]:
    """The address of a server that is up. It is gone afterwards."""
    command = [sys.executable, "-m", "litellm_codex_agent.cli", "serve", "--port", "0", "--state", str(state)]
    with subprocess.Popen(
        command,
        env={"PATH": os.environ["PATH"], "HOME": str(state), **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().rpartition(" ")[2].strip()
        finally:
            process.terminate()
            process.wait(STOP_SECONDS)
