"""What `validate`, `plan` or `drift` found, as the one value that every form for pull requests and CI is made of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from hashlib import blake2b

from stackspec.core.address import ComponentAddress
from stackspec.core.diagnostic import HIDING, Diagnostic, Severity, Span
from stackspec.core.frozen import dataclass
from stackspec.core.layout import PROJECT_FILE
from stackspec.manifest.text import SourceText
from stackspec.plan.drift import Drift
from stackspec.plan.model import Action, Change, Plan
from stackspec.render.checkout_place import HERE, CheckoutPlace
from stackspec.render.text import headline
from stackspec.stack.model import DesiredState
from stackspec.state.model import AppliedState, Operation, PendingOperation

OWNER_LABELS = ("owner", "team")
"""The labels that say whose a stack or component is, the first one first."""

_LONGEST_LINE = 1000
"""Characters of a line that its fingerprint is made of."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to look at: a problem, or a change that removes something.

    Attributes:
        key: What tells it from others of its code while manifests are edited, such as an address; empty for a problem,
            which its line tells.
    """

    diagnostic: Diagnostic
    key: str = ""

    @property
    def is_error(self) -> bool:
        """Whether it is an error rather than a warning."""
        return self.diagnostic.severity is Severity.ERROR

    @property
    def is_review(self) -> bool:
        """Whether nothing is wrong, and somebody should look at it all the same."""
        return bool(self.key)


@dataclass(frozen=True, slots=True)
class Located:
    """A finding, and where it is.

    Attributes:
        path: The file, from the repository's root.
        fingerprint: What tells it from all others of a report, the same though lines above it come or go. It is made
            of what may be shown, and nobody can guess a secret by it.
    """

    finding: Finding
    path: str
    span: Span
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Drifted:
    """What `drift` saw.

    Attributes:
        found: How components differ from what was applied.
        unseen: An error for each that could not be looked at.
    """

    applied: AppliedState
    found: tuple[Drift, ...]
    unseen: tuple[Diagnostic, ...]

    @property
    def unfinished(self) -> list[PendingOperation]:
        """What an apply began and did not end, and the removals that are owed."""
        return [*self.applied.pending.values(), *self.applied.deposed.values()]


@dataclass(frozen=True, slots=True)
class Report:
    """What a command found.

    Attributes:
        command: `validate`, `plan` or `drift`.
        environment: The one that was worked on; None where it was all of them, or none could be told.
        diagnostics: What is wrong.
        reviews: What somebody should look at though nothing is wrong.
        plan: What `plan` made; None where it failed.
        drift: What `drift` saw; None where it failed.
        owners: Address of a stack or component to whose it is, as its labels say.
        texts: File, as places name it, to its text.
        judged: The files that were checked, where the command checks files.
        described: What was checked and is valid, in a few words.
        asked: The environment that was asked for; None where it was left to the project.
        place: Where the project is in its repository.
        untrusted: Whether a stranger wrote the manifests, so that nothing but them was looked at.
        show_all: Whether unchanged components are asked for.
        version: Of stackspec.
    """

    command: str
    environment: str | None = None
    diagnostics: tuple[Diagnostic, ...] = ()
    reviews: tuple[Finding, ...] = ()
    plan: Plan | None = None
    drift: Drifted | None = None
    owners: Mapping[str, str] = field(default_factory=dict)
    texts: Mapping[str, SourceText] = field(default_factory=dict, repr=False)
    judged: tuple[str, ...] = ()
    described: str = ""
    asked: str | None = None
    place: CheckoutPlace = HERE
    untrusted: bool = False
    show_all: bool = False
    version: str = "0"

    @property
    def findings(self) -> list[Finding]:
        """Everything to look at, errors first."""
        found = [*map(Finding, self.diagnostics), *self.reviews]
        return sorted(found, key=lambda one: not one.is_error)

    def path(self, finding: Finding) -> tuple[str, Span]:
        """The file that a finding is about, from the repository's root, and the place in it.

        What has no place of its own in the repository is told at the beginning of the project's own file.
        """
        source = finding.diagnostic.source
        path = self.place.path(source) if source else None
        if source and path is not None:
            return path, source
        inside = (one for one in self.texts if self.place.path(_beginning(one)) is not None)
        file = PROJECT_FILE if PROJECT_FILE in self.texts else next(inside, PROJECT_FILE)
        return self.place.path(_beginning(file)) or file, _beginning(file)

    @property
    def located(self) -> Iterator[Located]:
        """The findings in their order, each where it is in the repository."""
        seen = Counter[str]()
        for finding in self.findings:
            path, span = self.path(finding)
            content = "\n".join((finding.diagnostic.code, path, finding.key or self._said(finding)))
            digest = blake2b(content.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
            seen[digest] += 1
            yield Located(finding, path, span, f"{digest}:{seen[digest]}")

    def _said(self, finding: Finding) -> str:
        diagnostic = finding.diagnostic
        span = diagnostic.source
        text = self.texts.get(span.file) if span else None
        if span is None or text is None or diagnostic.code in HIDING:
            return diagnostic.message if span is None else ""
        from stackspec.manifest.masked import masked

        return masked(text, span.line, slice(0, _LONGEST_LINE))[:_LONGEST_LINE].strip()


def _beginning(file: str) -> Span:
    return Span(file, 1, 1, 1, 1)


def destroyed_by(plan: Plan) -> list[Change]:
    """The changes by which what is there of a component goes, be it for another to come."""
    removing = {(one.address, one.deposed) for one in plan.steps.values() if Operation.DEPROVISION in one.operations}
    return [
        one
        for one in plan.changes
        if one.action in (Action.DELETE, Action.REPLACE) or (one.address, one.deposed) in removing
    ]


def reviews_of_plan(plan: Plan, desired: DesiredState) -> tuple[Finding, ...]:
    """What a plan destroys or replaces, at its place in the manifests or at that of a stack that has it."""
    return tuple(_destroyed(change, desired) for change in destroyed_by(plan))


def _destroyed(change: Change, desired: DesiredState) -> Finding:
    goes = change.action is Action.DELETE
    what = f"{change.address} ({change.flavor})" + (f" deposed {change.deposed}" if change.deposed else "")
    message = f"{what} is {'destroyed' if goes else 'replaced'}: {headline(change.reason)}"
    place = change.source or _place_of_stack(change.stacks, desired)
    diagnostic = Diagnostic("SS1401" if goes else "SS1402", message, place, severity=Severity.WARNING)
    return Finding(diagnostic, f"{change.address} {change.deposed}".strip())


def _place_of_stack(stacks: Sequence[str], desired: DesiredState) -> Span | None:
    """Where the first of some stacks begins that is declared."""
    places = (desired.stacks[name].place() for name in stacks if name in desired.stacks)
    return next((Span(one.file, one.line, one.column, one.line, one.column) for one in places), None)


def reviews_of_drift(drift: Drifted, desired: DesiredState) -> tuple[Finding, ...]:
    """What is not as it was applied, and what is not finished, each at its place in the manifests."""
    found = [
        _drifted("SS1403", one.address, one.component.stacks, headline(one.reason), desired) for one in drift.found
    ]
    for one in drift.unfinished:
        why = drift.applied.in_flight(one) if one.failure is None else f"{one.operation} is not done: {one.failure}"
        found.append(_drifted("SS1404", one.component.address, one.component.stacks, headline(why), desired))
    return tuple(found)


def _drifted(code: str, address: ComponentAddress, stacks: Sequence[str], why: str, desired: DesiredState) -> Finding:
    component = desired.components.get(address)
    place = component.place() if component else None
    place = place or _place_of_stack(stacks, desired)
    return Finding(Diagnostic(code, f"{address}: {why}", place, severity=Severity.WARNING), str(address))


def owners(desired: DesiredState, applied: AppliedState) -> dict[str, str]:
    """Address of each stack and component to whose it is, as its labels say."""
    labelled = {
        **{str(one.address): one.labels for one in applied.known_components},
        **{str(address): one.labels for address, one in desired.components.items()},
        **{f"stack/{name}": one.labels for name, one in desired.stacks.items()},
    }
    said = {address: _owner(labels) for address, labels in labelled.items()}
    return {address: owner for address, owner in said.items() if owner}


def _owner(labels: Mapping[str, str]) -> str:
    return next((labels[name] for name in OWNER_LABELS if labels.get(name)), "")
