"""`stackspec reconcile`: the agent, from its options to its exit code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from stackspec.cli.options import Environments, Option, Parallelism
from stackspec.reconcile.mode import Mode

if TYPE_CHECKING:
    from stackspec.apply.stop import Stop
    from stackspec.reconcile.agent import Agent
    from stackspec.reconcile.git import Git
    from stackspec.reconcile.log import Log
    from stackspec.reconcile.metrics import Metrics
    from stackspec.reconcile.source import FolderSource, GitSource
    from stackspec.reconcile.work_folder import WorkFolder


def reconcile(
    repo: Annotated[
        str | None,
        Option(("--repo",), "The git repository to follow; by default the project here, as it is.", "URL|PATH"),
    ] = None,
    ref: Annotated[str, Option(("--ref",), "The branch or tag of it, or a ref in full.", "REF")] = "main",
    environment: Environments = None,
    mode: Annotated[
        Mode, Option(("--mode",), "Whether what is not as applied is repaired.", "repair|report")
    ] = Mode.REPAIR,
    interval: Annotated[
        int, Option(("--interval",), "Seconds between two rounds.", "SECONDS", least=1, most=86_400)
    ] = 60,
    once: Annotated[bool, Option(("--once",), "End after one round.")] = False,
    approve: Annotated[
        list[str] | None, Option(("--approve",), "A protected environment that may be changed.", "ENVIRONMENT")
    ] = None,
    listen: Annotated[
        str | None,
        Option(
            ("--listen",),
            "Answer /metrics and /healthz here; a port alone is one of loopback, port 0 any that is free.",
            "HOST:PORT",
        ),
    ] = None,
    work_dir: Annotated[
        str, Option(("--work-dir",), "Keep the clone, and what is to survive a restart, in this folder.", "DIR")
    ] = ".",
    parallelism: Parallelism = 10,
) -> int:
    """Follow a git ref, or a folder: apply what changes there, and repair or report drift, until told to stop."""
    import gc
    from pathlib import Path
    from time import monotonic

    from stackspec.apply.stop import Stop
    from stackspec.cli.session import Session
    from stackspec.cli.start import Verbosity
    from stackspec.reconcile.agent import Agent
    from stackspec.reconcile.environment import Leave
    from stackspec.reconcile.log import Log, to_descriptor
    from stackspec.reconcile.schedule import backing_off
    from stackspec.reconcile.work_folder import WorkFolder

    with Session() as session:
        session.require_trust()
        gc.enable()
        log, stop = Log(to_descriptor(2), quiet=Verbosity.quiet), Stop()
        folder = WorkFolder(Path(work_dir), of_folder=repo is None)
        source, git = (_folder(), None) if repo is None else _repository(repo, ref, folder)
        metrics = _metrics(str(source), mode) if listen is not None else None
        agents: list[Agent] = []
        if listen is not None and metrics is not None:
            log.tell("listening", address=_listen(listen, metrics, agents, interval))
        with folder.held() as lock:
            if git is not None:
                git.hold(lock)
            leave = Leave(mode, frozenset(approve or ()), parallelism, stop)
            agent = Agent(
                source,
                folder,
                leave,
                environment or (),
                log,
                metrics,
                interval=interval,
                wait=backing_off(interval),
                clock=monotonic,
                pause=stop.asked.wait,
                verbose=Verbosity.verbose,
            )
            agents.append(agent)
            received = _take_signals(agent, stop, git, log, once=once)
            code = agent.run(once=once)
            return 128 + received[0] if once and received else code


def _repository(repo: str, ref: str, folder: WorkFolder) -> tuple[GitSource, Git]:
    """A repository that is followed, and the git by which it is; nothing is written.

    Raises:
        StackspecError: it is none, has no such ref, or cannot be reached, which is looked at the first time only; or
            the folder is of another repository, all of whose components would go.
    """
    from stackspec.core.diagnostic import StackspecError
    from stackspec.reconcile.git import Git, absolute
    from stackspec.reconcile.source import GitSource, look_up

    record = folder.read()
    git = Git(absolute(repo))
    source = GitSource(git, ref, folder.clone, record.good)
    followed = str(source)
    before = record.repository or followed
    if before.rpartition(" at ")[0] != followed.rpartition(" at ")[0]:
        hint = "give this agent a folder of its own by --work-dir"
        raise StackspecError.of("SS1303", f"{folder.path} is of an agent that follows {before}", hint=hint)
    if record.good is None or before != followed:
        look_up(git, ref)
    return source, git


def _folder() -> FolderSource:
    """The project here, as it is.

    Raises:
        StackspecError: there is none.
    """
    from pathlib import Path

    from stackspec.manifest.source import find_root
    from stackspec.reconcile.source import FolderSource

    return FolderSource(find_root(Path(".")))


def _metrics(followed: str, mode: Mode) -> Metrics:
    from stackspec import __version__
    from stackspec.core.diagnostic import StackspecError
    from stackspec.flavors.extras import missing

    if missing(["prometheus_client"]):
        message = "to answer /metrics the package prometheus-client is needed"
        raise StackspecError.of("SS1304", message, hint="pip install 'stackspec[reconcile]'")
    from stackspec.reconcile.metrics import Metrics

    return Metrics(__version__, followed, mode.value)


def _listen(listen: str, metrics: Metrics, agents: list[Agent], interval: int) -> str:
    """Answer from now on, of the agent once there is one; where.

    Raises:
        StackspecError: the address cannot be listened on.
    """
    from time import monotonic

    from stackspec.reconcile.metrics import CONTENT_TYPE
    from stackspec.reconcile.server import Answer, Server, address_of, health, plain

    def healthy() -> Answer:
        return health(agents[0].pulse, monotonic(), interval) if agents else plain(200, "ok: beginning")

    host, port = address_of(listen)
    answers = {"/healthz": healthy, "/metrics": lambda: Answer(200, CONTENT_TYPE, metrics.text())}
    return Server(host, port, answers).address


def _take_signals(agent: Agent, stop: Stop, git: Git | None, log: Log, *, once: bool) -> list[int]:
    """From now on, Ctrl-C and SIGTERM ask to stop: an apply is finished, and all else can end where it is.

    Returns:
        Which have come, by now and later. To stop is what a service is for; one round that was cut off is not done.
    """
    import os
    import signal
    from typing import Any

    received: list[int] = []

    def handle(number: int, _frame: Any) -> None:
        received.append(number)
        stop.request()
        if agent.is_applying:
            return
        if git is not None:
            git.interrupt()
        log.tell("stopped", "asked to stop; nothing was being applied")
        os._exit(128 + number if once else 0)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handle)
    return received
