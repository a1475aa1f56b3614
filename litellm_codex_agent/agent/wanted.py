"""What a request wants of the mini-agent beside its messages, read from its options. Pure.

Law: what cannot be given is refused by the name of its field, before anything is opened.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..backends.parameters import RefusedParameter
from ..backends.permissions import FULL, READ_ONLY, permissions_of, workspace_of

__all__ = ["Wanted", "client_tools", "wanted"]

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
    """Raises `RefusedParameter` with the reason. `network` says whether the operator allows it."""
    source = options.get("tool_backend") or "local"
    if source not in _SOURCES:
        raise RefusedParameter("tool_backend", f"`tool_backend` {source!r} has no tools for this model.")
    _check_source(options, source)
    permissions = permissions_of(options, "mini", network=network)
    escalates = bool(options.get("escalate_on_budget_exceeded"))
    return Wanted(
        source=source,
        use_tools=options.get("use_tools"),
        workspace=workspace_of(options),
        writable=permissions != READ_ONLY,
        network=permissions == FULL,
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
            raise RefusedParameter(name, f"`{name}` belongs to `tool_backend: {' or '.join(owners)}`.")
    if source == "mcp" and not options.get("mcp_servers"):
        raise RefusedParameter("mcp_servers", "`tool_backend: mcp` needs `mcp_servers`.")
    if options.get("escalate_on_budget_exceeded") and not options.get("escalate_model"):
        raise RefusedParameter("escalate_model", "`escalate_on_budget_exceeded` needs `escalate_model`.")


def client_tools(parameters: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The client's own tools, where it offers any. Raises `RefusedParameter` for those that cannot be."""
    choice = parameters.get("tool_choice")
    tools = [] if choice == "none" else parameters.get("tools") or []
    if any(tool.get("type") != "function" for tool in tools):
        raise RefusedParameter("tools", "`tools` of type custom are not offered by mini. Use functions.")
    names = [tool["function"]["name"] for tool in tools]
    if double := {name for name in names if names.count(name) > 1}:
        raise RefusedParameter("tools", f"`tools` has {min(double)!r} more than once.")
    chosen = choice.get("function", {}).get("name") if isinstance(choice, Mapping) else None
    if chosen is not None and chosen not in names:
        raise RefusedParameter("tool_choice", f"`tool_choice` names {chosen!r}, which is none of `tools`.")
    return tools
