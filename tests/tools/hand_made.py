"""An MCP server made by hand, without the SDK, as other SDKs write: its ids stand at the end of its messages.

It knows the first version of the protocol only, and lists its tools on two pages. `python hand_made.py [endless]`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import Any

SCHEMA = {"type": "object"}
PAGES = {None: (["big", "small", "variable"], "2"), "2": (["daemon", "hang", "twice", "twice"], None)}
ENDLESS = ([f"t{number}" for number in range(600)], "more")
# Two forks and a session of its own: nobody's child, and in nobody's group.
DAEMON = "import os, time; os.fork() and os._exit(0); os.setsid(); os.fork() and os._exit(0); time.sleep(600)"


def result(method: str, params: dict[str, Any]) -> dict[str, Any] | None:
    if method == "initialize":
        information = {"name": "hand-made", "version": "1"}
        return {"protocolVersion": "2024-11-05", "capabilities": {"tools": {}}, "serverInfo": information}
    if method == "tools/list":
        names, cursor = ENDLESS if "endless" in sys.argv else PAGES[params.get("cursor")]
        page: dict[str, Any] = {"tools": [{"name": name, "inputSchema": SCHEMA} for name in names]}
        return {**page, **({"nextCursor": cursor} if cursor else {})}
    if method == "tools/call":
        return {"content": [{"type": "text", "text": called(params["name"], params.get("arguments", {}))}]}
    return None


def called(name: str, arguments: dict[str, Any]) -> str:
    if name == "variable":
        return os.environ.get(arguments["name"], "(not set)")
    if name == "daemon":
        subprocess.run([sys.executable, "-c", DAEMON], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    if name == "hang":
        time.sleep(600)
    return "x" * (5 * 2**20 if name == "big" else 5)


for line in sys.stdin:
    asked = json.loads(line)
    if "id" in asked:
        found = result(asked["method"], asked.get("params", {}))
        told = {"result": found} if found is not None else {"error": {"code": -32601, "message": "no such method"}}
        print(json.dumps({**told, "jsonrpc": "2.0", "id": asked["id"]}), flush=True)
