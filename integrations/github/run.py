"""One step of a job of GitHub Actions: a command of stackspec, and what the forge is told of it.

Run by `action.yml`, with the Python that stackspec is installed for.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import sys
from collections.abc import Callable, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any, NoReturn

sys.path.append(str(Path(__file__).parents[2]))  # the action's own folder, which an isolated Python does not look in

from integrations.github.forge import BOT, Forge, ForgeError

_LABEL = "stackspec-drift"
_DEPENDABOT = "dependabot[bot]"
_LOOKED = (0, 2)
"""Exit codes of a plan or a look that was made; a signal's, of what was killed, is none of them."""


class Step:
    """What the step was asked for.

    Attributes:
        is_untrusted: Whether the job has neither secrets nor a token that may write: that of a pull request which
            comes from another repository, or from Dependabot.
    """

    def __init__(self) -> None:
        self.environment = os.environ.get("STACKSPEC_ACTION_ENVIRONMENT", "")
        self.arguments = os.environ.get("STACKSPEC_ACTION_ARGUMENTS", "").split()
        self.plan_file = os.environ.get("STACKSPEC_ACTION_PLAN_FILE") or "stackspec.plan"
        self.folder = os.path.normpath(os.environ.get("STACKSPEC_ACTION_FOLDER") or ".")
        self._author = os.environ.get("STACKSPEC_ACTION_AUTHOR") or BOT
        self._token = os.environ.pop("STACKSPEC_ACTION_TOKEN", "")  # no program that is run gets it
        with open(os.environ["GITHUB_EVENT_PATH"], encoding="utf-8") as file:
            event: dict[str, Any] = json.load(file)
        self.request: dict[str, Any] | None = event.get("pull_request")
        self.is_untrusted = self.request is not None and (
            (self.request["head"]["repo"] or {}).get("full_name") != os.environ["GITHUB_REPOSITORY"]
            or self.request["user"]["login"] == _DEPENDABOT
        )
        if self.is_untrusted:
            os.environ["STACKSPEC_UNTRUSTED"] = "1"

    @property
    def forge(self) -> Forge:
        """The repository."""
        return Forge(os.environ["GITHUB_API_URL"], os.environ["GITHUB_REPOSITORY"], self._token, self._author)

    @property
    def subject(self) -> str:
        """What the step is about, in words; a repository may hold several projects with environments of one name."""
        name = f"'{self.environment}'" if self.environment else "the default environment"
        return name if self.folder == "." else f"{name} of {self.folder}"

    def artifact(self, head: str) -> str:
        """What the artifact with the plan of a commit is called: only what GitHub takes in such a name.

        The digest is there because the folders `ml/a` and `ml-a` are one without it.
        """
        parts = [self.environment or "default", *([] if self.folder == "." else [self.folder])]
        digest = blake2b(json.dumps([self.environment, self.folder]).encode(), digest_size=4).hexdigest()
        return "-".join(["stackspec", *(re.sub(r"[^A-Za-z0-9_.-]", "-", part) for part in parts), digest, head])

    def look(self, command: str, *words: str) -> int:
        """Run a command that changes nothing, with annotations and the job's summary as its answer; its exit code."""
        selected = ["-e", self.environment] if self.environment else []
        return subprocess.run(self._stackspec(command, *selected, *words, "-o", "github"), check=False).returncode  # noqa: S603

    def carry_out(self, *words: str) -> int:
        """Run a command in whose lines the runner is to read no commands of its own; its exit code.

        Programs that it starts write what they like, and `##[add-mask]` counts anywhere in a line. There is one stream,
        for the runner might come to the last line of another one after the end.
        """
        token = secrets.token_hex(16)
        write(f"::stop-commands::{token}")
        try:
            return subprocess.run(self._stackspec(*words), stderr=subprocess.STDOUT, check=False).returncode  # noqa: S603
        finally:
            write(f"::{token}::")

    def _stackspec(self, *words: str) -> list[str]:
        """The words of a command, which no shell reads."""
        return [os.path.join(os.path.dirname(sys.executable), "stackspec"), *words, *self.arguments]


def plan(step: Step) -> int:
    """Plan, annotate, save the plan and comment."""
    saved = not step.is_untrusted and bool(os.environ.get("STACKSPEC_PLAN_KEY"))
    comment = None if step.request is None or step.is_untrusted else written_to("plan")
    words = [*(["--out", step.plan_file] if saved else []), *(["--comment", str(comment)] if comment else [])]
    code = step.look("plan", "--detailed-exitcode", *words)
    tell("changes", str(code == 2).lower())
    if saved and code in _LOOKED:
        tell("plan-file", os.path.normpath(os.path.join(step.folder, step.plan_file)))
    if step.request is None:
        return int(code not in _LOOKED)
    if saved and code in _LOOKED:
        tell("artifact", step.artifact(step.request["head"]["sha"]))
    elif not saved:
        why = "it is planned without trust" if step.is_untrusted else "STACKSPEC_PLAN_KEY is not set"
        say("notice", "The plan is not saved", f"{why}: its merge applies nothing")
    if comment:
        step.forge.comment(step.request["number"], comment.read_text(encoding="utf-8"))
    return int(code not in _LOOKED)


def apply(step: Step) -> int:
    """Carry out the plan that was saved for the pull request by whose merge this commit came to be."""
    commit = os.environ["GITHUB_SHA"]
    head = step.forge.merged_head(commit)
    if head is None:
        say("error", "No plan", f"{commit} came by no merged pull request: plan and apply it by hand")
        return 1
    name = step.artifact(head)
    content = (step.forge.artifact(name, head) or {}).get(os.path.basename(step.plan_file))
    if content is None:
        why = "it came from a fork, had no STACKSPEC_PLAN_KEY, or was merged too late or before it was planned"
        say("error", "No plan", f"no artifact '{name}' is kept: {why}; plan and apply it by hand")
        return 1
    file = Path(os.environ["RUNNER_TEMP"], "stackspec.plan")
    file.write_bytes(content)
    return step.carry_out("apply", str(file), "--yes")


def drift(step: Step) -> int:
    """Look for drift, and keep one issue about it."""
    comment = written_to("drift")
    code = step.look("drift", "--comment", str(comment))
    tell("changes", str(code == 2).lower())
    title = f"Drift in {step.subject}"
    if code == 2:
        step.forge.issue(title, comment.read_text(encoding="utf-8"), _LABEL)
    elif code == 0:
        step.forge.close_issue(title, "What is there is as it was applied.", _LABEL)
    return int(code not in _LOOKED)


def validate(step: Step) -> int:
    """Check the manifests."""
    return step.look("validate")


COMMANDS: Mapping[str, Callable[[Step], int]] = {"plan": plan, "apply": apply, "drift": drift, "validate": validate}


def written_to(command: str) -> Path:
    """Where a command is to write what it says for people to read; nothing is there before it does."""
    file = Path(os.environ["RUNNER_TEMP"], f"stackspec-{command}.md")
    file.unlink(missing_ok=True)
    return file


def tell(name: str, value: str) -> None:
    """Set an output of the step."""
    with open(os.environ["GITHUB_OUTPUT"], "a", encoding="utf-8") as file:
        file.write(f"{name}={value}\n")


def say(level: str, title: str, message: str) -> None:
    """Write an annotation."""
    escaped = message.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    write(f"::{level} title={title}::{escaped}")


def write(line: str) -> None:
    """Write a line to the job's log, before what is run next does."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> NoReturn:
    """Run the step."""
    name = os.environ.get("STACKSPEC_ACTION_COMMAND", "")
    if name not in COMMANDS:
        say("error", "No such command", f"'{name[:80]}' is none of: {', '.join(COMMANDS)}")
        sys.exit(1)
    try:
        sys.exit(COMMANDS[name](Step()))
    except ForgeError as error:
        say("error", "The forge", str(error))
    except OSError as error:
        say("error", "The runner", str(error))
    sys.exit(1)


if __name__ == "__main__":
    main()
