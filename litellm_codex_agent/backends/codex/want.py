"""What a request wants of Codex beside its messages. Pure.

Law: what cannot be given is refused by the name of its field, before anything is opened.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..backend import Task
from ..events import Usage
from ..parameters import RefusedParameter

__all__ = ["Want", "look", "want"]

_PERMISSIONS = ("read-only", "edit", "full")


@dataclass(frozen=True)
class Want:
    """Empty names are Codex's own choice. `form` is the request's `response_format`, and `schema` what Codex gets."""

    model: str = ""
    effort: str = ""
    workspace: str | None = None
    writable: bool = True
    network: bool = False
    form: Mapping[str, Any] | None = None
    schema: Mapping[str, Any] | None = None
    cost_bound: bool = False

    def unbound(self, usage: Usage) -> Sequence[str]:
        """A bound that nothing was measured by."""
        return ["budgets.max_cost_usd"] if self.cost_bound and usage.cost_usd is None else []


def want(task: Task, *, network: bool, model: str = "", cost_bound: bool = False) -> Want:
    """Raises `RefusedParameter` with the reason. `network` says whether the operator allows it."""
    options, parameters = task.options, task.parameters
    look(parameters, options, network=network)
    given = parameters.get("response_format")
    form = None if given and given.get("type") == "text" else given
    schema = form["json_schema"].get("schema") if form and form.get("type") == "json_schema" else None
    return Want(
        model=task.model or model,
        effort=str(parameters.get("reasoning_effort") or ""),
        workspace=options.get("workspace") or None,
        writable=options.get("permissions") != "read-only",
        network=options.get("permissions") == "full",
        form=form,
        schema=schema,
        cost_bound=cost_bound,
    )


def look(parameters: Mapping[str, Any], options: Mapping[str, Any], *, network: bool) -> None:
    """Raises `RefusedParameter` for what no run could honour."""
    if parameters.get("tools") and parameters.get("tool_choice") != "none":
        raise RefusedParameter("tools", "`tools` are not offered by codex: it has its own. Leave them out.")
    if options.get("use_tools") is False:
        raise RefusedParameter("use_tools", "`use_tools: false` is not offered by codex, which works by its own.")
    permissions = options.get("permissions") or "edit"
    if permissions not in _PERMISSIONS:
        raise RefusedParameter(
            "permissions", f"`permissions: {permissions}` is not offered by codex. Use {', '.join(_PERMISSIONS)}."
        )
    if permissions == "full" and not network:
        sentence = (
            "`permissions: full` asks for the network, which this server does not give. Start it with --network on."
        )
        raise RefusedParameter("permissions", sentence)
    workspace = options.get("workspace")
    if not isinstance(workspace, str | None):
        raise RefusedParameter("workspace", "`workspace` has to be the path of a directory.")
    if workspace and not workspace.startswith("/"):
        raise RefusedParameter("workspace", f"`workspace` has to be an absolute path, and {workspace!r:.80} is not.")
