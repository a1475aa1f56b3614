"""The server's settings: a flag, else its variable, else the default, each read by one reader that refuses by name."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest

from litellm_codex_agent.settings import VARIABLES, ServerSettings, Unusable, server, without_server

ROWS = {row.name: row for row in VARIABLES}
HOME = Path.home()
STATE = HOME / ".local/state/litellm-codex-agent"
DEFAULTS: dict[str, Any] = {
    "host": "127.0.0.1",
    "port": 8788,
    "key": "",
    "allowed_hosts": (),
    "allowed_origins": (),
    "state": STATE,
    "max_runs": 16,
    "max_queue": 64,
    "max_seconds": 600.0,
    "retry_seconds": 15.0,
    "drain_seconds": 30.0,
    "keep_days": 7.0,
    "keep_bytes": 2**30,
    "record": None,
    "recordings": None,
    "replay_pace": 1.0,
    "model": "",
    "router_config": None,
    "scripts": None,
    "max_iterations": 20,
    "max_tool_calls": 60,
    "max_tokens": 500_000,
    "max_cost_usd": None,
    "tool_seconds": 60.0,
    "tool_parallel": 4,
    "park_seconds": 600.0,
    "sandbox": "auto",
    "workspaces": (),
    "commands": (),
    "network": False,
    "tool_origins": (),
    "tool_headers": {},
    "secret_patterns": (),
    "traces": None,
    "skip_chutes": False,
    "upstream": "https://api.openai.com/v1",
    "upstream_key": "",
    "prices": None,
    "processes": 4,
    "idle_seconds": 600.0,
    "codex": "",
    "codex_model": "",
    "codex_home": None,
}
# What is written in a variable, and the field and the value that it gives.
READ = [
    ("MINI_AGENT_API_HOST", " ::1 ", "host", "::1"),
    ("MINI_AGENT_API_HOST", "[::0001]", "host", "::1"),
    ("MINI_AGENT_API_HOST", "LocalHost", "host", "localhost"),
    ("MINI_AGENT_API_HOST", "agent_1.internal", "host", "agent_1.internal"),
    ("MINI_AGENT_API_PORT", " 80\n", "port", 80),
    ("MINI_AGENT_API_PORT", "0", "port", 0),
    ("MINI_AGENT_API_PORT", "65535", "port", 65_535),
    ("MINI_AGENT_API_PORT", "08788", "port", 8788),
    ("CODEX_AGENT_SERVER_KEY", " sk-1!~ ", "key", "sk-1!~"),
    ("CODEX_AGENT_ALLOWED_HOSTS", "*", "allowed_hosts", ("*",)),
    ("CODEX_AGENT_ALLOWED_HOSTS", " A.example,, [::1],a.example ,10.1,", "allowed_hosts", ("a.example", "::1", "10.1")),
    ("CODEX_AGENT_ALLOWED_ORIGINS", "https://Chat.example:443", "allowed_origins", ("https://chat.example",)),
    ("CODEX_AGENT_ALLOWED_ORIGINS", "http://h:80, http://h", "allowed_origins", ("http://h",)),
    ("CODEX_AGENT_ALLOWED_ORIGINS", "http://h:443", "allowed_origins", ("http://h:443",)),
    (
        "CODEX_AGENT_ALLOWED_ORIGINS",
        "http://h:8080,http://[::1]:3",
        "allowed_origins",
        ("http://h:8080", "http://[::1]:3"),
    ),
    ("CODEX_AGENT_ALLOWED_ORIGINS", "chrome-extension://abc", "allowed_origins", ("chrome-extension://abc",)),
    ("CODEX_AGENT_STATE", "/srv/agent", "state", Path("/srv/agent")),
    ("CODEX_AGENT_STATE", "~/agent", "state", HOME / "agent"),
    ("CODEX_AGENT_STATE", "agent", "state", Path.cwd() / "agent"),
    ("XDG_STATE_HOME", "/srv", "state", Path("/srv/litellm-codex-agent")),
    ("XDG_STATE_HOME", "relative", "state", STATE),
    ("CODEX_AGENT_MAX_RUNS", "1", "max_runs", 1),
    ("CODEX_AGENT_MAX_RUNS", "1000000", "max_runs", 1_000_000),
    ("CODEX_AGENT_MAX_QUEUE", "0", "max_queue", 0),
    ("CODEX_AGENT_MAX_SECONDS", "0.5", "max_seconds", 0.5),
    ("CODEX_AGENT_RETRY_SECONDS", "0", "retry_seconds", 0.0),
    ("CODEX_AGENT_DRAIN_SECONDS", "0.0", "drain_seconds", 0.0),
    ("CODEX_AGENT_KEEP_DAYS", "1000000", "keep_days", 1_000_000.0),
    ("CODEX_AGENT_KEEP_BYTES", "1048576", "keep_bytes", 2**20),
    ("CODEX_AGENT_KEEP_BYTES", "5GiB", "keep_bytes", 5 * 2**30),
    ("CODEX_AGENT_KEEP_BYTES", "1024 kib", "keep_bytes", 2**20),
    ("CODEX_AGENT_KEEP_BYTES", "1024TiB", "keep_bytes", 2**50),
    ("CODEX_AGENT_RECORD", "~/records", "record", HOME / "records"),
    ("CODEX_AGENT_RECORDINGS", "/srv/recordings", "recordings", Path("/srv/recordings")),
    ("CODEX_AGENT_REPLAY_PACE", "0", "replay_pace", 0.0),
    ("CODEX_AGENT_REPLAY_PACE", "2", "replay_pace", 2.0),
    ("CODEX_AGENT_MODEL", " openai/gpt-5 ", "model", "openai/gpt-5"),
    ("CODEX_AGENT_ROUTER_CONFIG", "/srv/config.yaml", "router_config", Path("/srv/config.yaml")),
    ("CODEX_AGENT_SCRIPTS", "~/scripts", "scripts", HOME / "scripts"),
    ("CODEX_AGENT_MAX_ITERATIONS", "1", "max_iterations", 1),
    ("CODEX_AGENT_MAX_TOOL_CALLS", "7", "max_tool_calls", 7),
    ("CODEX_AGENT_MAX_TOKENS", "1000000000", "max_tokens", 1_000_000_000),
    ("CODEX_AGENT_MAX_COST_USD", "0.5", "max_cost_usd", 0.5),
    ("CODEX_AGENT_TOOL_SECONDS", "0.5", "tool_seconds", 0.5),
    ("CODEX_AGENT_TOOL_PARALLEL", "1", "tool_parallel", 1),
    ("CODEX_AGENT_PARK_SECONDS", "0", "park_seconds", 0.0),
    ("CODEX_AGENT_SANDBOX", "Landlock", "sandbox", "landlock"),
    ("CODEX_AGENT_WORKSPACES", "/srv/a,, ~/b ", "workspaces", (Path("/srv/a"), HOME / "b")),
    ("CODEX_AGENT_COMMANDS", "python3.11, g++,git,git", "commands", ("python3.11", "g++", "git")),
    ("CODEX_AGENT_COMMANDS", "*", "commands", ("*",)),
    ("CODEX_AGENT_NETWORK", "on", "network", True),
    ("CODEX_AGENT_TOOL_ORIGINS", "https://T.example:443,*", "tool_origins", ("https://t.example", "*")),
    ("CODEX_AGENT_SECRET_PATTERNS", '["corp-[0-9]+"]', "secret_patterns", ("corp-[0-9]+",)),
    ("MINI_AGENT_TOOL_HTTP_HEADERS", '{"X-Key": "k"}', "tool_headers", {"X-Key": "k"}),
    ("MINI_AGENT_STORE_TRACES", "1", "traces", STATE / "traces.jsonl"),
    ("MINI_AGENT_STORE_PATH", "/srv/t.jsonl", "traces", None),
    ("NDSMOKE_SHORTCIRCUIT_CHUTES", "1", "skip_chutes", True),
    ("CODEX_AGENT_UPSTREAM", " https://Proxy.example:443/v1/ ", "upstream", "https://proxy.example/v1"),
    ("CODEX_AGENT_UPSTREAM", "http://127.0.0.1:4000", "upstream", "http://127.0.0.1:4000"),
    ("CODEX_AGENT_UPSTREAM_KEY", "sk-2", "upstream_key", "sk-2"),
    ("CODEX_AGENT_PRICES", "/srv/prices.json", "prices", Path("/srv/prices.json")),
    ("CODEX_AGENT_AGENT_PROCESSES", "1", "processes", 1),
    ("CODEX_AGENT_AGENT_IDLE_SECONDS", "0.5", "idle_seconds", 0.5),
    ("CODEX_AGENT_CODEX", "codex", "codex", "codex"),
    ("CODEX_AGENT_CODEX_MODEL", "gpt-5", "codex_model", "gpt-5"),
    ("CODEX_AGENT_CODEX_HOME", "~/c", "codex_home", HOME / "c"),
]
REFUSED = {
    "MINI_AGENT_API_HOST": ["http://h", "h:80", "a b", "-h", "h..example", "*", "[h]", "h/", "ü"],
    "MINI_AGENT_API_PORT": ["http", "-1", "80.0", "1e3", "80 81", "0x50", "65536", "9" * 5_000, "٣"],
    "CODEX_AGENT_ALLOWED_HOSTS": ["http://h", "h:80", "*.example", "h,b c"],
    "CODEX_AGENT_ALLOWED_ORIGINS": ["h", "*", "null", "https://h/", "https://h/x", "https://", "https://u@h"],
    "CODEX_AGENT_STATE": ["~nobody-by-this-name/x"],
    "CODEX_AGENT_MAX_RUNS": ["0", "-1", "many", "1.5", "1000001", "1_0"],
    "CODEX_AGENT_MAX_QUEUE": ["-1", "none", "1000001"],
    "CODEX_AGENT_MAX_SECONDS": ["0", "0.000", "-1", "nan", "inf", "1e3", "10m", "1000000.1", "1_0", ".5"],
    "CODEX_AGENT_RETRY_SECONDS": ["-1", "soon", "1000001"],
    "CODEX_AGENT_DRAIN_SECONDS": ["-0", "1:30"],
    "CODEX_AGENT_KEEP_DAYS": ["0", "week"],
    "CODEX_AGENT_KEEP_BYTES": ["0", "1048575", "1", "5GB", "5G", "-5GiB", "GiB", "1.5GiB", "1025TiB", "9" * 16],
    "CODEX_AGENT_RECORD": ["~nobody-by-this-name/x"],
    "CODEX_AGENT_RECORDINGS": ["~nobody-by-this-name/x"],
    "CODEX_AGENT_REPLAY_PACE": ["-1", "fast", "2x"],
    "CODEX_AGENT_ROUTER_CONFIG": ["~nobody-by-this-name/x"],
    "CODEX_AGENT_SCRIPTS": ["~nobody-by-this-name/x"],
    "CODEX_AGENT_MAX_ITERATIONS": ["0", "few"],
    "CODEX_AGENT_MAX_TOOL_CALLS": ["0", "1.5"],
    "CODEX_AGENT_MAX_TOKENS": ["0", "1000000001", "9" * 11],
    "CODEX_AGENT_MAX_COST_USD": ["0", "free", "-1", "$1"],
    "CODEX_AGENT_TOOL_SECONDS": ["0", "1m"],
    "CODEX_AGENT_TOOL_PARALLEL": ["0"],
    "CODEX_AGENT_PARK_SECONDS": ["-1"],
    "CODEX_AGENT_SANDBOX": ["docker", "off"],
    "CODEX_AGENT_WORKSPACES": ["/srv,~nobody-by-this-name/x"],
    "CODEX_AGENT_COMMANDS": ["/bin/sh", "rm -rf", "a;b"],
    "CODEX_AGENT_NETWORK": ["maybe", "host"],
    "CODEX_AGENT_TOOL_ORIGINS": ["h", "ftp://h", "https://h/x", "https://u@h"],
    "CODEX_AGENT_SECRET_PATTERNS": ["corp", '["("]', '[""]', "[1]", "{}"],
    "MINI_AGENT_STORE_TRACES": ["sometimes"],
    "MINI_AGENT_STORE_PATH": ["~nobody-by-this-name/x"],
    "CODEX_AGENT_UPSTREAM": [
        "proxy.example",
        "ftp://h/v1",
        "https://h/v1?x=1",
        "https:///v1",
        "http://h/ v",
    ],
    "CODEX_AGENT_PRICES": ["~nobody-by-this-name/x"],
    "CODEX_AGENT_AGENT_PROCESSES": ["0", "1.5"],
    "CODEX_AGENT_AGENT_IDLE_SECONDS": ["0", "1m"],
    "CODEX_AGENT_CODEX_HOME": ["~nobody-by-this-name/x"],
}
BAD = [(name, text) for name, texts in REFUSED.items() for text in texts]


def fields(settings: ServerSettings) -> dict[str, Any]:
    told = dict(vars(settings))
    return {**vars(told.pop("mini")), **vars(told.pop("coding")), **told}


@pytest.mark.parametrize("text", ["", " ", "\n"])
def test_where_nothing_is_written_the_defaults_hold(text: str) -> None:
    # A blank key is refused: see below.
    empty = {**dict.fromkeys(ROWS, text), "CODEX_AGENT_SERVER_KEY": "", "CODEX_AGENT_UPSTREAM_KEY": ""}
    assert fields(server(empty, empty)) == fields(server({})) == DEFAULTS


@pytest.mark.parametrize(("name", "text", "field", "value"), READ)
def test_a_variable_gives_its_field_and_no_other(name: str, text: str, field: str, value: object) -> None:
    assert fields(server({name: text})) == {**DEFAULTS, field: value}


@pytest.mark.parametrize(("name", "text", "field", "value"), [row for row in READ if ROWS[row[0]].flag])
def test_a_flag_is_read_as_its_variable_is(name: str, text: str, field: str, value: object) -> None:
    assert server({}, {name: text}) == server({name: text})


# Two texts that a variable takes, where it takes no number.
TWO = {
    "MINI_AGENT_API_HOST": ("h", "g"),
    "CODEX_AGENT_ALLOWED_HOSTS": ("h", "*"),
    "CODEX_AGENT_ALLOWED_ORIGINS": ("http://h", "http://g"),
    "CODEX_AGENT_STATE": ("/h", "/g"),
    "CODEX_AGENT_KEEP_BYTES": ("2GiB", "3GiB"),
    "CODEX_AGENT_RECORD": ("/h", "/g"),
    "CODEX_AGENT_RECORDINGS": ("/h", "/g"),
    "CODEX_AGENT_ROUTER_CONFIG": ("/h", "/g"),
    "CODEX_AGENT_SCRIPTS": ("/h", "/g"),
    "CODEX_AGENT_SANDBOX": ("bwrap", "none"),
    "CODEX_AGENT_NETWORK": ("on", "off"),
    "CODEX_AGENT_WORKSPACES": ("/h", "/g"),
    "CODEX_AGENT_TOOL_ORIGINS": ("http://h", "http://g"),
    "CODEX_AGENT_SECRET_PATTERNS": ('["a"]', '["b"]'),
    "MINI_AGENT_STORE_TRACES": ("on", "off"),
    "CODEX_AGENT_UPSTREAM": ("http://h", "http://g"),
}


@pytest.mark.parametrize("name", [row.name for row in VARIABLES if row.flag])
def test_a_flag_counts_before_its_variable(name: str) -> None:
    one, other = TWO.get(name, ("2", "3"))
    # A path of traces means nothing where none are kept.
    kept = {"MINI_AGENT_STORE_TRACES": "on"} if name == "MINI_AGENT_STORE_PATH" else {}
    assert server({name: other, **kept}, {name: one}) == server({name: one, **kept}) != server({name: other, **kept})


@pytest.mark.parametrize(("name", "text"), BAD)
def test_a_value_that_cannot_be_is_refused_with_variable_flag_and_example(name: str, text: str) -> None:
    with pytest.raises(Unusable) as caught:
        server({name: text})
    told, row = str(caught.value), ROWS[name]
    assert told.startswith(f"{name} ({row.flag}) is ")
    assert told.endswith(f", as in {name}={row.example or row.default}.")
    assert len(told.splitlines()) == 1


@pytest.mark.parametrize(("name", "text"), BAD)
def test_a_flag_that_cannot_be_is_refused_in_the_same_words(name: str, text: str) -> None:
    with pytest.raises(Unusable) as by_variable:
        server({name: text})
    with pytest.raises(Unusable) as by_flag:
        server({}, {name: text})
    assert str(by_flag.value) == str(by_variable.value)


@pytest.mark.parametrize("name", REFUSED)
def test_the_example_of_a_refusal_can_be_written(name: str) -> None:
    row = ROWS[name]
    server({name: row.example or row.default})


def test_a_refusal_shows_no_more_of_a_text_than_it_takes_to_find_it() -> None:
    with pytest.raises(Unusable) as caught:
        server({"CODEX_AGENT_MAX_RUNS": "9" * 5_000})
    assert f"is '{'9' * 80}…', and" in str(caught.value)


@pytest.mark.parametrize("key", ["two words", "schlüssel", "tab\tin it", "nul\0"])
def test_a_key_that_no_header_carries_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(Unusable, match=r"^CODEX_AGENT_SERVER_KEY .*, as in CODEX_AGENT_SERVER_KEY=\S+$") as caught:
        server({"CODEX_AGENT_SERVER_KEY": key})
    assert key not in str(caught.value)


def test_the_key_is_in_no_print_of_the_settings() -> None:
    assert "sk-1" not in repr(server({"CODEX_AGENT_SERVER_KEY": "sk-1"}))


def test_every_setting_of_the_server_has_a_flag_but_the_key_and_what_is_not_ours() -> None:
    own = [row for row in VARIABLES if row.name.startswith(("MINI_AGENT_", "CODEX_AGENT_", "XDG_"))]
    provider = {"CODEX_AGENT_API_BASE", "CODEX_AGENT_API_KEY", "CODEX_AGENT_JOIN_TEXT"}
    bare = {row.name for row in own if not row.flag} - provider
    assert bare == {
        "CODEX_AGENT_SERVER_KEY",
        "CODEX_AGENT_UPSTREAM_KEY",
        "MINI_AGENT_TOOL_HTTP_HEADERS",
        "XDG_STATE_HOME",
    }


@pytest.mark.parametrize("name", REFUSED)
def test_a_row_shows_the_default_that_is_used(name: str) -> None:
    row = ROWS[name]
    shown = "" if row.default in ("none", "those of loopback", "those of the tools' page") else row.default
    shown = shown if "the state directory" not in shown else ""
    assert server({name: shown}) == server({})


def test_a_server_can_be_set_up_by_its_flags_alone() -> None:
    environ = {**{row.name: "x" for row in VARIABLES if row.flag}, "CODEX_AGENT_SERVER_KEY": "k", "PATH": "/bin"}
    assert without_server(environ) == {"PATH": "/bin"}


@pytest.mark.parametrize("text", ['{"X-Key": 1}', "[]", "Bearer sk-1", '{"a"', "null"])
def test_tool_headers_that_are_none_are_refused_and_not_shown(text: str) -> None:
    with pytest.raises(Unusable, match="MINI_AGENT_TOOL_HTTP_HEADERS has to be an object of JSON") as caught:
        server({"MINI_AGENT_TOOL_HTTP_HEADERS": text})
    assert text not in str(caught.value)


def test_traces_go_where_they_are_told_to() -> None:
    told = server({"MINI_AGENT_STORE_TRACES": "on", "MINI_AGENT_STORE_PATH": "/srv/t.jsonl"})
    assert told.mini.traces == Path("/srv/t.jsonl")


@pytest.mark.parametrize("forgotten", [None, "CODEX_AGENT_STATE"])
def test_no_test_finds_the_state_of_a_server_that_is_in_use(
    forgotten: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if forgotten:
        monkeypatch.delenv(forgotten)
    assert Path(tempfile.gettempdir()) in server().state.parents


@pytest.mark.parametrize("blank", [" ", "\t \n"])
def test_a_key_that_is_set_and_blank_opens_no_server_to_everybody(blank: str) -> None:
    with pytest.raises(Unusable, match="CODEX_AGENT_SERVER_KEY is set and blank"):
        server({"CODEX_AGENT_SERVER_KEY": blank})
    assert server({"CODEX_AGENT_SERVER_KEY": ""}).key == ""


def test_an_address_with_a_password_is_refused_and_not_shown() -> None:
    with pytest.raises(Unusable, match="without a user and a password") as refused:
        server({"CODEX_AGENT_UPSTREAM": "https://user:hunter2@proxy.example/v1"})
    assert "hunter2" not in str(refused.value)
