"""A relay before a server, which breaks the connection that passes on a phrase: once for each phrase."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

PIECE_BYTES = 65_536


class Relay:
    """Passes what comes in at `listener` on to the server that `connect` reaches, and the answers back.

    Of `phrases` the first is waited for, then the next. What it is part of does not reach the server, nor does that
    hear of the end; or, if the relay is `deaf`, it does, and the answer is lost.
    """

    def __init__(
        self,
        listener: socket.socket,
        connect: Callable[[], socket.socket],
        phrases: Sequence[bytes],
        deaf: bool = False,
    ) -> None:
        self.left = list(phrases)
        self._listener, self._connect, self._deaf = listener, connect, deaf
        listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Takes no more connections."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = self._connect()
                broken = threading.Event()
                threading.Thread(target=self._forward, args=(near, far, broken), daemon=True).start()
                threading.Thread(target=self._back, args=(far, near, broken), daemon=True).start()

    def _forward(self, near: socket.socket, far: socket.socket, broken: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while piece := near.recv(PIECE_BYTES):
                if self.left and self.left[0] in piece:
                    self.left.pop(0)
                    broken.set()
                    if not self._deaf:
                        near.shutdown(socket.SHUT_RDWR)
                        return
                far.sendall(piece)
            far.shutdown(socket.SHUT_RDWR)

    def _back(self, far: socket.socket, near: socket.socket, broken: threading.Event) -> None:
        with near, far, contextlib.suppress(OSError):
            while (piece := far.recv(PIECE_BYTES)) and not broken.is_set():
                near.sendall(piece)
            near.shutdown(socket.SHUT_RDWR)


def unix_relay(path: Path, server: Path, phrases: Sequence[bytes]) -> Relay:
    """Listens on a unix socket, for a server on another."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))

    def connect() -> socket.socket:
        far = socket.socket(socket.AF_UNIX)
        far.connect(str(server))
        return far

    return Relay(listener, connect, phrases)


def port_relay(server: int, phrases: Sequence[bytes], deaf: bool) -> tuple[Relay, int]:
    """Listens on a free loopback port, for a server on another; the relay and its port."""
    listener = socket.create_server(("127.0.0.1", 0))
    relay = Relay(listener, lambda: socket.create_connection(("127.0.0.1", server)), phrases, deaf)
    return relay, listener.getsockname()[1]
