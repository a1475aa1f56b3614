"""What the documentation says is run: its code, its output, its configs, its links, its tables."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from litellm import Router

from litellm_codex_agent import errors, settings
from litellm_codex_agent.provider import identity
from litellm_codex_agent.provider.failures import to_litellm

from . import answers
from .docs_blocks import PAGES, ROOT, Block, assert_reads_as, blocks, exports, headings, links, of_language, rows
from .docs_desk import Desk, plain, with_project
from .endpoint import Endpoint, reply
from .parity.rows import ROWS
from .parity.versions import DIFFERENCES, LACKS
from .provider.routers import acall, router
from .versions.run import VERSIONS

DOCS = ROOT / "docs"
# The mini-agent works on these: their server has a model, scripts, and a project that it may change.
WORKING = (ROOT / "README.md", DOCS / "how-to" / "mini.md")
# LiteLLM's import is most of it, and some import it more than once.
PAGE_SECONDS = 60.0
PAGES_AT_ONCE = 2
BASH_SECONDS = 60.0

BLOCKS = [block for page in PAGES for block in blocks(page)]
PYTHON_PAGES = [page for page in PAGES if of_language(page, "python")]
BASH = [block for page in PAGES for block in of_language(page, "bash") if "codex-agent serve" not in block.text]
YAML = [block for page in PAGES for block in of_language(page, "yaml")]
CHECKED = ("python", "bash", "yaml")

# Runs a page's blocks one after another in one namespace, as a reader would, and tells what each printed.
RUNNER = """
import contextlib, io, json, sys
printed, names = [], {"__name__": "__main__"}
for source, place in json.load(sys.stdin):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(source, place, "exec"), names)
    printed.append(out.getvalue())
print(json.dumps(printed))
"""


def _place(value: Any) -> str:
    return value.place if isinstance(value, Block) else str(value.relative_to(ROOT))


@pytest.fixture(scope="module")
def desks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Path, Desk]]:
    """The desk of each page."""
    with plain(tmp_path_factory.mktemp("state"), _environment()) as usual, with_project(_environment()) as working:
        yield {page: working if page in WORKING else usual for page in PAGES}


def _environment(**more: str) -> dict[str, str]:
    """Built from nothing: what the tester has set is not what a page may depend on."""
    return {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": os.environ.get("HOME", "/"),
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "NO_PROXY": settings.LOOPBACK,
        # `codex-agent` on a page is the one of this tree, whichever tree the environment was made for.
        "PYTHONPATH": str(ROOT),
        **more,
    }


def _exported(page: Path, desk: Desk) -> dict[str, str]:
    # Nor may a page touch what the tester's own server keeps.
    told = {name: desk.here(value) for name, value in exports(page).items()}
    return _environment(**told, CODEX_AGENT_STATE=str(desk.state))


@pytest.fixture(scope="module")
def printed(desks: dict[Path, Desk]) -> dict[Path, dict[str, str]]:
    """What each page's Python blocks print, by the block's place. LiteLLM's import takes most of a page's time."""
    with ThreadPoolExecutor(PAGES_AT_ONCE) as pool:
        return dict(zip(PYTHON_PAGES, pool.map(lambda page: _run(page, desks[page]), PYTHON_PAGES), strict=True))


def _run(page: Path, desk: Desk) -> dict[str, str]:
    found = of_language(page, "python")
    done = subprocess.run(
        [sys.executable, "-c", RUNNER],
        input=json.dumps([(desk.here(block.text), block.place) for block in found]),
        env=_exported(page, desk),
        cwd=desk.folder,
        capture_output=True,
        text=True,
        timeout=PAGE_SECONDS,
    )
    if done.returncode:
        return {"failed": done.stderr}
    return dict(zip((block.place for block in found), json.loads(done.stdout.splitlines()[-1]), strict=True))


def _skip_without_a_wall(page: Path, desk: Desk) -> None:
    if page in WORKING and not desk.wall:
        pytest.skip("no sandbox works here, so no tool of the page's agent does")


@pytest.mark.parametrize("page", PYTHON_PAGES, ids=_place)
def test_the_python_of_a_page_runs_and_prints_what_the_page_says(
    page: Path, printed: dict[Path, dict[str, str]], desks: dict[Path, Desk]
) -> None:
    _skip_without_a_wall(page, desks[page])
    assert printed[page] == {block.place: block.output or "" for block in of_language(page, "python")}


@pytest.mark.parametrize("block", BASH, ids=_place)
def test_the_shell_lines_of_a_page_run_and_print_what_the_page_says(block: Block, desks: dict[Path, Desk]) -> None:
    desk = desks[block.page]
    _skip_without_a_wall(block.page, desk)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", desk.here(block.text)],
        env=_exported(block.page, desk),
        cwd=desk.folder,
        capture_output=True,
        text=True,
        timeout=BASH_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    if block.output is not None:
        assert_reads_as(desk.there(done.stdout), block.output)


@pytest.mark.parametrize("block", YAML, ids=_place)
def test_a_config_names_what_there_is_and_its_models_make_a_router(block: Block) -> None:
    config = yaml.safe_load(block.text)
    named = config.get("litellm_settings", {})
    handlers = [entry["custom_handler"] for entry in named.get("custom_provider_map", ())]
    for name in (*named.get("callbacks", ()), *handlers):
        module, _, attribute = name.rpartition(".")
        assert getattr(import_module(module), attribute) is not None
    assert Router(model_list=config.get("model_list", [])).get_model_names() == [
        entry["model_name"] for entry in config.get("model_list", [])
    ]


def test_the_pages_are_found() -> None:
    assert len(PYTHON_PAGES) >= 4
    assert BASH and YAML
    assert {page.parent.name for page in PAGES} >= {"tutorial", "how-to", "reference", "explanation"}


@pytest.mark.parametrize("block", BLOCKS, ids=_place)
def test_a_block_is_checked_or_says_why_not(block: Block) -> None:
    assert block.language in CHECKED or block.is_output or block.unrun


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md"], ids=_place)
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in headings(target), link


def test_the_page_of_settings_has_every_variable_and_no_other() -> None:
    table = rows(DOCS / "reference" / "settings.md", under="Variables")
    assert table == [
        (_code(*row.name.split(", ")), _code(row.flag), row.default, row.meaning) for row in settings.VARIABLES
    ]


def _code(*words: str) -> str:
    return ", ".join(f"`{word}`" for word in words if word)


def test_the_page_of_identity_has_every_header_and_no_other() -> None:
    headers = (
        identity.IDEMPOTENCY_KEY,
        identity.ATTEMPT,
        identity.RETRIES_LEFT,
        identity.SESSION,
        identity.TENANT,
        identity.TRACE,
    )
    table = rows(DOCS / "reference" / "identity.md", under="Headers")
    assert [row[0].strip("`").lower() for row in table] == list(headers)


def test_the_page_of_parity_has_every_row_and_its_difference() -> None:
    table = rows(DOCS / "reference" / "parity.md", under="Rows")
    assert table == [(f"`{row.name}`", row.differs or "the same") for row in ROWS]


def test_the_page_of_parity_names_what_differs_on_other_versions() -> None:
    table = rows(DOCS / "reference" / "parity.md", under="On other versions")
    assert table == [(f"`{it.row}`", it.mode, it.versions, it.why) for it in DIFFERENCES]


def test_the_page_of_parity_names_what_an_older_litellm_does_not_do() -> None:
    table = rows(DOCS / "reference" / "parity.md", under="What an older LiteLLM does not do")
    assert table == [(what, lack.versions, lack.why) for what, lack in LACKS.items()]


def test_the_readme_names_the_versions_that_are_run() -> None:
    assert f"{', '.join(VERSIONS[:-1])} and {VERSIONS[-1]}" in (ROOT / "README.md").read_text()


def test_the_page_of_parity_names_the_versions_that_are_run() -> None:
    assert f"{', '.join(VERSIONS[:-1])} and {VERSIONS[-1]}" in (DOCS / "reference" / "parity.md").read_text()


OURS = rows(DOCS / "reference" / "errors.md", under="Errors of the provider")
STATUSES = rows(DOCS / "reference" / "errors.md", under="Refusals by status")


def _told(error: errors.AgentError, *, in_stream: bool = False) -> str:
    raised = to_litellm(error, {"model": "mini"}, in_stream=in_stream)
    return f"`{type(raised).__name__}`"


def _refused(status: int, code: str = "") -> errors.Refused:
    return errors.Refused(errors.Refusal("no", code=code), status=status)


@pytest.mark.parametrize("row", OURS, ids=lambda row: row[0])
def test_the_page_of_errors_says_what_an_error_of_ours_becomes(row: tuple[str, ...]) -> None:
    name, _, raised, status, in_stream = row
    error = getattr(errors, name.strip("`"))("no")
    assert (raised, status, in_stream) == (_told(error), str(error.status), _told(error, in_stream=True))


def test_the_page_of_errors_has_every_error_of_ours() -> None:
    named = {row[0].strip("`") for row in OURS} | {"Refused"}
    assert named == {kind.__name__ for kind in errors.AgentError.__subclasses__()}


@pytest.mark.parametrize("row", STATUSES, ids=lambda row: row[0])
def test_the_page_of_errors_says_what_a_status_becomes(row: tuple[str, ...]) -> None:
    refused = _refused(int(row[0][:3]), row[0][3:].strip(" `"))
    assert row[1] == _told(refused)


@pytest.mark.parametrize("row", STATUSES, ids=lambda row: row[0])
def test_the_page_of_errors_says_what_the_router_tries_again(endpoint: Endpoint, row: tuple[str, ...]) -> None:
    alone, beside_another = _asked(endpoint)[row[0]]
    tried = "yes" if alone > 1 else "in another deployment" if beside_another > 1 else "no"
    assert row[2] == tried


@cache
def _asked(endpoint: Endpoint) -> dict[str, tuple[int, int]]:
    """How often a Router asks, with one deployment and with two. All at once, for LiteLLM waits before it retries."""

    async def count(case: str, deployments: int) -> int:
        body = answers.error("no", code=case[3:].strip(" `") or None)
        lane = endpoint.lane(reply(body, status=int(case[:3])))
        agents = router(*[lane.base] * deployments, num_retries=1)
        with pytest.raises(Exception, match="no"):
            await acall(agents, "acompletion")
        return len(lane.asked)

    async def every() -> list[tuple[int, int]]:
        return await asyncio.gather(*(asyncio.gather(count(row[0], 1), count(row[0], 2)) for row in STATUSES))

    return dict(zip((row[0] for row in STATUSES), map(tuple, asyncio.run(every())), strict=True))
