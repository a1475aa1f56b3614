"""The laws of the house, each a test. A law that can be broken without a red test is a wish."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import litellm_codex_agent

ROOT = Path(litellm_codex_agent.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
MAX_FILE_LINES = 300
MAX_FUNCTION_LINES = 40
MAX_PARAMETERS = 5
MAX_TYPE_IGNORES = 5

SERVER_ROOMS = ("server", "backends", "runs", "agent", "tools", "sandbox", "relay")
# Where each room may reach for LiteLLM: the provider at the top, the demo and the agent's models inside functions.
LITELLM_ROOMS = ("provider",)
LITELLM_INSIDE_FUNCTIONS = ("cli/", "agent/litellm_model.py")
# What the operator has set comes to these as arguments, so a test or another server can set it otherwise.
ROOMS_THAT_ARE_TOLD = ("errors", "wire", "backends", "runs", "sandbox", "tools", "agent", "relay")
# All that the relay knows of the house: it serves any agent, and no backend in particular.
RELAY_KNOWS = ("errors", "wire", "backends.events", "relay")
# But for the agent's own setup, and its call from Python.
READ_SETTINGS = ("agent/setup.py", "agent/call.py", "backends/codex/kit.py")
# Whatever a route raises ends here, and no client hears of it.
SERVER_EDGE = "server/errors.py"
# A program of its own: it gives its command the environment that it was given, and no part of the server's.
STARTED_BEHIND_THE_WALL = "sandbox/launcher/confined.py"
# Reading these installs the provider, and their docstrings say so.
IMPORTS_THAT_ACT = ("litellm_codex_agent.auto",)
PROGRAMS = ("litellm_codex_agent.cli.__main__",)


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def room(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imports(path: Path, *, top_level: bool = False) -> Iterator[str]:
    """The full names of the modules that a file imports."""
    tree = ast.parse(path.read_text())
    package = ["litellm_codex_agent", *path.relative_to(ROOT).parent.parts]
    for node in tree.body if top_level else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            yield from (".".join([*base, *filter(None, [node.module]), alias.name]) for alias in node.names)


def reaches(path: Path, target: str, **kind: bool) -> bool:
    return any(found == target or found.startswith(target + ".") for found in imports(path, **kind))


parametrized = pytest.mark.parametrize("path", FILES, ids=name)


@parametrized
def test_provider_and_server_rooms_never_import_each_other(path: Path) -> None:
    if room(path) == "provider":
        assert not any(reaches(path, f"litellm_codex_agent.{other}") for other in SERVER_ROOMS)
    if room(path) in SERVER_ROOMS:
        assert not reaches(path, "litellm_codex_agent.provider")


@parametrized
def test_the_pure_rooms_import_only_the_standard_library_and_downward(path: Path) -> None:
    below = {"errors": (), "settings": ("errors", "settings"), "wire": ("errors", "wire")}
    if room(path) not in below:
        return
    for found in imports(path):
        top, *rest = found.split(".")
        assert top in sys.stdlib_module_names or (top == "litellm_codex_agent" and rest[0] in below[room(path)])


@parametrized
def test_litellm_is_imported_in_its_rooms_only(path: Path) -> None:
    if room(path) in LITELLM_ROOMS:
        return
    assert not reaches(path, "litellm", top_level=True)
    assert name(path).startswith(LITELLM_INSIDE_FUNCTIONS) or not reaches(path, "litellm")


@parametrized
def test_nobody_imports_the_command_line(path: Path) -> None:
    assert room(path) == "cli" or not reaches(path, "litellm_codex_agent.cli")


@parametrized
def test_the_rooms_below_the_server_know_neither_it_nor_its_settings(path: Path) -> None:
    if room(path) in ROOMS_THAT_ARE_TOLD:
        assert name(path) in READ_SETTINGS or not reaches(path, "litellm_codex_agent.settings")
        assert not reaches(path, "litellm_codex_agent.server")


@parametrized
def test_the_relay_knows_of_backends_only_their_events(path: Path) -> None:
    if room(path) == "relay":
        ours = [found for found in imports(path) if found.startswith("litellm_codex_agent.")]
        known = tuple(f"litellm_codex_agent.{other}." for other in RELAY_KNOWS)
        assert [found for found in ours if not found.startswith(known)] == []


@parametrized
def test_no_private_name_of_litellm_is_imported(path: Path) -> None:
    of_litellm = [found for found in imports(path) if found.split(".")[0] == "litellm"]
    assert not [found for found in of_litellm if any(part.startswith("_") for part in found.split("."))]


@parametrized
def test_only_settings_reads_the_environment(path: Path) -> None:
    if room(path) == "settings" or name(path) == STARTED_BEHIND_THE_WALL:
        return
    used = {f"os.{node.attr}" for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)}
    # A `~` in a path is the variable HOME.
    forbidden = {"os.environ", "os.environb", "os.getenv", "os.expanduser"}
    assert not (used | set(imports(path))) & forbidden


@parametrized
def test_a_file_says_its_law_first_and_stays_small(path: Path) -> None:
    text = path.read_text()
    assert ast.get_docstring(ast.parse(text))
    assert len(text.splitlines()) <= MAX_FILE_LINES


@parametrized
def test_functions_are_short_and_take_few_parameters(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            given = [*node.args.posonlyargs, *node.args.args]
            own = [arg for arg in given if arg.arg not in ("self", "cls")]
            lines = (node.end_lineno or 0) - node.lineno + 1
            assert lines <= MAX_FUNCTION_LINES, f"{node.name} has {lines} lines"
            assert len(own) <= MAX_PARAMETERS, f"{node.name} takes {len(own)} parameters"


@parametrized
def test_no_broad_except_but_one_at_the_servers_edge(path: Path) -> None:
    caught = [node.type for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ExceptHandler)]
    broad = [kind for kind in caught if kind is None or re.search(r"\bException\b", ast.unparse(kind))]
    assert [kind and ast.unparse(kind) for kind in broad] == (["Exception"] if name(path) == SERVER_EDGE else [])


@parametrized
def test_bytes_from_outside_are_never_split_by_iter_lines(path: Path) -> None:
    assert "iter_lines(" not in path.read_text()


def test_type_ignores_are_few_and_give_their_reason() -> None:
    lines = [line for path in FILES for line in path.read_text().splitlines() if "type: ignore" in line]
    assert len(lines) <= MAX_TYPE_IGNORES
    assert all(re.search(r"# type: ignore\[[a-z-]+\]  # \w", line) for line in lines)


def modules() -> list[str]:
    found = [module.name for module in pkgutil.walk_packages([str(ROOT)], "litellm_codex_agent.")]
    return [module for module in found if module not in (*IMPORTS_THAT_ACT, *PROGRAMS)]


@pytest.mark.parametrize("module", modules())
def test_all_is_sorted_and_names_what_is_there(module: str) -> None:
    loaded = importlib.import_module(module)
    public = getattr(loaded, "__all__", [])
    assert public == sorted(public)
    assert all(hasattr(loaded, entry) for entry in public)
