"""Serves ASGI apps on loopback ports that stay the same over restarts, and can cut a connection like a bad network."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from typing import Any, ClassVar

import uvicorn
from starlette.types import ASGIApp, Scope
from uvicorn.protocols.http.h11_impl import H11Protocol


class CuttableProtocol(H11Protocol):
    """HTTP/1.1 whose connections can be found, and cut, by the address of the peer."""

    peers: ClassVar[dict[tuple[int, str, int], asyncio.Transport]] = {}

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.peers[_peer(transport)] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self.peers.pop(_peer(self.transport), None)
        super().connection_lost(exc)


def cut(scope: Scope) -> None:
    """Close the connection of a request at once, without an answer."""
    peer = (scope["server"][1], scope["client"][0], scope["client"][1])
    if transport := CuttableProtocol.peers.get(peer):
        transport.abort()


def _peer(transport: Any) -> tuple[int, str, int]:
    peer = transport.get_extra_info("peername") or ("", 0)
    return (transport.get_extra_info("sockname")[1], peer[0], peer[1])


def bind(host: str, wanted: int | None) -> socket.socket:
    """Return a listening socket on the wanted port, or on a free one where that is taken."""
    for port in (wanted, 0) if wanted else (0,):
        # asyncio switches Nagle's algorithm off (40 ms an answer) only where the protocol is named.
        made = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            made.bind((host, port))
        except OSError:
            made.close()
            continue
        made.listen(128)
        made.setblocking(False)
        return made
    raise OSError(f"no port of {host} can be listened on")


class Server(uvicorn.Server):
    """One app on one socket; several run in one process."""

    def __init__(self, app: ASGIApp, listening: socket.socket) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=CuttableProtocol,
                lifespan="off",
                log_config=None,
                log_level="critical",  # an answer that is cut on purpose is no error of ours
                access_log=False,
                timeout_keep_alive=30,
                timeout_graceful_shutdown=2,
                server_header=False,
            )
        )
        self._listening = listening
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    async def run_here(self) -> None:
        await self.serve(sockets=[self._listening])

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the process; with several servers each would swallow them."""
        yield
