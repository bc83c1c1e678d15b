"""The agent: rounds of following a ref and looking at environments, until it is asked to stop."""

from __future__ import annotations

import gc
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from stackspec.apply.events import Event, Failed, Skipped
from stackspec.core.diagnostic import Diagnostic, Severity, StackspecError
from stackspec.core.frozen import dataclass
from stackspec.core.secret import Redactor
from stackspec.plan.model import Action, Plan
from stackspec.project import Project
from stackspec.reconcile.alert import PATIENCE, alert
from stackspec.reconcile.condition import GOOD, Condition, Notice, Outcome, failed, held_back, notice, told
from stackspec.reconcile.environment import Leave, Watch, look
from stackspec.reconcile.health import Pulse
from stackspec.reconcile.log import Level, Log
from stackspec.reconcile.schedule import Standing, Wait, after, is_due, next_look, renewed
from stackspec.reconcile.source import Source
from stackspec.reconcile.work_folder import Record, WorkFolder
from stackspec.render.plan import counts_text
from stackspec.render.progress import event_json

_MOST_CHANGES = 50
"""How many changes of a plan the log names."""
_LEVELS: Mapping[Condition, Level] = {
    Condition.FAILED: "error",
    Condition.STUCK: "warning",
    Condition.HELD_BACK: "warning",
    Condition.DRIFTED: "warning",
    Condition.AWAITING: "warning",
}
_FOR_A_PERSON = frozenset({Condition.DRIFTED, Condition.AWAITING})
"""The conditions that wait for somebody, and are no failure."""


class Counting(Protocol):
    """Who counts what an agent does."""

    def fetched(self, succeeded: bool) -> None:
        """The repository was looked at."""

    def follows(self, good: str | None, bad: str | None) -> None:
        """What is applied, and what is refused."""

    def looked(self, environment: str, outcome: Outcome, standing: Standing, seconds: float) -> None:
        """An environment was looked at."""

    def forget(self) -> None:
        """There are other environments from now on."""


@dataclass(frozen=True, slots=True)
class Bad:
    """A revision that cannot be used, and why."""

    revision: str
    why: tuple[Diagnostic, ...]


class Agent:
    """Follows a source and has environments be as it says.

    Args:
        names: The environments; none for all that are declared.
        interval: Seconds between two looks at the source, and at an environment that is well.
        clock: Seconds, which only ever grow.
        pause: Waits for some seconds, or less where somebody asks to stop.
        verbose: Whether a bug is logged with where it came from.
    """

    def __init__(
        self,
        source: Source,
        folder: WorkFolder,
        leave: Leave,
        names: Sequence[str],
        log: Log,
        counting: Counting | None,
        *,
        interval: float,
        wait: Wait,
        clock: Callable[[], float],
        pause: Callable[[float], object],
        verbose: bool = False,
    ) -> None:
        self._source = source
        self._folder = folder
        self._leave = leave
        self._chosen = tuple(dict.fromkeys(names))
        self._log = log
        self._counting = counting
        self._interval = interval
        self._wait = wait
        self._clock = clock
        self._pause = pause
        self._verbose = verbose
        self._record: Record = folder.read()
        self._bad: Bad | None = None
        self._lost: tuple[Diagnostic, ...] = ()
        """Why the source cannot be told or switched, as long as it cannot."""
        self._is_ready = False
        """Whether the project's files are those of the last good revision; else no environment is touched."""
        self._standings: dict[str, Standing] = {}
        self._follow_at = clock()
        self._warned: dict[str, tuple[Diagnostic, ...]] = {}
        self.pulse = Pulse(clock(), "beginning")
        """What it does, for who asks whether it is stuck; may be read by other threads."""
        self.is_applying = False
        """Whether an apply runs, which is to be finished before the process ends."""

    def run(self, *, once: bool) -> int:
        """Go on until it is asked to stop, or for one round; the exit code.

        Raises:
            StackspecError: the very first commit holds no project.
        """
        while not self._leave.stop.requested:
            self._round()
            if self._bad and self._record.good is None and all(one.code == "SS1305" for one in self._bad.why):
                raise StackspecError(self._bad.why)  # what was never a project is a mistake of who began this
            if once:
                return self._code()
            self._beat("waiting for the next round")
            self._pause(max(0.0, next_look(self._standings, self._follow_at) - self._clock()))
        self._log.tell("stopped", "asked to stop; what ran has ended")
        return 0

    def _round(self) -> None:
        if self._follow_at <= self._clock():
            self._follow()
            self._follow_at = self._clock() + self._interval
        for name in list(self._standings):
            if self._leave.stop.requested:
                return
            if is_due(self._standings[name], self._clock()):
                self._look(name)
                # The project's connections end with it, which is part of a circle: a collection may be hours away.
                gc.collect()

    def _code(self) -> int:
        conditions = {one.condition for one in self._standings.values()}
        if self._lost or self._bad or not self._is_ready:
            return 1
        if conditions <= GOOD | _FOR_A_PERSON | {Condition.SUSPENDED}:
            return 2 if conditions & _FOR_A_PERSON else 0
        return 1

    # --- the source

    def _follow(self) -> None:
        """Look at the source, and have the files be those of the newest revision that can be used."""
        self._beat(f"looking at {self._source}", 600.0)
        was_ready = self._is_ready
        try:
            newest = self._source.newest()
            if newest == self._record.good and self._bad is not None:
                self._log.tell("ref-back", f"the ref is back at {newest[:12]}, which is good", commit=newest)
                self._bad = None
            if newest != self._record.good and (self._bad is None or newest != self._bad.revision):
                self._take(newest)
            elif self._source.keeps_past or self._bad is None:
                self._stay()
        except Exception as error:
            self._lose(self._why(error))
        else:
            if self._lost:
                self._log.tell("source-back", f"{self._source} can be followed again")
            self._lost = ()
        if self._is_ready and not was_ready:
            self._look_at_all()
        if self._counting is not None:
            self._counting.fetched(not self._lost)
            self._counting.follows(self._record.good, self._bad.revision if self._bad else None)

    def _lose(self, why: tuple[Diagnostic, ...]) -> None:
        """Go on without the source, with the last good revision where that can still be had."""
        if not self._is_ready and self._source.keeps_past:
            try:
                self._stay()
            except Exception as error:
                why = (*why, *self._why(error))
        on = f"; going on with {self._record.good[:12]}" if self._is_ready and self._record.good else ""
        if {one.message for one in why} != {one.message for one in self._lost}:
            self._log.tell("source-lost", f"{self._source} cannot be followed{on}", level="error", why=why)
        self._lost = why

    def _stay(self) -> None:
        """Have the files be those of the last good revision, whatever became of them.

        Raises:
            StackspecError: they cannot be written.
        """
        if self._record.good is None:
            return
        before, self._is_ready = self._is_ready, False
        self._source.switch(self._record.good)
        if not before:
            self._know_environments(Project(self._source.root))
        self._is_ready = True

    def _take(self, newest: str) -> None:
        """Go over to a revision, where that can be used, else stay.

        Raises:
            StackspecError: it cannot be told.
        """
        good = self._record.good
        if good is not None and not self._source.follows(newest, good):
            message = f"the ref was moved to {newest[:12]}, which was not made from {good[:12]}: a force-push"
            self._log.tell("force-push", message, level="warning", commit=newest, before=good)
        self._is_ready = False
        wrong, project = self._wrong_with(newest)
        if project is None or wrong:
            self._bad = Bad(newest, wrong)
            can_stay = self._source.keeps_past and good is not None
            stays = f"staying on {good[:12]}" if can_stay and good is not None else "nothing is done until that changes"
            message = f"{newest[:12]} cannot be used: {stays}"
            self._log.tell("commit-refused", message, level="error", why=wrong, commit=newest, good=good)
            if can_stay:
                self._stay()
            elif project is not None:
                if not self._standings:  # else as they were known: the manifests that tell may be the wrong ones
                    self._know_environments(project)
                self._look_at_all()
            return
        self._bad = None
        self._record = replace(self._record, good=newest, repository=str(self._source))
        self._folder.write(self._record)
        self._log.tell("commit", f"now at {newest[:12]}", commit=newest, before=good)
        self._know_environments(project)
        self._look_at_all()
        self._is_ready = True

    def _wrong_with(self, revision: str) -> tuple[tuple[Diagnostic, ...], Project | None]:
        """Why a revision cannot be used, and its project where there is one.

        Raises:
            StackspecError: it cannot be told.
        """
        try:
            self._source.switch(revision)
        except StackspecError as error:
            if any(one.code != "SS1305" for one in error.diagnostics):
                raise
            return error.diagnostics, None
        project = Project(self._source.root)
        found = [one for name in self._chosen or (None,) for one in project.validate(name)]
        wrong = dict.fromkeys(one for one in found if one.severity is Severity.ERROR)
        return tuple(wrong), project

    def _know_environments(self, project: Project) -> None:
        names = self._chosen or project.loaded.declarations.environment_names
        if set(names) == set(self._standings):
            return
        if self._counting is not None:
            self._counting.forget()
        if strange := sorted(self._leave.approved - set(names)):
            message = f"--approve names what is no environment of this agent: {', '.join(strange)}"
            self._log.tell("approves-nothing", message, level="warning")
        self._standings = {name: self._standings.get(name, Standing()) for name in names}

    def _look_at_all(self) -> None:
        """Have each environment be looked at now."""
        self._standings = {name: renewed(one) for name, one in self._standings.items()}

    # --- one environment

    def _look(self, name: str) -> None:
        began = self._clock()
        project = Project(self._source.root)
        try:
            if self._is_ready:
                outcome = look(project, name, self._leave, self._watch(name))
            else:
                outcome = failed(self._bad.why if self._bad else self._lost)
        except Exception as error:
            outcome = failed(self._why(error))
        if self._leave.stop.requested:
            return  # what was left alone is no failure, and the next agent goes on from there
        now = self._clock()
        outcome = held_back(outcome, self._bad.why if self._bad else ())
        standing = after(self._standings[name], outcome.condition, now, self._interval, self._wait)
        if standing.condition is Condition.STUCK:
            outcome = replace(outcome, condition=Condition.STUCK)
        if self._counting is not None:
            self._counting.looked(name, outcome, standing, now - began)
        self._tell(name, outcome, standing, now - began)
        self._standings[name] = standing
        self._notify(project, name, outcome)

    def _why(self, error: Exception) -> tuple[Diagnostic, ...]:
        """What an error says; a bug, of ours or a plugin's, is logged, and all else is to go on."""
        if isinstance(error, StackspecError):
            return error.diagnostics
        trace = "".join(traceback.format_exception(error)) if self._verbose else None
        self._log.tell("bug", type(error).__name__, level="error", trace=trace)
        message = f"{type(error).__name__}: {Redactor.hidden_by_any(str(error))}"
        hint = "this is a bug in stackspec: please report it" + ("" if self._verbose else ", with what -v logs")
        return (Diagnostic("SS0999", message, hint=hint),)

    def _tell(self, name: str, outcome: Outcome, standing: Standing, seconds: float) -> None:
        has_failed = outcome.condition is Condition.FAILED
        anew = has_failed or outcome.condition is not self._standings[name].condition
        self._log.tell(
            "looked",
            outcome.detail,
            level=_LEVELS.get(outcome.condition, "info") if anew else "info",
            why=outcome.diagnostics if anew else (),
            environment=name,
            condition=outcome.condition.value,
            seconds=round(seconds, 3),
            commit=self._record.good,
            failures=standing.failures or None,
            again_in=round(standing.due - self._clock(), 1) if has_failed else None,
        )
        if outcome.warnings and outcome.warnings != self._warned.get(name):
            self._log.tell("warned", level="warning", why=outcome.warnings, environment=name)
        self._warned[name] = outcome.warnings

    def _notify(self, project: Project, name: str, outcome: Outcome) -> None:
        before = self._record.told.get(name)
        found = notice(name, before, outcome)
        taken = self._alert(project, name, found) if found is not None else 0
        if taken is None:
            return  # it is tried again at the next look
        knows = told(before, outcome.condition)
        if knows is not None and knows is not before:
            self._record = replace(self._record, told={**self._record.told, name: knows})
            try:
                self._folder.write(self._record)
            except StackspecError as error:
                self._log.tell("not-remembered", level="warning", why=error.diagnostics)
        if found is not None and taken:
            self._log.tell("told", found.title, environment=name, alerters=taken)

    def _alert(self, project: Project, name: str, found: Notice) -> int | None:
        """How many alerters took what people are to be told; None where nobody was told who should have been."""
        self._beat(f"telling people of '{name}'", 2 * PATIENCE)
        try:
            taken, problems = alert(project, name, found)
        except StackspecError as error:
            taken, problems = 0, list(error.diagnostics)
        if problems:
            self._log.tell("nobody-told", found.title, level="warning", why=problems, environment=name)
        return None if problems and not taken else taken

    # --- what others are told meanwhile

    def _beat(self, doing: str, patience: float = 0.0) -> None:
        self.pulse = Pulse(self._clock(), doing, patience)

    def _watch(self, name: str) -> Watch:
        def planned(plan: Plan, allowed: bool) -> None:
            changes = [one for one in plan.changes if one.action is not Action.NO_OP]
            self._log.tell(
                "planned",
                counts_text(plan.summary),
                environment=name,
                applied=allowed,
                changes=[{"address": str(one.address), "action": one.action.value} for one in changes[:_MOST_CHANGES]],
                more=max(0, len(changes) - _MOST_CHANGES) or None,
            )

        def applying(begins: bool) -> None:
            self.is_applying = begins

        def listen(event: Event) -> None:
            self._beat(f"applying '{name}'", self.pulse.patience)
            document = event_json(event)
            level: Level = "error" if isinstance(event, Failed) else "warning" if isinstance(event, Skipped) else "info"
            message = document.pop("message", document.pop("reason", ""))
            self._log.tell(f"apply-{document.pop('event')}", message, level=level, environment=name, **document)

        return Watch(self._beat, planned, applying, listen)
