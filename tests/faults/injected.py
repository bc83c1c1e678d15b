"""Commands that fail or end at one of the calls by which they leave something behind, or at an audit event."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from errno import errorcode
from functools import lru_cache
from pathlib import Path
from tempfile import mkdtemp

import pytest

from tests.faults.tally import Tally
from tests.running import command, environment

FIRST = """\
apiVersion: stackspec.dev/v1
kind: Stack
metadata: {name: dev}
spec:
  components:
    orchestrator: {flavor: local}
    artifact_store: {flavor: local, config: {path: ./artifacts}}
    metadata_store:
      flavor: sqlite
      config: {path: ./metadata.db}
      depends_on: [artifact_store/dev]
    log_store: {flavor: local, config: {path: ./logs}}
"""
SECOND = (
    FIRST.replace("{path: ./artifacts}}", "{path: ./moved}, lifecycle: {create_before_destroy: true}}")
    .replace("./metadata.db", "./second.db")
    .replace("orchestrator: {flavor: local}", "orchestrator: {flavor: local, config: {max_parallel_steps: 2}}")
    .replace("    log_store: {flavor: local, config: {path: ./logs}}\n", "")
)
"""What creates, changes, replaces in both orders and deletes when it is applied after `FIRST`."""
THIRD = FIRST.replace("./artifacts", "./third").replace("./metadata.db", "./third.db")
LEFT = {
    FIRST: {"artifacts", "metadata.db", "logs"},
    SECOND: {"moved", "second.db"},
    THIRD: {"third", "third.db", "logs"},
}
"""Manifest to what its apply leaves in the project."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to a command at one of its durable calls, counted from 1 over all its threads.

    Attributes:
        error: The call fails with it; None ends the process by SIGKILL.
        lasting: So do all later ones.
        torn: The process ends behind the call, where it is a write with half of it done; otherwise before it.
    """

    point: int
    error: int | None = None
    lasting: bool = False
    torn: bool = False

    def __str__(self) -> str:
        if self.error is None:
            return f"ended {'in' if self.torn else 'before'} call {self.point}"
        return f"{errorcode[self.error]} {'from' if self.lasting else 'at'} call {self.point}"


@lru_cache(maxsize=1)
def interposed() -> str:
    """The library that counts calls and makes them fail; built when a test first asks for it."""
    library = Path(mkdtemp(prefix="stackspec-faults-")) / "interposed.so"
    atexit.register(shutil.rmtree, library.parent)
    source = Path(__file__).with_name("interposed.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(source), "-ldl"], check=True)
    return str(library)


def needs_compiler() -> pytest.MarkDecorator:
    """A test that stands between a command and the C library."""
    missing = shutil.which("cc") is None or sys.platform != "linux"
    if missing and os.environ.get("STACKSPEC_TEST_ALL"):
        raise RuntimeError("a C compiler is required: apt-get install gcc libc6-dev")
    return pytest.mark.skipif(missing, reason="there is no C compiler, or no Linux: apt-get install gcc libc6-dev")


def write(root: Path, manifest: str) -> None:
    """Have the project say something else."""
    (root / "stacks").mkdir(parents=True, exist_ok=True)
    (root / "stacks" / "dev.yaml").write_text(manifest)


def stackspec(root: Path, *arguments: str, fault: Fault | None = None) -> subprocess.CompletedProcess[str]:
    """A command, with a fault in it."""
    more: dict[str, str] = {}
    if fault is not None:
        more = {"LD_PRELOAD": interposed(), "FAULT_POINT": str(fault.point), "FAULT_ERROR": str(fault.error or 0)}
        more |= {"FAULT_LASTING": str(int(fault.lasting)), "FAULT_TORN": str(int(fault.torn))}
    words = command("-C", str(root), *arguments)
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=60, env=environment(more))


def calls(root: Path, *arguments: str) -> list[str]:
    """The names of the durable calls that a command makes, in their order."""
    trace = root.with_name(f"{root.name}.trace")
    variables = environment({"LD_PRELOAD": interposed(), "FAULT_TRACE": str(trace)})
    words = command("-C", str(root), *arguments)
    subprocess.run(words, capture_output=True, check=True, timeout=60, env=variables)
    return trace.read_text().splitlines()


def made(root: Path) -> set[str]:
    """What is in the project beside manifests and state."""
    return {path.name for path in root.iterdir()} - {"stacks", ".stackspec"}


def settle(root: Path, manifest: str, tally: Tally, where: str) -> None:
    """One apply must make everything right, and a destroy leave nothing; what is not so is counted."""
    write(root, manifest)
    done = stackspec(root, "apply", "--yes")
    planned = stackspec(root, "plan", "--detailed-exitcode")
    _compare(root, LEFT[manifest], tally, where)
    if done.returncode or planned.returncode or planned.stderr:
        tally.add("manual steps", 1, f"{where}: {done.stdout}{done.stderr}{planned.stdout}{planned.stderr}")
    vanish(root, tally, where)


def vanish(root: Path, tally: Tally, where: str) -> None:
    """A destroy must leave nothing; what is left is counted."""
    done = stackspec(root, "destroy", "--yes")
    if done.returncode:
        tally.add("manual steps", 1, f"{where}: {done.stdout}{done.stderr}")
    _compare(root, set(), tally, f"{where}, then destroyed")


def _compare(root: Path, wanted: set[str], tally: Tally, where: str) -> None:
    real = made(root)
    tally.add("orphans", len(real - wanted), where)
    tally.add("missing", len(wanted - real), where)
    if not wanted:
        private = [path for path in (root / ".stackspec" / "components").rglob("*") if path.is_file()]
        tally.add("orphans", len(private), where)


AUDITED = """
import os, signal, sys

point, trace = int(sys.argv[1]), os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT, 0o600)
WRITING = os.O_WRONLY | os.O_RDWR
DURABLE = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.truncate", "shutil.rmtree",
           "sqlite3.connect", "sqlite3.connect/handle", "fcntl.flock", "subprocess.Popen"}
reached = 0

def hook(event, arguments):
    global reached
    if event not in DURABLE and not (event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING):
        return
    reached += 1
    os.write(trace, f"{event}\\n".encode())
    if reached == point:
        os.kill(os.getpid(), signal.SIGKILL)

sys.argv = ["stackspec", *sys.argv[3:]]
from stackspec.__main__ import run_and_exit
sys.addaudithook(hook)
run_and_exit()
"""
"""A command that ends at its `point`-th audit event which something durable may follow; 0 for none of them."""


def audited(root: Path, *arguments: str, point: int = 0) -> tuple[int, list[str]]:
    """The exit code of a command that is killed at an audit event, and the events that it reached.

    They come before a call is made, in whichever thread, and need nothing but Python.
    """
    trace = root.with_name(f"{root.name}.events")
    trace.unlink(missing_ok=True)
    words = [sys.executable, "-c", AUDITED, str(point), str(trace), "-C", str(root), *arguments]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60, env=environment())
    return done.returncode, trace.read_text().splitlines()
