"""`python -m litellm_codex_agent.cli`: the same program, where the console script is not on PATH."""

from __future__ import annotations

import sys

from .main import main

sys.exit(main())
