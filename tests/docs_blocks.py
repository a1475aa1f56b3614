"""The fenced code blocks and the links of the documentation, as written."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Block", "PAGES", "ROOT", "assert_reads_as", "blocks", "exports", "headings", "links", "of_language", "rows"]

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_MARK = re.compile(r"<!-- not run: (.+?) -->\n\Z")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_EXPORT = re.compile(r"^export (\w+)=(\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """One fenced block: what it says, the reason not to run it, and the output that the page promises for it."""

    page: Path
    line: int
    language: str
    text: str
    unrun: str = ""
    output: str | None = None
    is_output: bool = False

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(page: Path) -> list[Block]:
    """The blocks of a page. The first `text` block after a `python` or `bash` block, prose between, is its output."""
    text = page.read_text()
    found: list[Block] = []
    for match in _FENCE.finditer(text):
        language, body = match.groups()
        line = text.count("\n", 0, match.start()) + 1
        mark = _MARK.search(text, 0, match.start())
        is_output = language == "text" and mark is None and bool(found) and found[-1].language in ("python", "bash")
        if is_output:
            found[-1] = _with_output(found[-1], body)
        found.append(Block(page, line, language, body, mark.group(1) if mark else "", is_output=is_output))
    return found


def _with_output(block: Block, output: str) -> Block:
    return Block(block.page, block.line, block.language, block.text, block.unrun, output)


def of_language(page: Path, language: str) -> list[Block]:
    """The blocks in `language` that are to be run."""
    return [block for block in blocks(page) if block.language == language and not block.unrun]


def exports(page: Path) -> dict[str, str]:
    """The variables that the page tells its reader to export."""
    text = "".join(block.text for block in blocks(page) if block.language == "bash")
    return dict(_EXPORT.findall(text))


def links(page: Path) -> list[str]:
    """Where the page's links lead inside the repository."""
    prose = _FENCE.sub("", page.read_text())
    return [link for link in _LINK.findall(prose) if not link.startswith(("http://", "https://"))]


def headings(page: Path) -> set[str]:
    """The anchors of a page, as GitHub makes them."""
    prose = _FENCE.sub("", page.read_text())
    titles = re.findall(r"^#+ (.+)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title).strip().lower().replace(" ", "-") for title in titles}


def rows(page: Path, *, under: str) -> list[tuple[str, ...]]:
    """The cells of the table under a heading, without its head."""
    part = page.read_text().partition(f"\n## {under}\n")[2].partition("\n## ")[0]
    lines = [line for line in part.splitlines() if line.startswith("|")]
    return [tuple(cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]) for line in lines[2:]]


def assert_reads_as(printed: str, output: str) -> None:
    """`output` as a page shows it; `…` stands for what differs from run to run, within a line."""
    pattern = re.escape(output.strip()).replace("…", ".+")
    assert re.fullmatch(pattern, printed.strip()), printed
