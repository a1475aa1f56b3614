"""What a proxy books for each call, a line of JSON each: its operator's spend, seen from inside the proxy.

Copied beside a proxy's config.yaml and named there; the proxy, not the tests, imports it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from litellm.integrations.custom_logger import CustomLogger

__all__ = ["FILE", "recorder"]

FILE = "ledger.jsonl"


class _Recorder(CustomLogger):
    """Called by LiteLLM once for each answered call."""

    async def async_log_success_event(
        self, kwargs: dict[str, Any], response_obj: Any, start_time: Any, end_time: Any
    ) -> None:
        booked = kwargs["standard_logging_object"]
        entry = {
            name: booked[name]
            for name in ("model_group", "call_type", "response_cost", "prompt_tokens", "completion_tokens")
        }
        with Path(__file__).with_name(FILE).open("a") as ledger:
            ledger.write(json.dumps(entry) + "\n")


recorder = _Recorder()
