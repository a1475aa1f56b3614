"""What the routes share: the backends, the runs and the caller's request turned into work. No HTTP is written here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from starlette.requests import Request

from ..backends.backend import Backend, Choosy, NoSuchModel, NotReady
from ..backends.parameters import RefusedParameter, sort, sort_options
from ..runs.identity import Ask
from ..runs.supervisor import Supervisor
from ..runs.work import Work
from ..wire.schema import BrokenRequest
from .errors import HttpError
from .guard import Caller, caller_of
from .headers import bearer, values
from .metrics import Metrics
from .reply import BEAT_SECONDS

__all__ = ["Asked", "House", "ask_of", "read"]

ATTEMPT = "x-codex-agent-attempt"
RETRIES_LEFT = "x-codex-agent-retries-left"
SESSION = "x-codex-agent-session-id"
IDEMPOTENCY_KEY = "idempotency-key"
# OpenAI's and Anthropic's own clients count their attempts so. The key is their caller's to send: they make none.
STAINLESS_ATTEMPT = "x-stainless-retry-count"
# Read in some milliseconds; a larger body is read in a thread, while the other runs go on.
MAX_AT_ONCE_BYTES = 128 * 1024
# A shorter one is a placeholder, as clients send where no key is asked for: struck out, it would shred the answer.
MIN_KEY_CHARS = 16
# Longer is no name; SQLite would keep it, and every error would carry it.
MAX_NAME_CHARS = 512


_Read = TypeVar("_Read")


class Asked(Protocol):
    """A request of either face, as far as both are alike."""

    @property
    def model(self) -> str: ...
    @property
    def messages(self) -> Sequence[Mapping[str, Any]]: ...
    @property
    def parameters(self) -> Mapping[str, Any]: ...
    @property
    def options(self) -> Mapping[str, Any]: ...


@dataclass
class House:
    """One server's inside."""

    backends: Mapping[str, Backend]
    supervisor: Supervisor
    metrics: Metrics
    beat: float = BEAT_SECONDS
    secrets: tuple[str, ...] = field(default=(), repr=False)

    def work(
        self, asked: Asked, request: Request, *, field: str = "codex_agent", secrets: tuple[str, ...] = ()
    ) -> Work:
        """The work that a new run would do. Raises `HttpError` where nobody can. `field` holds the options."""
        backend, rest = self._backend(asked.model)
        try:
            parameters, ignored = sort(asked.parameters, backend.parameters, backend.name)
            options, beside = sort_options(asked.options, backend.parameters, backend.name, field=field)
            if isinstance(backend, Choosy):
                backend.look(asked.messages, parameters, options)
        except RefusedParameter as error:
            name = f"{field}.{error.name}" if field and error.name in asked.options else error.name
            raise HttpError(400, str(error), "unsupported_parameter", param=name) from error
        budgets = asked.options.get("budgets") or {}
        given = bearer(request.scope)
        own = (given,) if len(given) >= MIN_KEY_CHARS else ()
        return Work(
            backend,
            rest,
            asked.model,
            asked.messages,
            parameters,
            options,
            (*ignored, *beside),
            tuple(secret for secret in (*self.secrets, *secrets, *own) if secret),
            str(asked.options.get("session_id") or _name(request, SESSION)),
            float(budgets.get("max_seconds") or self.supervisor.limits.max_seconds),
        )

    def names(self) -> list[str]:
        """Every model that can be asked for."""
        return sorted(name for backend in self.backends.values() for name in backend.models())

    def refusal(self, model: str) -> HttpError | None:
        """What a request for `model` would be told now; None where it can be asked."""
        try:
            self._backend(model)
        except HttpError as error:
            return error
        return None

    def fault(self, model: str) -> str:
        """Why `model` cannot be asked now; empty where it can."""
        refusal = self.refusal(model)
        return refusal.message if refusal else ""

    def _backend(self, model: str) -> tuple[Backend, str]:
        name, _, rest = model.partition(":")
        backend = self.backends.get(name)
        if backend is None:
            raise self._unknown(f"There is no model {model[:MAX_NAME_CHARS]!r}.")
        try:
            backend.check(rest)
        except NoSuchModel as error:
            raise self._unknown(str(error)) from error
        except NotReady as error:
            raise HttpError(503, f"{model} is not ready. {error}", "not_ready", param="model") from error
        return backend, rest

    def _unknown(self, message: str) -> HttpError:
        return HttpError(404, f"{message} There is: {', '.join(self.names())}.", "model_not_found", param="model")


async def read(reader: Callable[[bytes], _Read], body: bytes) -> _Read:
    """The request in a body; what is broken in it is refused by name."""
    try:
        return reader(body) if len(body) <= MAX_AT_ONCE_BYTES else await asyncio.to_thread(reader, body)
    except BrokenRequest as error:
        raise HttpError(error.status, str(error), "invalid_request", param=error.param) from error


def ask_of(request: Request, digest: str) -> Ask:
    """Who the request says it is, in its headers."""
    caller: Caller = caller_of(request.scope)
    attempt = _count(request, ATTEMPT)
    return Ask(
        tenant=caller.tenant,
        key=_name(request, IDEMPOTENCY_KEY),
        attempt=_count(request, STAINLESS_ATTEMPT) if attempt is None else attempt,
        retries_left=_count(request, RETRIES_LEFT),
        digest=digest,
    )


def _name(request: Request, header: str) -> str:
    """Empty where the header is not there. One that is there and says nothing is a mistake, and not a name."""
    value = _single(request, header)
    if value is None:
        return ""
    if not 0 < len(value) <= MAX_NAME_CHARS:
        raise HttpError(
            400, f"`{header}` has to have 1 to {MAX_NAME_CHARS} characters.", "header_not_a_name", param=header
        )
    return value


def _single(request: Request, header: str) -> str | None:
    """Which of two would be the request's is a guess, and an agent's run hangs on it."""
    found = values(request.scope, header)
    if len(found) > 1:
        raise HttpError(400, f"`{header}` came {len(found)} times. Send it once.", "header_not_single", param=header)
    return found[0] if found else None


def _count(request: Request, header: str) -> int | None:
    value = _single(request, header)
    if value is None:
        return None
    if not value.isdecimal() or len(value) > 9:
        raise HttpError(400, f"`{header}` has to be a count, as in 0 or 2.", "header_not_a_count", param=header)
    return int(value)
