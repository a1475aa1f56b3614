"""The rows of the coding agents: where their model calls go, what those cost, and how many processes live."""

from __future__ import annotations

from .variable import Variable

__all__ = [
    "AGENT_IDLE_SECONDS",
    "AGENT_PROCESSES",
    "CODEX",
    "CODEX_HOME",
    "CODEX_MODEL",
    "CODING",
    "PRICES",
    "UPSTREAM",
    "UPSTREAM_KEY",
]

UPSTREAM = "CODEX_AGENT_UPSTREAM"
UPSTREAM_KEY = "CODEX_AGENT_UPSTREAM_KEY"
PRICES = "CODEX_AGENT_PRICES"
AGENT_PROCESSES = "CODEX_AGENT_AGENT_PROCESSES"
AGENT_IDLE_SECONDS = "CODEX_AGENT_AGENT_IDLE_SECONDS"
CODEX = "CODEX_AGENT_CODEX"
CODEX_MODEL = "CODEX_AGENT_CODEX_MODEL"
CODEX_HOME = "CODEX_AGENT_CODEX_HOME"

CODING = (
    Variable(
        UPSTREAM,
        "https://api.openai.com/v1",
        "where coding agents ask their models: the vendor, a LiteLLM proxy, or any endpoint of the Responses API",
        "--upstream",
        "https://litellm.example/v1",
    ),
    Variable(UPSTREAM_KEY, "none", "the key for it; no agent sees it", example="sk-…"),
    Variable(
        PRICES,
        "none",
        "a JSON file with what tokens of a model cost, in the form of LiteLLM's own table",
        "--prices",
        "/etc/codex-agent/prices.json",
    ),
    Variable(AGENT_PROCESSES, "4", "processes of a coding agent that live at once", "--agent-processes"),
    Variable(AGENT_IDLE_SECONDS, "600", "how long one lives that has no run", "--idle-seconds"),
    Variable(
        CODEX,
        "that of the extra",
        "the Codex to run: a program on PATH, or a path to one",
        "--codex",
        "/usr/local/bin/codex",
    ),
    Variable(CODEX_MODEL, "Codex's own choice", "the model of `codex`", "--codex-model", "gpt-5.2-codex"),
    Variable(
        CODEX_HOME,
        "none",
        "a CODEX_HOME in which `codex login` was done: Codex asks its vendor by that login, and nothing goes upstream",
        "--codex-home",
        "/var/lib/codex-login",
    ),
)
