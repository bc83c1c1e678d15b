"""What a module of Terraform, or OpenTofu, makes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

from stackspec.core.frozen import dataclass
from stackspec.core.layout import in_environment
from stackspec.core.own_variables import OWN_VARIABLES
from stackspec.core.secret import Redactor
from stackspec.core.whole_file import write_whole
from stackspec.flavors.contract import (
    Flavor,
    FlavorConfig,
    FlavorOutputs,
    HookContext,
    HookError,
    Observation,
    setting,
)
from stackspec.flavors.hook_time import time_left

_WITHHELD_PREFIXES = ("TF_VAR_", "TF_CLI_ARGS", "TF_LOG", "TF_DATA_DIR", "TF_WORKSPACE", "TF_INPUT")
"""Variables that would change what is done, or write down values."""
_FIXED = {"CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1", "TF_INPUT": "0"}
_TICK = 0.1
"""Seconds between looks at whether the user insists on stopping."""
_GRACE = 5.0
"""Seconds that an interrupted program has to write its state down."""
_SURE = ("-auto-approve", "-backup=-", "-lock-timeout=20s")
"""How what changes something is called: who is kept from the state, as by a run whose stackspec was killed, waits."""
_CHANGES = 2
"""The exit code of a plan with changes in it, where it is asked for that; otherwise it is that of a failure."""
_LEVELS = ("error", "warn")
_IMPLIED = "Deprecated flag: -state"
"""A warning about what this file does."""


class Terraform(Flavor):
    """What a module of Terraform, or OpenTofu, makes; its state is the component's own."""

    flavor = "terraform"
    is_remote = True

    class Config(FlavorConfig):
        """A module, and what it is given."""

        module: str = setting("The folder of the root module.", path=True, min_length=1, examples=["./infra/bucket"])
        program: Literal["terraform", "tofu"] = setting("The program that does it.", default="terraform")
        variables: Mapping[str, Any] = setting(
            "The module's input variables.", default={}, schema={"type": "object"}, examples=[{"region": "eu-west-1"}]
        )
        secret_variables: Mapping[str, Any] = setting(
            "Those of the module's input variables whose values are never shown. Terraform's state may hold them in "
            "plain text; in the private folder only its owner can read it.",
            default={},
            sensitive=True,
            schema={"type": "object"},
        )
        uri_output: str = setting(
            "The module's output that is the component's output `uri`.", default="uri", min_length=1
        )
        backend_config: Mapping[str, Any] | None = setting(
            "What the module's `backend` block is to be completed by; that state is the component's then. Null to keep "
            "the state in the component's private folder.",
            default=None,
            sensitive=True,
            requires_replacement=True,
            schema={"type": ["object", "null"]},
        )
        parallelism: int | None = setting("How many resources are worked on at a time.", default=None, minimum=1)

    class Outputs(FlavorOutputs):
        """What other components may read of the module's outputs."""

        values: Mapping[str, Any] = setting("The module's outputs that are not sensitive.", schema={"type": "object"})
        sensitive_values: Mapping[str, Any] = setting(
            "The module's outputs that are sensitive.", sensitive=True, schema={"type": "object"}
        )

    config: Config

    def observe(self) -> Observation:
        """Have a plan made, which says what is not as the module and its variables say."""
        module = self.config.module
        if self.config.backend_config is None and not self._state.is_file():
            return Observation(provisioned=False, detail=f"{module} was never applied here")
        with self._run(for_look=True) as run:
            if self.config.uri_output not in run.outputs():
                return Observation(provisioned=False, detail=f"{module} was not applied to its end, or destroyed")
            plan = run.command("plan", "-json", "-detailed-exitcode", "-lock=false", *run.inputs)
        if plan.code != _CHANGES:
            return Observation(provisioned=True, detail="as the module says", fields={"module": module})
        return Observation(provisioned=True, detail=plan.summary, fields={"module": f"{module} ({plan.summary})"})

    def provision(self) -> FlavorOutputs:
        """Apply the module."""
        if not self._destroyed.is_file():
            self._require_state()
        most = self.config.parallelism
        limit = [] if most is None else [f"-parallelism={most}"]
        with self._run() as run:
            done = run.command("apply", "-json", *_SURE, *limit, *run.inputs)
            self.context.log(done.summary)
            found = run.outputs()
        self._destroyed.unlink(missing_ok=True)
        name, module = self.config.uri_output, self.config.module
        if name not in found:
            message = f"the module {module} has no output '{name}', but: {', '.join(sorted(found)) or 'none'}"
            raise HookError(message, "declare it in the module, or set 'uri_output'")
        if found[name]["sensitive"] or not isinstance(found[name]["value"], str):
            raise HookError(f"the output '{name}' of {module} is no text that may be shown", "set 'uri_output'")
        return self.Outputs.from_value(
            {
                "uri": found[name]["value"],
                "values": {key: one["value"] for key, one in found.items() if not one["sensitive"]},
                "sensitive_values": {key: one["value"] for key, one in found.items() if one["sensitive"]},
            }
        )

    def update(self, previous: Terraform) -> FlavorOutputs:
        """Apply it as it is now."""
        return self.provision()

    def deprovision(self) -> None:
        """Have everything destroyed that is in the state, then let go of the state.

        Where the component was provisioned, a line stays that says so: whoever comes again, as nobody could record the
        end, can tell it from a state that is lost.
        """
        if not self._was_destroyed:
            self._require_state()
        if self.config.backend_config is not None or self._state.is_file():
            with self._run() as run:
                run.command("destroy", "-json", *_SURE, *run.inputs)
        folder = self.context.data_dir
        if not folder.is_dir():
            return
        if not self.context.outputs or self.config.backend_config is not None:
            shutil.rmtree(folder)
            return
        write_whole(self._destroyed, self.context.identity.encode(), 0o600)
        for path in set(folder.iterdir()) - {self._destroyed}:
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()

    @property
    def _destroyed(self) -> Path:
        """Whose identity it has, everything of theirs was destroyed here."""
        return self.context.data_dir / "destroyed"

    @property
    def _was_destroyed(self) -> bool:
        return self._destroyed.is_file() and self._destroyed.read_text(encoding="utf-8") == self.context.identity

    def _require_state(self) -> None:
        """See that what was made before is not forgotten.

        Raises:
            HookError: the component was provisioned, and its state is not here.
        """
        if self.context.outputs and self.config.backend_config is None and not self._state.is_file():
            forget = in_environment(f"stackspec state rm {self.context.address}", self.context.environment)
            raise HookError(
                f"the Terraform state of {self.config.module} is gone: {self._state} is not on this machine",
                f"work where it was provisioned, or bring that file back; or destroy by hand what it made, and run: "
                f"{forget}",
            )

    @property
    def _state(self) -> Path:
        return self.context.data_dir / "terraform.tfstate"

    @contextmanager
    def _run(self, *, for_look: bool = False) -> Iterator[_Run]:
        """The program, initialised, and what it is given in files that are there no longer than needed.

        Args:
            for_look: Whether nothing may be left that was not there before.
        """
        config, context = self.config, self.context
        module, binary = context.path(config.module), shutil.which(config.program)
        if binary is None:
            raise HookError(f"{config.program} is not installed", "install it, and have its folder on the PATH")
        if not module.is_dir():
            raise HookError(f"the module {config.module} is not there", "bring it back, or mend 'module'")
        time_left(context)
        hidden = Redactor()
        hidden.add({**config.secret_variables, "backend": config.backend_config})
        own = context.data_dir / ".terraform"
        if not for_look:
            context.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            context.data_dir.chmod(0o700)
        with tempfile.TemporaryDirectory() as private:
            given = Path(private, "stackspec.tfvars.json")
            write_whole(given, json.dumps({**config.variables, **config.secret_variables}).encode(), 0o600)
            is_ready = for_look and own.is_dir()
            run = _Run(
                command_of=(config.program, binary),
                module=module,
                initialised=own if is_ready or not for_look else Path(private, ".terraform"),
                inputs=[f"-var-file={given}", *self._where],
                where=self._where,
                hidden=hidden,
                context=context,
            )
            if not is_ready:
                backend = Path(private, "backend.json")
                write_whole(backend, json.dumps(config.backend_config or {}).encode(), 0o600)
                of = [] if config.backend_config is None else [f"-backend-config={backend}", "-reconfigure"]
                run.command("init", "-no-color", *of)
            if config.backend_config is None and (backend_type := run.backend()) != "local":
                raise HookError(
                    f"the module {config.module} keeps its state in its own backend, '{backend_type}'",
                    "set 'backend_config: {}', or what completes its block; that state is the component's then",
                )
            yield run

    @property
    def _where(self) -> list[str]:
        return [f"-state={self._state}"] if self.config.backend_config is None else []


@dataclass(frozen=True, slots=True)
class _Done:
    """What a command did: its exit code, and a line that says it, for people."""

    code: int
    text: str
    summary: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """The program in a module.

    Attributes:
        command_of: The program's name, and its path.
        initialised: The folder of what `init` fetches.
        inputs: The arguments that name variables and state.
        where: Those that name the state.
        hidden: Hides what nobody is to see.
    """

    command_of: tuple[str, str]
    module: Path
    initialised: Path
    inputs: Sequence[str]
    where: Sequence[str]
    hidden: Redactor
    context: HookContext

    def backend(self) -> str:
        """The type of the module's backend, as `init` wrote it down; `local` where it has none."""
        try:
            found = json.loads((self.initialised / "terraform.tfstate").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return "local"
        return str((found.get("backend") or {}).get("type", "local"))

    def outputs(self) -> Mapping[str, Any]:
        """Output name to its `value`, and whether it is `sensitive`."""
        found: dict[str, Any] = json.loads(self.command("output", "-json", *self.where).text)
        return found

    def command(self, *words: str) -> _Done:
        """Run a command.

        Raises:
            HookError: it fails, or there is no time left.
        """
        name, binary = self.command_of
        kept = {key: value for key, value in os.environ.items() if not key.startswith(_WITHHELD_PREFIXES)}
        kept = {key: value for key, value in kept.items() if key not in OWN_VARIABLES}
        process = subprocess.Popen(
            [binary, *words],
            cwd=self.module,
            env={**kept, **_FIXED, "TF_DATA_DIR": str(self.initialised)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            umask=0o077,
        )
        try:
            text, aside = (one.decode("utf-8", "replace") for one in self._ended(process))
        finally:
            _end(process)
        said = [one for line in text.splitlines() if (one := _message(line))]
        problems = {level: [_problem(one, self.hidden) for one in said if one["@level"] == level] for level in _LEVELS}
        if process.returncode not in ((0, _CHANGES) if "-detailed-exitcode" in words else (0,)):
            why = "; ".join(problems["error"][:3]) or _last_lines(self.hidden.hidden(text + aside))
            raise HookError(f"{name} {words[0]} fails: {why}", f"run: {name} -chdir={self.module} validate")
        for problem in problems["warn"]:
            if not problem.startswith(_IMPLIED):
                self.context.log(problem)
        summaries = [one["@message"] for one in said if one.get("type") == "change_summary"]
        return _Done(process.returncode, text, summaries[-1] if summaries else "its outputs change")

    def _ended(self, process: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
        """What it says until it ends; it is interrupted where there is no time left, or the user insists."""
        while True:
            try:
                return process.communicate(timeout=min(_TICK, time_left(self.context)))
            except subprocess.TimeoutExpired:
                continue


def _end(process: subprocess.Popen[bytes]) -> None:
    """End what still runs: interrupted it writes its state down, so it gets a while for that."""
    for what in (signal.SIGINT, signal.SIGKILL):
        if process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, what)
            with suppress(subprocess.TimeoutExpired):
                process.communicate(timeout=_GRACE)


def _message(line: str) -> dict[str, Any] | None:
    """What a line of `-json` tells; None for any other line."""
    try:
        found = json.loads(line) if line.startswith("{") else None
    except ValueError:
        return None
    return found if isinstance(found, dict) and {"@message", "@level"} <= found.keys() else None


def _problem(message: Mapping[str, Any], redactor: Redactor) -> str:
    """What is wrong, and where, in one line; the detail may quote values."""
    found = message.get("diagnostic", {})
    place = found.get("range", {})
    where = f"{place['filename']}:{place['start']['line']}" if place else found.get("address", "")
    detail = " ".join(redactor.hidden(str(found.get("detail", ""))).split())[:300]
    summary = redactor.hidden(str(found.get("summary") or message["@message"]))
    return f"{summary}{where and f' ({where})'}{detail and f': {detail}'}"


def _last_lines(text: str) -> str:
    lines = [line.strip("│╷╵ ") for line in text.splitlines()]
    return " ".join([line for line in lines if line][-5:])[-500:]
