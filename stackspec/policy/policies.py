"""The policies of a project, ready to be asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

from stackspec.core.diagnostic import Diagnostic, Severity, Span, did_you_mean, has_errors
from stackspec.core.frozen import dataclass
from stackspec.flavors.registry import Registry
from stackspec.flavors.types import COMPONENT_TYPES
from stackspec.manifest.load import located
from stackspec.manifest.model import Manifest, PolicySpec
from stackspec.manifest.schema import Checker
from stackspec.policy.requirement import wrong
from stackspec.stack.declared import Declarations, unknown_type

Patterns = str | Sequence[str] | None
_WILD = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy.

    Attributes:
        requirement: What its components must be like; a component is judged against it as `subject` has it.
        place: Where it is declared.
    """

    name: str
    spec: PolicySpec
    requirement: Checker
    place: Span

    @property
    def severity(self) -> Severity:
        """What not meeting it is."""
        return Severity(self.spec.level)

    @property
    def is_of_actions(self) -> bool:
        """Whether it is about what plans do, rather than what components are."""
        return self.spec.match.action is not None

    def is_about(self, component_type: str, flavor: str, environment: str, labels: Mapping[str, str]) -> bool:
        """Whether a component is one of those that it is about."""
        match = self.spec.match
        return (
            fits(match.type, component_type)
            and fits(match.flavor, flavor)
            and fits(match.environment, environment)
            and all(name in labels and fits(wanted, labels[name]) for name, wanted in match.labels.items())
        )


def fits(patterns: Patterns, text: str) -> bool:
    """Whether one of the patterns matches a text; so where there are none."""
    if patterns is None:
        return True
    return any(fnmatchcase(text, one) for one in ([patterns] if isinstance(patterns, str) else patterns))


def policies_of(declarations: Declarations, registry: Registry) -> tuple[list[Policy], list[Diagnostic]]:
    """The policies that are declared, and what is wrong with them; one that has an error is left out."""
    found, diagnostics = list[Policy](), list[Diagnostic]()
    for name, manifest in declarations.policies.items():
        if not _is_whole(manifest):
            continue
        problems = [*form_problems(manifest), *_unknown_environments(manifest, declarations)]
        diagnostics += problems
        if not has_errors(problems):
            diagnostics += _unknown_flavors(manifest, registry)
            spec = PolicySpec.from_value(manifest.spec)
            found.append(Policy(name, spec, Checker(spec.require), manifest.place))
    return found, diagnostics


def form_problems(manifest: Manifest) -> Iterator[Diagnostic]:
    """What is wrong with a policy whatever else is declared, beside what its schema tells."""
    if not _is_whole(manifest):
        return
    for problem in wrong(manifest.spec["require"], of_actions=bool(manifest.spec.get("match", {}).get("action"))):
        found = located(problem, manifest.document, ("spec", "require"))
        message = f"the requirement of the policy '{manifest.name}': {problem.message}"
        yield Diagnostic("SS1102", message, found.source, problem.hint)
    for name, place in _patterns(manifest, "type"):
        if not any(fits(name, known) for known in COMPONENT_TYPES):
            yield unknown_type(name, place)


def _is_whole(manifest: Manifest) -> bool:
    """Whether nothing was left out of what is read of it, since it is wrong and reported."""
    return "require" in manifest.spec and manifest.spec.keys() == manifest.document.value["spec"].keys()


def _unknown_environments(manifest: Manifest, declarations: Declarations) -> Iterator[Diagnostic]:
    known = declarations.environment_names
    for name, place in _patterns(manifest, "environment"):
        if name not in known and not _WILD & set(name):
            message = f"the environment '{name[:80]}' is not declared"
            yield Diagnostic("SS0402", message, place, did_you_mean(name, known))


def _unknown_flavors(manifest: Manifest, registry: Registry) -> Iterator[Diagnostic]:
    """A warning of each flavor that there is none of; the package that has it may not be installed here."""
    types = manifest.spec.get("match", {}).get("type")
    kinds = [kind for kind in COMPONENT_TYPES if fits(types, kind)]
    for name, place in _patterns(manifest, "flavor"):
        if _WILD & set(name) or any(registry.knows(kind, name) for kind in kinds):
            continue
        known = {flavor for kind in kinds for flavor in registry.flavors_of(kind)}
        message = f"the policy '{manifest.name}' is about no component: there is no flavor '{name[:80]}'"
        yield Diagnostic("SS0208", message, place, did_you_mean(name, known), Severity.WARNING)


def _patterns(manifest: Manifest, key: str) -> Iterable[tuple[str, Span]]:
    """The patterns of what it matches, each with its place."""
    patterns, path = manifest.spec.get("match", {}).get(key), ("spec", "match", key)
    one_by_one = (
        [(patterns, path)]
        if isinstance(patterns, str)
        else [(name, (*path, index)) for index, name in enumerate(patterns or ())]
    )
    return [(name, manifest.span(where)) for name, where in one_by_one]
