"""Two proxies a session, one for each way to register, started at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from .. import endpoint as scripted
from . import models
from .proxy import Proxy, running
