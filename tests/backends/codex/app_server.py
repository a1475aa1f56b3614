"""A program with Codex's command line that is none: it answers as the app-server does, and asks no model.

Which request it refuses, or dies of, stands in the name of the model: `refuse:turn/start`, `die:thread/start`. What it
was asked is kept beside it. Its figures are those of a request that was cut, which are in its total alone. With `stub`
it is written as a program.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

__all__ = ["asked", "stub"]

_PROGRAM = """#!{python}
import json, sys

if "exec-server" in sys.argv:
    sys.exit(sys.stdin.read())
THREAD = {{"thread": {{"id": "thread-0001"}}, "model": "own"}}
RESULTS = {{"thread/start": THREAD, "thread/resume": THREAD, "turn/start": {{"turn": {{"id": "u"}}}}}}
SAID = {{"item": {{"type": "agentMessage", "id": "m", "text": "Said."}}, "threadId": "thread-0001", "turnId": "u"}}
COUNTS = {{"total": {{"inputTokens": 5, "outputTokens": 2}}, "last": {{"inputTokens": 0, "outputTokens": 0}}}}
TOOK = {{"tokenUsage": COUNTS, "threadId": "thread-0001", "turnId": "u"}}
ENDED = {{"threadId": "thread-0001", "turn": {{"id": "u", "items": [], "status": "completed", "error": None}}}}
model = ""


def say(message):
    print(json.dumps(message), flush=True)


for line in sys.stdin:
    asked = json.loads(line)
    with open({log!r}, "a") as log:
        log.write(line)
    method = asked["method"]
    model = (asked.get("params") or {{}}).get("model", model)
    if model == "die:" + method:
        sys.exit("out of luck")
    if model == "refuse:" + method:
        say({{"id": asked["id"], "error": {{"message": "not today"}}}})
    elif "id" in asked:
        say({{"id": asked["id"], "result": RESULTS.get(method, {{}})}})
        if method == "turn/start":
            say({{"method": "item/completed", "params": SAID}})
            say({{"method": "thread/tokenUsage/updated", "params": TOOK}})
            say({{"method": "turn/completed", "params": ENDED}})
"""


def stub(folder: Path) -> Path:
    """The program, in a folder that whoever runs it can write to."""
    path = folder / "codex"
    path.write_text(_PROGRAM.format(python=sys.executable, log=str(folder / "asked")))
    path.chmod(0o755)
    return path


def asked(folder: Path, method: str) -> list[Any]:
    """The params of what it was asked so far."""
    lines = map(json.loads, (folder / "asked").read_text().splitlines())
    return [line.get("params") for line in lines if line["method"] == method]
