"""What a request wants of the mini-agent beside its messages, read from its options. Pure.

Law: what cannot be given is refused by the name of its field, before anything is opened.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..tools.source import ToolsUnavailable

__all__ = ["Wanted", "wanted"]

_BAD_REQUEST = 400
_SOURCES = ("local", "http", "mcp", "router")
# Whose fields these are.
_BELONGS = {
    "mcp_servers": ("mcp",),
    "tool_http_base_url": ("http",),
    "tool_http_headers": ("http",),
    "use_tools": ("local", "http", "mcp"),
    "workspace": ("local", "mcp"),
}


@dataclass(frozen=True)
class Wanted:
    """`source` is where the tools come from; `router` is one plain call of the model, without any."""

    source: str = "local"
    use_tools: bool | None = None
    workspace: str | None = None
    writable: bool = True
    network: bool = False
    base_url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    servers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)
    run_code: bool = False
    repair: bool = True
    escalate_to: str = ""

    @property
    def tools(self) -> bool:
        return self.use_tools is not False and self.source != "router"


def wanted(options: Mapping[str, Any], *, network: bool) -> Wanted:
    """Raises `ToolsUnavailable` with the reason. `network` says whether the operator allows it."""
    source = options.get("tool_backend") or "local"
    if source not in _SOURCES:
        raise ToolsUnavailable(f"`tool_backend` {source!r} has no tools for this model.", status=_BAD_REQUEST)
    _check_source(options, source)
    permissions = options.get("permissions") or "edit"
    if permissions == "ask":
        raise ToolsUnavailable("`permissions: ask` is not offered by mini. Use read-only or edit.", status=_BAD_REQUEST)
    if permissions == "full" and not network:
        raise ToolsUnavailable(
            "`permissions: full` asks for the network, which this server does not give. Start it with --network on.",
            status=_BAD_REQUEST,
        )
    escalates = bool(options.get("escalate_on_budget_exceeded"))
    return Wanted(
        source=source,
        use_tools=options.get("use_tools"),
        workspace=_workspace(options.get("workspace")),
        writable=permissions != "read-only",
        network=permissions == "full",
        base_url=options.get("tool_http_base_url") or "",
        headers=options.get("tool_http_headers") or {},
        servers=options.get("mcp_servers") or {},
        run_code=bool(options.get("auto_run_code_on_code_block")),
        repair=options.get("enable_repair") is not False,
        escalate_to=str(options.get("escalate_model") or "") if escalates else "",
    )


def _check_source(options: Mapping[str, Any], source: str) -> None:
    """A field of another source is a mistake: it would change nothing, without a word."""
    for name, owners in _BELONGS.items():
        if options.get(name) and source not in owners:
            raise ToolsUnavailable(f"`{name}` belongs to `tool_backend: {' or '.join(owners)}`.", status=_BAD_REQUEST)
    if source == "mcp" and not options.get("mcp_servers"):
        raise ToolsUnavailable("`tool_backend: mcp` needs `mcp_servers`.", status=_BAD_REQUEST)
    if options.get("escalate_on_budget_exceeded") and not options.get("escalate_model"):
        raise ToolsUnavailable("`escalate_on_budget_exceeded` needs `escalate_model`.", status=_BAD_REQUEST)


def _workspace(asked: Any) -> str | None:
    if asked is None or isinstance(asked, str):
        return asked or None
    raise ToolsUnavailable("`workspace` has to be the path of a directory.", status=_BAD_REQUEST)
