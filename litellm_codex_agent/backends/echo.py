"""`echo`: answers with the last thing a user said. No model, no network; a word is a token."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Any

from .events import Chat, Done, Event, Text, Thought

__all__ = ["echo"]


async def echo(chat: Chat) -> AsyncGenerator[Event, None]:
    """One thought, then the words one by one."""
    words = _said(chat.messages).split()
    yield Thought(f"Repeating {len(words)} words.")
    for number, word in enumerate(words):
        yield Text(f" {word}" if number else word)
    yield Done(
        prompt_tokens=sum(len(_text(message).split()) for message in chat.messages), completion_tokens=len(words)
    )


def _said(messages: Sequence[dict[str, Any]]) -> str:
    return next((_text(message) for message in reversed(messages) if message.get("role") == "user"), "")


def _text(message: dict[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return " ".join(part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str))
