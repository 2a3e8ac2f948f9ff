"""How web processes on one socket share its connections out: who has fewer takes the next one sooner.

Left to themselves the first to wake takes them all, and one core does the work of two.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from functools import partial
from typing import Any, cast

import uvicorn

log = logging.getLogger("onemap.serve")

WAIT_S = 0.002
"""How long a process leaves a connection to the others, for each that it has itself."""
LONGEST_WAIT_S = 0.01
OUT_OF_MEANS_S = 1.0
"""How long a process without a free file waits before it tries again."""
PORTION = 8
"""A process takes one connection at a time, and one more for each so many that it has."""


class FairServer(uvicorn.Server):
    """A server that leaves new connections for a moment to processes with fewer of them."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start as any server of uvicorn, with connections taken by this class."""
        await super().startup(sockets=[])
        self._coming: set[asyncio.Task[Any]] = set()
        self._listeners = sockets or []
        for listener in self._listeners:
            listener.listen(self.config.backlog)
            listener.setblocking(False)
            self._look(listener)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more connections, then stop as any server."""
        loop = asyncio.get_running_loop()
        for listener in self._listeners:
            loop.remove_reader(listener)
        self._listeners = []
        await super().shutdown(sockets=sockets)

    def _look(self, listener: socket.socket) -> None:
        if listener in self._listeners:
            asyncio.get_running_loop().add_reader(listener, self._wait, listener)

    @property
    def _count(self) -> int:
        return len(self._coming) + len(self.server_state.connections)

    def _wait(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        loop.remove_reader(listener)
        loop.call_later(min(WAIT_S * self._count, LONGEST_WAIT_S), self._take, listener)

    def _take(self, listener: socket.socket) -> None:
        if listener not in self._listeners:
            return
        wait_s = 0.0
        try:
            for _ in range(1 + self._count // PORTION):
                self._connect(listener.accept()[0])
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            pass  # another process was quicker, or the other side is gone
        except OSError as error:
            log.error("no connection can be taken (%s); asking again in a second", error.strerror)
            wait_s = OUT_OF_MEANS_S
        asyncio.get_running_loop().call_later(wait_s, self._look, listener)

    def _connect(self, accepted: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        protocol: Callable[[], asyncio.Protocol] = partial(
            cast("Callable[..., asyncio.Protocol]", self.config.http_protocol_class),
            config=self.config,
            server_state=self.server_state,
            app_state=self.lifespan.state,
        )
        task = loop.create_task(loop.connect_accepted_socket(protocol, accepted))
        self._coming.add(task)
        task.add_done_callback(self._connected)

    def _connected(self, task: asyncio.Task[Any]) -> None:
        self._coming.discard(task)
        # A connection that broke before it was made is nobody's error.
        task.cancelled() or task.exception()
