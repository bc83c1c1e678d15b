"""A server that starts at once and keeps nothing, in the place of a slow one where tests are about its hooks."""

from __future__ import annotations

import sys
from pathlib import Path

_SERVE = """
import socket, sys
for file in sys.argv[2:3]:
    open(file, "a").close()
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    with server.accept()[0] as client:
        client.recv(1000)
        client.sendall(b"HTTP/1.0 200 so\\r\\n\\r\\n")
"""


def quick(port: int, makes: Path | None = None, words: list[str] | None = None) -> list[str]:
    """Its command; it answers every request with 200.

    Args:
        makes: A file that it makes before it serves.
        words: More arguments, which it pays no heed to.
    """
    return [sys.executable, "-I", "-S", "-c", _SERVE, str(port), str(makes or "/dev/null"), *(words or ())]
