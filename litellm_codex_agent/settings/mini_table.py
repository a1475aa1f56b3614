"""The rows of the mini-agent: its model, its budgets, its tools and the wall around them."""

from __future__ import annotations

from .variable import Variable

__all__ = [
    "COMMANDS",
    "MAX_COST_USD",
    "MAX_ITERATIONS",
    "MAX_TOKENS",
    "MAX_TOOL_CALLS",
    "MINI",
    "MODEL",
    "NETWORK",
    "PARK_SECONDS",
    "ROUTER_CONFIG",
    "SANDBOX",
    "SCRIPTS",
    "SECRET_PATTERNS",
    "SKIP_CHUTES",
    "STORE_PATH",
    "STORE_TRACES",
    "TOOL_HEADERS",
    "TOOL_ORIGINS",
    "TOOL_PARALLEL",
    "TOOL_SECONDS",
    "WORKSPACES",
]

MODEL = "CODEX_AGENT_MODEL"
ROUTER_CONFIG = "CODEX_AGENT_ROUTER_CONFIG"
SCRIPTS = "CODEX_AGENT_SCRIPTS"
MAX_ITERATIONS = "CODEX_AGENT_MAX_ITERATIONS"
MAX_TOOL_CALLS = "CODEX_AGENT_MAX_TOOL_CALLS"
MAX_TOKENS = "CODEX_AGENT_MAX_TOKENS"
MAX_COST_USD = "CODEX_AGENT_MAX_COST_USD"
TOOL_SECONDS = "CODEX_AGENT_TOOL_SECONDS"
TOOL_PARALLEL = "CODEX_AGENT_TOOL_PARALLEL"
PARK_SECONDS = "CODEX_AGENT_PARK_SECONDS"
SANDBOX = "CODEX_AGENT_SANDBOX"
WORKSPACES = "CODEX_AGENT_WORKSPACES"
COMMANDS = "CODEX_AGENT_COMMANDS"
NETWORK = "CODEX_AGENT_NETWORK"
TOOL_ORIGINS = "CODEX_AGENT_TOOL_ORIGINS"
TOOL_HEADERS = "MINI_AGENT_TOOL_HTTP_HEADERS"
SECRET_PATTERNS = "CODEX_AGENT_SECRET_PATTERNS"  # noqa: S105  # a variable's name
STORE_TRACES = "MINI_AGENT_STORE_TRACES"
STORE_PATH = "MINI_AGENT_STORE_PATH"
SKIP_CHUTES = "NDSMOKE_SHORTCIRCUIT_CHUTES"

MINI = (
    Variable(MODEL, "none", "the model of `mini`, as LiteLLM names it", "--model", "openai/gpt-5-mini"),
    Variable(
        ROUTER_CONFIG,
        "none",
        "a file with LiteLLM's `model_list`: the models of `mini` are asked through its Router",
        "--router-config",
        "/etc/codex-agent/config.yaml",
    ),
    Variable(
        SCRIPTS,
        "none",
        "a directory of scripted models, for tests and demos: `mini:script/<name>`",
        "--scripts",
        "/var/lib/codex-agent/scripts",
    ),
    Variable(MAX_ITERATIONS, "20", "model calls of a run; a request may ask for less", "--max-iterations"),
    Variable(MAX_TOOL_CALLS, "60", "tool calls of a run; a request may ask for less", "--max-tool-calls"),
    Variable(MAX_TOKENS, "500000", "tokens of a run, in and out; a request may ask for less", "--max-tokens"),
    Variable(
        MAX_COST_USD, "none", "what a run may cost, in dollars; a request may ask for less", "--max-cost-usd", "0.50"
    ),
    Variable(TOOL_SECONDS, "60", "how long one tool call may take", "--tool-seconds"),
    Variable(TOOL_PARALLEL, "4", "tool calls of one turn that work side by side", "--tool-parallel"),
    Variable(PARK_SECONDS, "600", "how long a run waits for its client's tool", "--park-seconds"),
    Variable(
        SANDBOX,
        "auto",
        "the wall around tools: `auto`, `bwrap`, `landlock`, or `none` for no wall at all",
        "--sandbox",
    ),
    Variable(
        WORKSPACES,
        "none",
        "directories that a run may be given to work in, with all that is in them",
        "--workspaces",
        "/srv/repos,/home/me/project",
    ),
    Variable(
        COMMANDS,
        "those of the tools' page",
        "the programs that `exec_shell` may start; `*` is any",
        "--commands",
        "python,git,pytest,make,ls,cat",
    ),
    Variable(NETWORK, "off", "gives a run that asks for `permissions: full` the network: `on` or `off`", "--network"),
    Variable(
        TOOL_ORIGINS,
        "none",
        "origins of HTTP tools and MCP servers that a request may name; `*` is any public one",
        "--tool-origins",
        "https://tools.example,http://127.0.0.1:9000",
    ),
    Variable(
        TOOL_HEADERS,
        "none",
        "headers for every call of an HTTP tool, as JSON",
        "",
        '{"Authorization": "Bearer <token>"}',
    ),
    Variable(
        SECRET_PATTERNS,
        "none",
        "further forms of secrets to strike out of tool output: regular expressions, as a JSON list",
        "--secret-patterns",
        '["corp-[0-9a-f]{32}"]',
    ),
    Variable(STORE_TRACES, "off", "writes each run of `mini` as one line of JSON: `on` or `off`", "--store-traces"),
    Variable(
        STORE_PATH,
        "traces.jsonl in the state directory",
        "the file of the traces",
        "--store-path",
        "/var/log/mini.jsonl",
    ),
    Variable(SKIP_CHUTES, "off", "for smoke runs: an `escalate_model` under `chutes/` is not called"),
)
