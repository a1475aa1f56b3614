"""The leaderboard's conversations through `/agent/run`: a scripted model that answers right, on a real server.

A turn is a run, with all that was said before; what the model is shown, what the tools heard and how they stand at the
end are the right answer's.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from litellm_codex_agent.tools.source import MAX_TOLD_BYTES, cut

from ..cli.serving import serving
from ..soak import size
from .conversations import CATEGORIES, Asked, Conversation, conversations, installed
from .standing import PATIENCE, Classes, classes, prefix
from .world import expected

pytestmark = pytest.mark.skipif(not installed(), reason="bfcl-eval is not installed; `make test-bfcl` brings it")
# The longest turn of all has 34 calls.
MOST = "40"
LAST = "That is done."
# Its right answer closes a ticket by a text, where the leaderboard's own document of that tool asks for a whole number:
# mini sends no call that does not fit its tool's schema, and says so to the model.
AGAINST_ITS_SCHEMA = "_173"


@dataclass(frozen=True)
class Stand:
    """A server, the scripts that it plays, and the classes behind its tools."""

    url: str
    scripts: Path
    classes: Classes

    def run(self, turn: Sequence[Asked], kind: str, world: str, messages: list[Any]) -> dict[str, Any]:
        """The envelope of one turn's run."""
        calls = [{"tool_calls": [{"name": prefix(kind) + each.name, "arguments": each.arguments}]} for each in turn]
        lines = [json.dumps(line) for line in (*calls, {"text": LAST})]
        (self.scripts / "turn.jsonl").write_text("\n".join(lines) + "\n")
        fields = {"model": "script/turn", "messages": messages, **self.classes.fields(kind, world)}
        content = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.url}/agent/run", json.dumps(fields).encode(), content)
        with urllib.request.urlopen(request, timeout=PATIENCE) as reply:
            envelope: dict[str, Any] = json.load(reply)
        return envelope


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    scripts = tmp_path_factory.mktemp("scripts")
    with classes() as found:
        variables = {
            "CODEX_AGENT_SCRIPTS": str(scripts),
            "CODEX_AGENT_TOOL_ORIGINS": found.url,
            "CODEX_AGENT_MAX_ITERATIONS": MOST,
        }
        with serving(tmp_path_factory.mktemp("state"), **variables) as url:
            yield Stand(url, scripts, found)


def played(stand: Stand, kind: str, conversation: Conversation, world: str) -> list[list[str]]:
    """What the model was shown of each turn's calls."""
    messages: list[Any] = []
    shown: list[list[str]] = []
    for number, turn in enumerate(conversation.turns):
        # Where the leaderboard asks nothing, it brings along a function that was missing.
        asked = conversation.questions[number] or [{"role": "user", "content": "It is there now."}]
        messages = [*messages, *asked]
        envelope = stand.run(turn, kind, world, messages)
        assert (envelope["ok"], envelope["stopped_reason"], envelope["final_answer"]) == (True, "success", LAST)
        assert envelope["metrics"]["tool_calls"] == len(turn)
        told = [message for message in envelope["messages"][len(messages) :] if message["role"] == "tool"]
        shown.append([message["content"] for message in told])
        messages.append({"role": "assistant", "content": LAST})
    return shown


def said(content: str) -> str:
    result = json.loads(content)
    error: str = result.get("error", "")
    return error if error.startswith("Error during execution") else result["stdout"]


@pytest.mark.parametrize("category", CATEGORIES)
@pytest.mark.parametrize("kind", ["http", "mcp"])
def test_a_conversation_leaves_the_state_of_the_right_answer(stand: Stand, kind: str, category: str) -> None:
    sound = (each for each in conversations(category) if not each.id.endswith(AGAINST_ITS_SCHEMA))
    for conversation in islice(sound, size(13, 200)):
        world = f"run-{kind}~{conversation.id}"
        shown = played(stand, kind, conversation, world)
        right, state = expected(conversation, f"run_{kind}_{category}")
        found = stand.classes.state(world)
        assert found == {"state": state, "said": [text for turn in right for text in turn]}, conversation.id
        told = [[cut(text, MAX_TOLD_BYTES) for text in turn] for turn in right]
        assert [[said(content) for content in turn] for turn in shown] == told, conversation.id


def test_a_right_answer_that_does_not_fit_its_schema_is_told_to_the_model_and_not_sent(stand: Stand) -> None:
    (odd,) = (each for each in conversations("base") if each.id.endswith(AGAINST_ITS_SCHEMA))
    envelope = stand.run(odd.turns[-1], "http", f"odd~{odd.id}", [{"role": "user", "content": "Close it."}])
    (told,) = (json.loads(each["content"]) for each in envelope["messages"] if each["role"] == "tool")
    assert told["rc"] != 0 and "ticket_id" in told["error"]
    assert stand.classes.state(f"odd~{odd.id}")["said"] == []
