"""The schemas of what chats and runs have in common: messages, tools, an answer's format, session, workspace.

Law: what a field is, is checked here; what it may say is for the backend. Messages are open beside the fields
that are read, since clients send back what an assistant's message had, whichever model wrote it.
"""

from __future__ import annotations

from .schema import Schema
from .shapes import FLAG, NAME, OPEN, TEXT, having, list_of, one_of, optional, told_apart

__all__ = [
    "CONTENT",
    "FUNCTION",
    "MESSAGES",
    "MODEL",
    "RESPONSE_FORMAT",
    "SESSION_ID",
    "TOOLS",
    "TOOL_CHOICE",
    "WORKSPACE",
]

# Enough for any name; it comes back in replies and in errors.
MODEL: Schema = {"type": "string", "minLength": 1, "maxLength": 256}
# As much as the header holds that may say it instead.
SESSION_ID: Schema = {"type": "string", "minLength": 1, "maxLength": 512}
WORKSPACE: Schema = {"anyOf": [NAME, OPEN]}

_IMAGE: Schema = {"anyOf": [NAME, having({"url": NAME, "detail": optional(TEXT)}, "url")]}
# OpenAI's, and those that LiteLLM sends to an OpenAI endpoint: documents, videos and thinking blocks.
_PART = told_apart(
    "type",
    having({"type": one_of("text"), "text": TEXT}, "type", "text"),
    having({"type": one_of("refusal"), "refusal": TEXT}, "type", "refusal"),
    having({"type": one_of("image_url"), "image_url": _IMAGE}, "type", "image_url"),
    having({"type": one_of("input_audio"), "input_audio": OPEN}, "type", "input_audio"),
    having({"type": one_of("file"), "file": OPEN}, "type", "file"),
    having({"type": one_of("document", "redacted_thinking", "thinking", "video_url")}, "type"),
)
CONTENT: Schema = {"anyOf": [TEXT, list_of(_PART)]}

_CALLED = having({"name": NAME, "arguments": TEXT}, "name", "arguments")
_TOOL_CALL = told_apart(
    "type",
    having({"type": one_of("function"), "id": NAME, "function": _CALLED}, "type", "id", "function"),
    having(
        {"type": one_of("custom"), "id": NAME, "custom": having({"name": NAME, "input": TEXT}, "name", "input")},
        "type",
        "id",
        "custom",
    ),
)
_ASSISTANT = having(
    {
        "role": one_of("assistant"),
        "content": optional(CONTENT),
        "refusal": optional(TEXT),
        "name": optional(TEXT),
        "reasoning_content": optional(TEXT),
        "tool_calls": optional(list_of(_TOOL_CALL)),
        "function_call": optional(_CALLED),
        "audio": optional(OPEN),
    },
    "role",
)
MESSAGES: Schema = {
    "type": "array",
    "minItems": 1,
    "items": told_apart(
        "role",
        having(
            {"role": one_of("system", "developer", "user"), "content": CONTENT, "name": optional(TEXT)},
            "role",
            "content",
        ),
        _ASSISTANT,
        having({"role": one_of("tool"), "content": CONTENT, "tool_call_id": NAME}, "role", "content", "tool_call_id"),
        having({"role": one_of("function"), "content": optional(CONTENT), "name": NAME}, "role", "content", "name"),
    ),
}

FUNCTION = having(
    {"name": NAME, "description": optional(TEXT), "parameters": optional(OPEN), "strict": optional(FLAG)}, "name"
)
_CUSTOM = having({"name": NAME, "description": optional(TEXT), "format": optional(OPEN)}, "name")
TOOLS = list_of(
    told_apart(
        "type",
        having({"type": one_of("function"), "function": FUNCTION}, "type", "function"),
        having({"type": one_of("custom"), "custom": _CUSTOM}, "type", "custom"),
    )
)
_NAMED = having({"name": NAME}, "name")
TOOL_CHOICE = told_apart(
    "type",
    one_of("none", "auto", "required"),
    having({"type": one_of("function"), "function": _NAMED}, "type", "function"),
    having({"type": one_of("custom"), "custom": _NAMED}, "type", "custom"),
    having({"type": one_of("allowed_tools"), "allowed_tools": OPEN}, "type", "allowed_tools"),
)
_JSON_SCHEMA = having(
    {"name": NAME, "description": optional(TEXT), "schema": optional(OPEN), "strict": optional(FLAG)}, "name"
)
RESPONSE_FORMAT = told_apart(
    "type",
    having({"type": one_of("text")}, "type"),
    having({"type": one_of("json_object")}, "type"),
    having({"type": one_of("json_schema"), "json_schema": _JSON_SCHEMA}, "type", "json_schema"),
)
