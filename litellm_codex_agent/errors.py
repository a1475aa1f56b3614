"""The tree of errors. The class says what happened, `status` what HTTP calls it, `hint` is the fix.

AgentError
├── Misconfigured      400  this side is not set up: the gate, the endpoint's address
├── Refused            the endpoint's own status, with its message, code and headers
├── Unreachable        500  no connection was made, or it broke
├── TimedOut           408  connecting, reading, or waiting between two chunks took too long
└── BrokenReply        500  the endpoint answered, and the answer cannot be used

No message holds a secret: `mask` shows a key as `sk-…1234`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = [
    "AgentError",
    "BrokenReply",
    "Misconfigured",
    "Refusal",
    "Refused",
    "TimedOut",
    "Unreachable",
    "mask",
    "without_keys",
    "without_secrets",
]

# Shorter values are flags and placeholders; striking them out would shred ordinary words.
SECRET_MIN_CHARS = 6
# How keys look that nobody told us of: those of OpenAI and Anthropic, GitHub, GitLab, Hugging Face, Slack, AWS, Google.
_KEYS = re.compile(
    r"\b(?:sk|pk|rk)-[\w-]{12,}"
    r"|\b(?:gh[a-z]_|github_pat_|glpat-|hf_|xox[a-z]-|AKIA|AIza)[\w-]{12,}"
    r"|(?<=\bBearer )[\w.~+/-]{8,}"
)


class AgentError(Exception):
    """The root. `str()` is the message, then the hint where there is one."""

    status = 500

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(f"{message} {hint}" if hint else message)
        self.message = message
        self.hint = hint

    def hide(self, secrets: tuple[str, ...]) -> None:
        """Mask `secrets` in all that this error says: its text also shows up as the cause of another's."""
        self.args = tuple(without_secrets(str(said), secrets) for said in self.args)
        self.message = without_secrets(self.message, secrets)
        self.hint = without_secrets(self.hint, secrets)


class Misconfigured(AgentError):
    """Nothing was sent: the caller has to set something first."""

    status = 400


@dataclass(frozen=True)
class Refusal:
    """What an endpoint's error body says, in the shape OpenAI gave it."""

    message: str
    code: str = ""
    type: str = ""
    param: str = ""
    status: int | None = None
    body: Mapping[str, object] = field(default_factory=dict)


class Refused(AgentError):
    """The endpoint answered with an error: as the status of its reply, or as an event in its stream."""

    def __init__(self, refusal: Refusal, *, status: int, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal
        self.status = status
        self.headers = dict(headers or {})

    def hide(self, secrets: tuple[str, ...]) -> None:
        super().hide(secrets)
        was = self.refusal
        told = {name: without_secrets(value, secrets) for name, value in self.headers.items()}
        self.headers = told
        code, kind, param = (without_secrets(said, secrets) for said in (was.code, was.type, was.param))
        try:
            body = json.loads(without_secrets(json.dumps(dict(was.body), ensure_ascii=False), secrets))
        except ValueError:  # a secret of digits stood in a number, which cannot be shown in part
            body = {}
        self.refusal = Refusal(self.message, code, kind, param, was.status, body)


class Unreachable(AgentError):
    """No usable connection. Whether the endpoint saw the request is not known."""


class TimedOut(AgentError):
    """The endpoint was silent for longer than the call allows."""

    status = 408


class BrokenReply(AgentError):
    """A reply that is not one: cut, not JSON, without choices, or over a limit."""


def mask(secret: str) -> str:
    """A key as a person may see it: enough to tell two apart, too little to use."""
    if len(secret) <= 12:
        return "…" if secret else ""
    return f"{secret[:3]}…{secret[-4:]}"


def without_secrets(text: str, secrets: tuple[str, ...]) -> str:
    """`text` with each secret masked, of `Bearer <key>` the key."""
    found = [secret for secret in secrets if secret in text and len(secret) >= SECRET_MIN_CHARS]
    # The longest first: a secret may stand inside another, and would leave the rest of it.
    for secret in sorted(found, key=len, reverse=True) if found else ():
        text = text.replace(secret, mask(secret.rpartition(" ")[2]))
    return text


def without_keys(text: str) -> str:
    """`text` with each word masked that looks like a key, whosever it is."""
    return _KEYS.sub(lambda found: mask(found[0]), text)
