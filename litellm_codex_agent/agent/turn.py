"""One question to a model, told as it is answered: thoughts at once, text once it is clear that it is the answer.

Law: a model that hangs is cut at the turn's time, whatever it does with the cancel.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from ..backends.events import Text, Thought
from ..backends.held import HOLD_CHARS, Held
from ..errors import AgentError
from .model import Asked, Model, Mused, Piece, Reply
from .telling import Tell

__all__ = ["Turn"]

# So begins a call that is written as text, or a block of code: it is read whole before it is told.
_READ_WHOLE = ("{", "```")
# A cancelled request closes its connection at once; beyond this its model is left to itself.
_CLOSE_SECONDS = 2.0


class Turn:
    """`reply` is there once the model has answered whole, `failure` where it could not, `late` where time ran out.

    `hold` is how many letters of text are kept until the reply is whole; None keeps all.
    """

    def __init__(self, *, hold: int | None = HOLD_CHARS) -> None:
        self.reply: Reply | None = None
        self.failure: AgentError | None = None
        self.late = False
        self._said = Held(hold, read_whole=_READ_WHOLE)

    @property
    def told(self) -> bool:
        """Whether some of the text was told."""
        return self._said.told

    @property
    def held(self) -> str:
        """What of the text was not told: whoever reads the reply decides what it is."""
        return self._said.text

    async def ask(self, model: Model, asked: Asked, seconds: float, tell: Tell) -> None:
        """Ask, and tell what can be told. It may be asked again where it failed before it told any text."""
        self.failure = None
        self._said.take()
        heard: asyncio.Queue[Piece | None] = asyncio.Queue()
        listening = asyncio.ensure_future(self._listen(model.ask(asked), heard))
        alarm = asyncio.get_running_loop().call_later(max(seconds, 0.0), self._time_is_up, listening, heard)
        try:
            while (piece := await heard.get()) is not None:
                await self._hear(piece, tell)
        finally:
            alarm.cancel()
            listening.cancel()
            await asyncio.wait({listening}, timeout=_CLOSE_SECONDS)
        if not self.late and not listening.cancelled() and (error := listening.exception()) is not None:
            raise error

    async def _listen(self, pieces: AsyncGenerator[Piece, None], heard: asyncio.Queue[Piece | None]) -> None:
        try:
            async with aclosing(pieces):
                async for piece in pieces:
                    heard.put_nowait(piece)
        except AgentError as error:
            self.failure = error
        finally:
            heard.put_nowait(None)

    def _time_is_up(self, listening: asyncio.Future[None], heard: asyncio.Queue[Piece | None]) -> None:
        if not listening.done():
            self.late = True
            listening.cancel()
            heard.put_nowait(None)

    async def _hear(self, piece: Piece, tell: Tell) -> None:
        if isinstance(piece, Reply):
            self.reply = piece
        elif isinstance(piece, Mused):
            if piece.text:
                await tell(Thought(piece.text))
        elif text := self._said.hear(piece.text):
            await tell(Text(text))
