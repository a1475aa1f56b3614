"""What the server says of itself: whether it lives, is ready and why not, what can be asked, what it counted."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ..backends.backend import Backend, Living
from .guard import caller_of
from .house import House
from .metrics import CONTENT_TYPE
from .openapi import document

__all__ = ["alive", "metrics", "model", "models", "openapi", "ready"]

OWNER = "litellm-codex-agent"
# A name in the list has no birthday; OpenAI's clients want a number.
CREATED = 0


async def alive(_house: House, _request: Request) -> Response:
    """GET /health: the process answers, and touches nothing for it."""
    return JSONResponse({"ok": True})


async def ready(house: House, request: Request) -> Response:
    """GET /ready: 503 where a new run could not begin. Only who has the key is told why."""
    told = _readiness(house)
    status = 200 if told["ok"] else 503
    return JSONResponse(told if caller_of(request.scope).trusted else {"ok": told["ok"]}, status_code=status)


async def models(house: House, _request: Request) -> Response:
    """GET /v1/models: every name that can be asked for, with whether it is ready."""
    return JSONResponse({"object": "list", "data": [_entry(name, house.fault(name)) for name in house.names()]})


async def model(house: House, request: Request) -> Response:
    """GET /v1/models/{id}: one of them, or one that a backend takes and does not list."""
    name = request.path_params["model"]
    refusal = house.refusal(name)
    if refusal is not None and refusal.status == 404:
        raise refusal
    return JSONResponse(_entry(name, refusal.message if refusal else ""))


async def metrics(house: House, _request: Request) -> Response:
    """GET /metrics, as Prometheus reads it."""
    slots = house.supervisor.slots
    return Response(house.metrics.text(queued=slots.waiting, running=slots.working), media_type=CONTENT_TYPE)


async def openapi(_house: House, _request: Request) -> Response:
    """GET /openapi.json."""
    return JSONResponse(document())


def _entry(name: str, fault: str) -> dict[str, Any]:
    entry = {"id": name, "object": "model", "created": CREATED, "owned_by": OWNER, "ready": not fault}
    return {**entry, "reason": fault} if fault else entry


def _fault(house: House, backend: Backend) -> str:
    """Why none of a backend's models can be asked; empty where one can."""
    faults = [house.fault(model) for model in backend.models()]
    return min(faults, default="It has no model to ask.", key=len)


def _readiness(house: House) -> dict[str, Any]:
    slots, draining, fault = house.supervisor.slots, house.supervisor.draining, house.supervisor.journal.fault
    full = slots.working >= slots.most and slots.waiting >= slots.queue
    backends = {name: _fault(house, backend) for name, backend in sorted(house.backends.items())}
    reasons = [
        *(["The server is being stopped."] if draining else []),
        *([f"The journal cannot be written: {fault}."] if fault else []),
        *(["All runs and all places in the queue are taken."] if full else []),
        *(["No backend is ready."] if all(backends.values()) else []),
    ]
    return {
        "ok": not reasons,
        "reasons": reasons,
        "draining": draining,
        "journal": {"ok": not fault, "reason": fault},
        "queue": {
            "running": slots.working,
            "waiting": slots.waiting,
            "max_runs": slots.most,
            "max_queue": slots.queue,
        },
        "sandbox": _wall(house),
        "backends": {name: {"ok": not reason, "reason": reason} for name, reason in backends.items()},
    }


def _wall(house: House) -> dict[str, Any] | None:
    """What stands around tools; None where no backend has any."""
    walls = [backend.wall for backend in house.backends.values() if isinstance(backend, Living)]
    return {"level": walls[0].level, "reason": walls[0].reason} if walls else None
