"""What a run is told to have changed, look after look."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

from litellm_codex_agent.agent.workbench import Workbench
from litellm_codex_agent.backends.events import FileChange
from litellm_codex_agent.tools.changes import MAX_PATH_CHARS, Snapshot


def test_all_looks_together_have_room_for_so_many_paths(tmp_path: Path) -> None:
    bench = Workbench(workspace=tmp_path, before=Snapshot.take(tmp_path))
    told: list[FileChange] = []
    for turn in range(3):
        # Told as four letters for each byte: half of the room.
        deep = tmp_path / str(turn) / "/".join(["\udcff" * 250] * 6)
        deep.mkdir(parents=True)
        for number in range(350):
            (deep / f"{number:04}").touch()
        told += asyncio.run(bench.changes())
        shutil.rmtree(tmp_path / str(turn))
    assert told[-1] == FileChange("(and 350 more)") and 650 < len(told) < 710
    assert MAX_PATH_CHARS - 10_000 < sum(len(each.path) for each in told) < MAX_PATH_CHARS + 100


def test_what_was_told_is_told_again_only_where_it_changed_again(tmp_path: Path) -> None:
    bench = Workbench(workspace=tmp_path, before=Snapshot.take(tmp_path))
    looks = []
    for content in ("x", "x", "y"):
        (tmp_path / "a").write_text(content)
        looks.append([(each.path, each.kind) for each in asyncio.run(bench.changes())])
    assert looks == [[("a", "added")], [], [("a", "added")]]
