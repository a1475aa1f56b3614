"""The leaderboard's classes behind real tools' servers: `python -m tests.bfcl.server PORT`.

HTTP tools are at `/{world}`, an MCP server at `/mcp` whose header `X-World` says which, and `/{world}/state` shows how
a world stands. A world is named `{round}~{conversation}`, and begins when it is first named.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import uvicorn
from mcp.server import Server
from mcp.types import CallToolResult, ListToolsResult, TextContent, Tool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .conversations import CATEGORIES, Conversation, conversations, tools_of
from .world import World, state_of

WORLDS: dict[str, World] = {}


@lru_cache(maxsize=1)
def all_conversations() -> Mapping[str, Conversation]:
    return {each.id: each for category in CATEGORIES for each in conversations(category)}


def conversation_of(name: str) -> Conversation:
    return all_conversations()[name.partition("~")[2]]


def world(name: str) -> World:
    if name not in WORLDS:
        WORLDS[name] = World(conversation_of(name))
    return WORLDS[name]


async def listed(request: Request) -> Response:
    return JSONResponse(tools_of(conversation_of(request.path_params["world"])))


async def invoked(request: Request) -> Response:
    asked = await request.json()
    said, ok = world(request.path_params["world"]).call(asked["name"], asked["arguments"])
    if ok or said.startswith("{"):
        return Response(said, media_type="application/json" if said.startswith("{") else "text/plain")
    return JSONResponse({"error": said})


async def state(request: Request) -> Response:
    found = world(request.path_params["world"])
    return JSONResponse({"state": state_of(found.instances), "said": found.said})


async def list_tools(context: Any, _: Any) -> ListToolsResult:
    told = [each["function"] for each in tools_of(conversation_of(context.request.headers["x-world"]))]
    tools = [Tool(name=each["name"], description=each["description"], input_schema=each["parameters"]) for each in told]
    return ListToolsResult(tools=tools)


async def call_tool(context: Any, asked: Any) -> CallToolResult:
    said, ok = world(context.request.headers["x-world"]).call(asked.name, asked.arguments or {})
    return CallToolResult(content=[TextContent(type="text", text=said)], is_error=not ok)


def served() -> Any:
    routes = [
        Route("/{world}/tools", listed),
        Route("/{world}/invoke", invoked, methods=["POST"]),
        Route("/{world}/state", state),
    ]
    mcp = Server("bfcl", on_list_tools=list_tools, on_call_tool=call_tool)
    return mcp.streamable_http_app(custom_starlette_routes=routes)


if __name__ == "__main__":
    logging.disable()
    all_conversations()
    print(json.dumps({"conversations": len(all_conversations())}), flush=True)
    uvicorn.run(served(), host="127.0.0.1", port=int(sys.argv[1]), log_level="critical")
