"""The YAML language server, which VS Code and most other editors use, spoken to as an editor does."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from time import monotonic
from typing import Any

_PATIENCE = 60.0


class LanguageServer:
    """One server, told of one schema for every file.

    Args:
        program: The server's own.
        settings: What an editor is configured to, under `yaml`.
    """

    def __init__(self, program: str, root: Path, settings: dict[str, Any]) -> None:
        self._settings = settings
        self._process = subprocess.Popen(
            [program, "--stdio"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._messages: Queue[dict[str, Any]] = Queue()
        self._number = 0
        Thread(target=self._listen, daemon=True).start()
        folder = {"uri": root.as_uri(), "name": "root"}
        capabilities = {"workspace": {"configuration": True, "workspaceFolders": True}}
        self.ask(
            "initialize",
            {
                "processId": os.getpid(),
                "rootUri": root.as_uri(),
                "capabilities": capabilities,
                "workspaceFolders": [folder],
            },
        )
        self._tell("initialized", {})
        self._tell("workspace/didChangeConfiguration", {"settings": {"yaml": settings}})

    def problems(self, file: Path, text: str) -> list[tuple[int, int, str]]:
        """What the server says of a text: lines and columns, counted from 1, and messages."""
        uri = file.as_uri()
        opened = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
        self._tell("textDocument/didOpen", {"textDocument": opened})
        found = self._until(
            lambda one: one.get("method") == "textDocument/publishDiagnostics" and one["params"]["uri"] == uri
        )
        self._tell("textDocument/didClose", {"textDocument": {"uri": uri}})
        self._until(lambda one: one.get("method") == "textDocument/publishDiagnostics" and one["params"]["uri"] == uri)
        starts = ((one["range"]["start"], one["message"]) for one in found["params"]["diagnostics"])
        return [(start["line"] + 1, start["character"] + 1, message) for start, message in starts]

    def ask(self, method: str, params: dict[str, Any]) -> Any:
        """The server's answer to a request."""
        self._number += 1
        number = self._number
        self._send({"id": number, "method": method, "params": params})
        return self._until(lambda one: one.get("id") == number and "method" not in one)["result"]

    def close(self) -> None:
        """End the server."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def _tell(self, method: str, params: dict[str, Any]) -> None:
        self._send({"method": method, "params": params})

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._process.stdin.flush()

    def _listen(self) -> None:
        stream = self._process.stdout
        assert stream is not None
        while header := stream.readline():
            if header.lower().startswith(b"content-length:"):
                while stream.readline().strip():
                    pass
                self._messages.put(json.loads(stream.read(int(header.partition(b":")[2]))))

    def _until(self, wanted: Any) -> dict[str, Any]:
        """The next message of a kind, the server's own questions on the way answered."""
        end = monotonic() + _PATIENCE
        while True:
            try:
                message = self._messages.get(timeout=max(0.0, end - monotonic()))
            except Empty:
                raise AssertionError("the language server does not answer") from None
            if "method" in message and "id" in message:
                items = message["params"].get("items", []) if message["method"] == "workspace/configuration" else None
                given = [self._settings if one.get("section") == "yaml" else None for one in items or []]
                self._send({"id": message["id"], "result": given if items is not None else None})
            elif wanted(message):
                return message
