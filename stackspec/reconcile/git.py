"""The git program: with a deadline, nobody to ask, and nothing that a repository says carried out."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen, TimeoutExpired
from urllib.parse import urlsplit, urlunsplit

from stackspec.checkout import said
from stackspec.core.diagnostic import StackspecError
from stackspec.core.git_variables import git_variables
from stackspec.core.secret import Redactor

_PATIENCE = 60.0
"""Seconds for what git does on this machine."""
_REMOTE_PATIENCE = 180.0
"""Seconds for what it asks of another."""
_LAST_WAIT = 5.0
"""Seconds that it gets to clean up after it was told to end."""

REMOTE = "stackspec-followed"
"""The remote that is the followed repository: no file of settings has this name, so that its address is ours alone."""

_PASSED_ON = frozenset(
    {
        "PATH",
        "HOME",
        "USER",
        "XDG_CONFIG_HOME",
        "SSH_AUTH_SOCK",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        *(f"{name}_proxy" for name in ("http", "https", "all", "no")),
        *(f"{name}_PROXY" for name in ("HTTP", "HTTPS", "ALL", "NO")),
    }
)
"""The variables by which git finds settings, keys and the network; others may hold secrets, and are none of it."""
_SETTINGS = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "protocol.ext.allow": "never",
    "submodule.recurse": "false",
    "fetch.recurseSubmodules": "false",
    "http.lowSpeedLimit": "1",
    "http.lowSpeedTime": "60",
    "gc.autoDetach": "false",
    "maintenance.autoDetach": "false",
    "advice.detachedHead": "false",
}
"""What wins over every file of settings: no hook, no program that a repository brings, nothing that runs for ever."""

_FIXED = {"GIT_TERMINAL_PROMPT": "0", "GIT_LFS_SKIP_SMUDGE": "1", "LC_ALL": "C"}


def absolute(url: str) -> str:
    """An address that means the same wherever it is used: where git takes it for a path, that from the root on."""
    return url if ":" in url.partition("/")[0] else os.path.abspath(url)


def without_login(url: str) -> str:
    """An address without the name and password in it, to be shown."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "an address that cannot be read"
    if not (parts.scheme and parts.netloc):
        return url
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment=""))


class GitRefusalError(StackspecError):
    """Git ran to its end, and its exit code was not 0."""


class Git:
    """Git for one repository that is followed.

    Args:
        url: Its address, which means the same wherever a git runs; see `absolute`.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._held: tuple[int, ...] = ()
        self._running: Popen[bytes] | None = None
        self._redactor = Redactor()
        with suppress(ValueError):
            parts = urlsplit(url)
            # A name alone may be a token; beside a password it is a word, such as 'git', that any text may hold.
            if secret := parts.password or (parts.username if parts.scheme != "ssh" else None):
                self._redactor.add(secret)

    def __str__(self) -> str:
        return without_login(self._url)

    def hold(self, lock: int) -> None:
        """Have each git that works in a clone alone get the descriptor of a lock from now on, and hold it to its end.

        One that asks the remote does not: it may start what stays, such as the cache of a credential helper.
        """
        self._held = (lock,)

    def ask(self, *words: str, clone: Path | None = None, remote: bool = False) -> str:
        """What git answers.

        Args:
            clone: The folder with the clone that is asked; by default none is, whatever is around the working folder.
            remote: Whether it asks the followed repository, which is called `REMOTE`.

        Raises:
            GitRefusalError: it failed; the message is git's own, without what is secret.
            StackspecError: it cannot be run, was killed, or did not end in time.
        """
        # Told where, it looks for no repository itself: around a damaged clone it would find one of somebody else.
        where = ["-C", str(clone), "--git-dir=.git", "--work-tree=."] if clone else [f"--git-dir={os.devnull}"]
        patience = _REMOTE_PATIENCE if remote else _PATIENCE
        # In a session of its own it has no terminal that it, or an ssh, could ask at.
        try:
            git = Popen(
                ["git", *where, *words],
                stdin=DEVNULL,
                stdout=PIPE,
                stderr=PIPE,
                env=self._variables(os.environ),
                start_new_session=True,
                pass_fds=() if remote else self._held,
            )
        except OSError as error:
            raise StackspecError.of("SS1301", f"cannot run git: {error.strerror}", hint="install git") from error
        self._running = git
        try:
            out, told = git.communicate(timeout=patience)
        except TimeoutExpired:
            self._end(git)
            message = f"git {words[0]} did not end in {patience:.0f} s"
            raise StackspecError.of("SS1301", message, hint="look at the network, and at the repository") from None
        finally:
            self._running = None
        if git.returncode:
            why = said(self._redactor.hidden(told.decode("utf-8", "backslashreplace")))
            message = f"git {words[0]}: {why or f'exit code {git.returncode}'}"
            kind = GitRefusalError if git.returncode > 0 else StackspecError
            raise kind.of("SS1301", message, hint="try 'git ls-remote' with the repository's address")
        return os.fsdecode(out)

    def interrupt(self) -> None:
        """Tell the git that runs, if one does, to end; may be called from a signal handler."""
        if (git := self._running) is not None:
            with suppress(ProcessLookupError):
                os.killpg(git.pid, signal.SIGTERM)

    def _end(self, git: Popen[bytes]) -> None:
        """End a git; it gets a moment to take its lock files away."""
        self.interrupt()
        with suppress(TimeoutExpired):
            git.wait(_LAST_WAIT)
        with suppress(ProcessLookupError):
            os.killpg(git.pid, signal.SIGKILL)
        git.wait()

    def _variables(self, ours: Mapping[str, str]) -> dict[str, str]:
        kept = {name: value for name, value in ours.items() if name in _PASSED_ON} | git_variables(ours)
        # By variables: an address may hold a login, words can be seen by every user of the machine, and files stay.
        return {**kept, **_FIXED, **dict(_settings({**_SETTINGS, f"remote.{REMOTE}.url": self._url}, kept))}


def _settings(settings: Mapping[str, str], variables: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Settings as variables, behind those that are given so already: https://git-scm.com/docs/git-config."""
    given = variables.get("GIT_CONFIG_COUNT", "0")
    first = int(given) if given.isdecimal() else 0
    for number, (name, value) in enumerate(settings.items(), first):
        yield f"GIT_CONFIG_KEY_{number}", name
        yield f"GIT_CONFIG_VALUE_{number}", value
    yield "GIT_CONFIG_COUNT", str(first + len(settings))
