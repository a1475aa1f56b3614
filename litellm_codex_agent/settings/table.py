"""The table of settings: every variable that is read, by name, one row each. The reference shows the same table.

The default of a number is the text that is read where nothing is written, so it stands nowhere else.
"""

from __future__ import annotations

from .coding_table import CODING
from .mini_table import MINI
from .variable import Variable

__all__ = [
    "ALLOWED_HOSTS",
    "ALLOWED_ORIGINS",
    "API_BASE",
    "API_KEY",
    "DEFAULT_PORT",
    "DRAIN_SECONDS",
    "GATE",
    "HOST",
    "JOIN_TEXT",
    "KEEP_BYTES",
    "KEEP_DAYS",
    "LOCAL_STATE",
    "LOOPBACK",
    "MAX_QUEUE",
    "MAX_RUNS",
    "MAX_SECONDS",
    "PORT",
    "RECORD",
    "RECORDINGS",
    "REPLAY_PACE",
    "RETRY_SECONDS",
    "SERVER_KEY",
    "STATE",
    "STATE_FOLDER",
    "STATE_HOME",
    "VARIABLES",
]

GATE = "LITELLM_ENABLE_CODEX_AGENT"
API_BASE = "CODEX_AGENT_API_BASE"
API_KEY = "CODEX_AGENT_API_KEY"
JOIN_TEXT = "CODEX_AGENT_JOIN_TEXT"
HOST = "MINI_AGENT_API_HOST"
PORT = "MINI_AGENT_API_PORT"
SERVER_KEY = "CODEX_AGENT_SERVER_KEY"
ALLOWED_HOSTS = "CODEX_AGENT_ALLOWED_HOSTS"
ALLOWED_ORIGINS = "CODEX_AGENT_ALLOWED_ORIGINS"
STATE = "CODEX_AGENT_STATE"
STATE_HOME = "XDG_STATE_HOME"
MAX_RUNS = "CODEX_AGENT_MAX_RUNS"
MAX_QUEUE = "CODEX_AGENT_MAX_QUEUE"
MAX_SECONDS = "CODEX_AGENT_MAX_SECONDS"
RETRY_SECONDS = "CODEX_AGENT_RETRY_SECONDS"
DRAIN_SECONDS = "CODEX_AGENT_DRAIN_SECONDS"
KEEP_DAYS = "CODEX_AGENT_KEEP_DAYS"
KEEP_BYTES = "CODEX_AGENT_KEEP_BYTES"
RECORD = "CODEX_AGENT_RECORD"
RECORDINGS = "CODEX_AGENT_RECORDINGS"
REPLAY_PACE = "CODEX_AGENT_REPLAY_PACE"

LOOPBACK = "127.0.0.1"
DEFAULT_PORT = 8788
LOCAL_STATE = "~/.local/state"
STATE_FOLDER = "litellm-codex-agent"


_PROVIDER = (
    Variable(GATE, "off", "opens the provider: `1`, `true`, `yes` or `on`"),
    Variable(API_BASE, "none", "the endpoint, where neither the call nor the deployment has an `api_base`"),
    Variable(API_KEY, "none", "the endpoint's key, where neither the call nor the deployment has an `api_key`"),
    Variable(JOIN_TEXT, "off", "joins the text of an async stream that arrived together: `on` or `off`"),
)

_NETWORK = (
    Variable("SSL_VERIFY", "true", "`false` accepts any certificate; a path is a file of own CAs"),
    Variable("SSL_CERT_FILE", "none", "a file of own CAs, used where certificates are checked"),
    Variable("HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY", "none", "the way to the endpoint, read as usual"),
)

_SERVER = (
    Variable(HOST, LOOPBACK, "where `codex-agent serve` listens", "--host"),
    Variable(PORT, str(DEFAULT_PORT), "the port of `codex-agent serve`", "--port"),
    Variable(SERVER_KEY, "none", "the key that it asks for; needed off loopback", example="sk-3f9c2a71"),
    Variable(
        ALLOWED_HOSTS,
        "those of loopback",
        "the names that a request's `Host` may have; `*` is any",
        "--allowed-hosts",
        "agents.example,10.0.0.5",
    ),
    Variable(
        ALLOWED_ORIGINS,
        "none",
        "the origins of web pages that may ask from a browser",
        "--allowed-origins",
        "https://chat.example",
    ),
    Variable(
        STATE,
        f"{LOCAL_STATE}/{STATE_FOLDER}",
        "the directory of the server's journal",
        "--state",
        "/var/lib/codex-agent",
    ),
    Variable(STATE_HOME, "none", f"counts instead of `{LOCAL_STATE}` where `{STATE}` is not set"),
    Variable(MAX_RUNS, "16", "runs that work at once", "--max-runs"),
    Variable(MAX_QUEUE, "64", "requests that wait for a free run; one more is a 429", "--max-queue"),
    Variable(MAX_SECONDS, "600", "how long a run may take; a request may ask for less", "--max-seconds"),
    Variable(RETRY_SECONDS, "15", "how long a run whose client is gone waits for its retry", "--retry-seconds"),
    Variable(DRAIN_SECONDS, "30", "how long runs may go on once the server is told to stop", "--drain-seconds"),
    Variable(KEEP_DAYS, "7", "how long ended runs are kept", "--keep-days"),
    Variable(KEEP_BYTES, "1 GiB", "how much the ended runs may take together", "--keep-bytes", "5GiB"),
    Variable(
        RECORD,
        "none",
        "a directory: each run that ends is written there as a recording",
        "--record",
        "/var/lib/codex-agent/record",
    ),
    Variable(
        RECORDINGS,
        "none",
        "a directory of further recordings for `replay:<name>`",
        "--recordings",
        "/var/lib/codex-agent/recordings",
    ),
    Variable(
        REPLAY_PACE, "1", "what the waits of a recording are multiplied by; 0 plays without waiting", "--replay-pace"
    ),
)

VARIABLES = (*_PROVIDER, *_NETWORK, *_SERVER, *MINI, *CODING)
