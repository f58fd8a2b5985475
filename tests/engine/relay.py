"""A relay before a server on a unix socket; it breaks the connection that passes on a phrase, once for each phrase."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Sequence
from pathlib import Path

PIECE_BYTES = 65_536


class Relay:
    """Listens at `path` for what is meant for `server`. Of `phrases` the first is waited for, then the next."""

    def __init__(self, path: Path, server: Path, phrases: Sequence[bytes]) -> None:
        self.path, self._server = path, server
        self.left = list(phrases)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._run(self._accept)

    def close(self) -> None:
        """Takes no more connections."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _run(self, target: object, *arguments: socket.socket) -> None:
        threading.Thread(target=target, args=arguments, daemon=True).start()  # type: ignore[arg-type]

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.socket(socket.AF_UNIX)
                far.connect(str(self._server))
                self._run(self._forward, near, far)
                self._run(self._back, far, near)

    def _forward(self, near: socket.socket, far: socket.socket) -> None:
        with near, far, contextlib.suppress(OSError):
            while piece := near.recv(PIECE_BYTES):
                if self.left and self.left[0] in piece:
                    self.left.pop(0)
                    near.shutdown(socket.SHUT_RDWR)
                    return
                far.sendall(piece)

    def _back(self, far: socket.socket, near: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := far.recv(PIECE_BYTES):
                near.sendall(piece)
