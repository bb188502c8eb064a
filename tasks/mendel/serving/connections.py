"""How many connections there may be. Where one is too many, the one that is missed least is cut off, never the newest.

A caller that has yet to show its key is a stranger like any other, so strangers are not turned away: they push out each
other, the oldest first, and whoever speaks at once is answered before its turn to go.
"""

from __future__ import annotations

from itertools import chain
from typing import Protocol


class Connection(Protocol):
    @property
    def busy(self) -> bool:
        """A request is being answered."""

    def cut_off(self) -> None: ...


class Connections:
    """Those that are open, the oldest first."""

    def __init__(self, most: int, strangers: int) -> None:
        """`strangers`: at most of those on which no request has been admitted."""
        self._most = most
        self._most_strangers = strangers
        self._strangers: dict[Connection, None] = {}
        self._callers: dict[Connection, None] = {}

    def opened(self, connection: Connection) -> None:
        self._strangers[connection] = None
        if len(self._strangers) > self._most_strangers or len(self._strangers) + len(self._callers) > self._most:
            others = (other for other in self._strangers if other is not connection)
            idle = (connection for connection in self._callers if not connection.busy)
            spare = next(chain(others, idle), connection)
            self.closed(spare)
            spare.cut_off()

    def admitted(self, connection: Connection) -> None:
        """A request on it was one of a caller who may ask."""
        if connection in self._strangers:
            del self._strangers[connection]
            self._callers[connection] = None

    def closed(self, connection: Connection) -> None:
        self._strangers.pop(connection, None)
        self._callers.pop(connection, None)
