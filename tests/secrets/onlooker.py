"""Who looks at the processes of this machine while a command runs, as any other user may: at /proc.

A program that a command starts is made to wait before it says what it has to say, until somebody has looked.
"""

from __future__ import annotations

import os
import shlex
import shutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.secrets.canary import traces

_WAITING = """\
#!/bin/sh
{real} "$@" >{folder}/said.$$ 2>&2
code=$?
echo $$ >{folder}/told
read -r _ <{folder}/go
cat {folder}/said.$$
exit $code
"""


@dataclass(frozen=True)
class Seen:
    """A process in which a secret was seen, or which waits.

    Attributes:
        command: Its arguments, in one line.
        secrets: What was seen, to where that was: `cmdline`, `environ`.
        limits: What the system grants it.
        waits: Whether it waits to be looked at.
    """

    pid: int
    command: str
    secrets: Mapping[str, list[str]]
    limits: str
    waits: bool


class Onlooker:
    """Somebody who looks whenever a process waits for it.

    Args:
        folder: An empty one, for programs that wait.
    """

    def __init__(self, folder: Path, secrets: list[str]) -> None:
        self.folder = folder
        self.seen: list[Seen] = []
        self._secrets = secrets
        folder.mkdir()
        for name in ("told", "go"):
            os.mkfifo(folder / name)
        # Opened for both, so that neither end ever waits for the other one to be there.
        self._told, self._go = (os.open(folder / name, os.O_RDWR) for name in ("told", "go"))

    def stand_before(self, program: str) -> None:
        """Have a program wait, where the folder is first in PATH: after its work, before it says anything."""
        real = shutil.which(program)
        assert real is not None, program
        script = self.folder / program
        script.write_text(_WAITING.format(real=shlex.quote(real), folder=shlex.quote(str(self.folder))))
        script.chmod(0o700)

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Look at what waits until the context is left."""
        watch = threading.Thread(target=self._watch)
        watch.start()
        try:
            yield
        finally:
            os.write(self._told, b"end\n")
            watch.join()
            os.close(self._told)
            os.close(self._go)

    def _watch(self) -> None:
        while b"end" not in (waiting := os.read(self._told, 4096).split()):
            self.seen += look(self._secrets, set(map(int, waiting)))
            os.write(self._go, b"go\n" * len(waiting))

    @property
    def waited(self) -> list[Seen]:
        """The processes that waited and were looked at."""
        return [one for one in self.seen if one.waits]

    def told(self, where: str) -> list[Seen]:
        """The processes of which a part, `cmdline` or `environ`, holds a secret."""
        return [one for one in self.seen if any(where in places for places in one.secrets.values())]


def look(secrets: list[str], waiting: set[int]) -> list[Seen]:
    """Every process of this machine that waits, or in which a secret can be seen."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            data = {name: (folder / name).read_bytes() for name in ("cmdline", "environ", "limits")}
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue  # it has ended, or is another user's
        places = {secret: [name for name in ("cmdline", "environ") if traces(data[name], secret)] for secret in secrets}
        told = {secret: names for secret, names in places.items() if names}
        pid = int(folder.name)
        if told or pid in waiting:
            command = data["cmdline"].replace(b"\0", b" ").decode(errors="replace")
            found.append(Seen(pid, command, told, data["limits"].decode(), pid in waiting))
    return found
