"""What the manifests declare, by kind and name, before any environment is chosen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from stackspec.core.diagnostic import Diagnostic, Note, Span, did_you_mean
from stackspec.core.frozen import dataclass
from stackspec.core.hints import Hints
from stackspec.core.layout import DEFAULT_ENVIRONMENT
from stackspec.flavors.types import COMPONENT_TYPES
from stackspec.manifest.model import EnvironmentSpec, Manifest, ProjectSpec

PROCESS_STORE = "env"
"""The store that is there without being declared: the variables of the process."""
NAMED_KINDS = ("Environment", "Stack", "Secret", "SecretStore", "Policy")
"""The kinds whose manifests are told apart by their names alone."""


@dataclass(frozen=True, slots=True)
class Declarations:
    """Manifests by what they are called; components by type and name, since one name may serve several types."""

    project: ProjectSpec
    project_manifest: Manifest | None
    environments: Mapping[str, Manifest]
    stacks: Mapping[str, Manifest]
    components: Mapping[tuple[str, str], Manifest]
    secrets: Mapping[str, Manifest]
    secret_stores: Mapping[str, Manifest]
    policies: Mapping[str, Manifest]

    @property
    def environment_names(self) -> tuple[str, ...]:
        """The names that an environment can be selected by."""
        return tuple(self.environments) or (DEFAULT_ENVIRONMENT,)

    def select(self, wanted: str | None) -> str | Diagnostic:
        """The environment to work on: the one asked for, else the project's default, else the only one."""
        names, place = self.environment_names, None
        if wanted is None and (wanted := self.project.default_environment) is not None and self.project_manifest:
            place = self.project_manifest.span(("spec", "default_environment"))
        if wanted is None:
            if len(names) == 1:
                return names[0]
            hint = "select one with -e: " + ", ".join(names)
            return Diagnostic("SS0407", "no environment is selected, and several are declared", hint=hint)
        if wanted in names:
            return wanted
        return Diagnostic(
            "SS0407", f"the environment '{wanted[:80]}' is not declared", place, did_you_mean(wanted, names)
        )


def declare(manifests: Iterable[Manifest]) -> tuple[Declarations, list[Diagnostic]]:
    """Sort manifests by kind and name; of two with one name the first counts."""
    diagnostics: list[Diagnostic] = []
    project: Manifest | None = None
    named: dict[str, dict[str, Manifest]] = {kind: {} for kind in NAMED_KINDS}
    components: dict[tuple[str, str], Manifest] = {}
    for manifest in manifests:
        if manifest.kind == "Project":
            if project is not None:
                diagnostics.append(_taken("a Project", manifest.span(("kind",)), project.span(("kind",))))
            project = project or manifest
        elif manifest.kind == "Component":
            key = _component_key(manifest, diagnostics)
            if key is None:
                continue
            first = components.setdefault(key, manifest)
            if first is not manifest:
                diagnostics.append(_taken(f"the Component {'/'.join(key)}", manifest.place, first.place))
        else:
            first = named[manifest.kind].setdefault(manifest.name, manifest)
            if first is not manifest:
                diagnostics.append(_taken(f"the {manifest.kind} '{manifest.name}'", manifest.place, first.place))
            elif manifest.kind == "SecretStore" and manifest.name == PROCESS_STORE:
                diagnostics.append(_taken_by_the_process(manifest.place))
    settings = ProjectSpec.from_value(project.spec) if project else ProjectSpec()
    declarations = Declarations(
        settings,
        project,
        named["Environment"],
        named["Stack"],
        components,
        named["Secret"],
        named["SecretStore"],
        named["Policy"],
    )
    return declarations, diagnostics + list(_unknown_types(declarations)) + list(_unknown_environments(declarations))


def environment_settings(manifest: Manifest | None) -> EnvironmentSpec:
    """The declared settings of an environment, its `vars` not resolved yet."""
    return EnvironmentSpec.from_value(manifest.spec) if manifest else EnvironmentSpec()


def _taken(what: str, place: Span, first: Span) -> Diagnostic:
    return Diagnostic(
        "SS0401",
        f"{what} is declared twice",
        place,
        "rename or remove one of them",
        notes=(Note("first declared here", first),),
    )


def _taken_by_the_process(place: Span) -> Diagnostic:
    message = (
        f"the SecretStore '{PROCESS_STORE}' has the name of one that is always there: the variables of the process"
    )
    hint = "give it another name, and say that under 'store' of the Secrets that mean it"
    return Diagnostic("SS0401", message, place, hint)


def _component_key(manifest: Manifest, diagnostics: list[Diagnostic]) -> tuple[str, str] | None:
    kind = manifest.spec.get("type")
    if not isinstance(kind, str):
        return None  # reported by the schema
    if kind not in COMPONENT_TYPES:
        diagnostics.append(unknown_type(kind, manifest.span(("spec", "type"))))
        return None
    return kind, manifest.name


def unknown_type(name: str, place: Span) -> Diagnostic:
    """A component type that does not exist, at its place."""
    if "{{" in name:
        return Diagnostic("SS0305", "a component type cannot be an expression", place, "write it out")
    return Diagnostic("SS0207", f"unknown component type '{name[:80]}'", place, did_you_mean(name, COMPONENT_TYPES))


def _unknown_types(declarations: Declarations) -> Iterable[Diagnostic]:
    for index, name in enumerate(declarations.project.required_components):
        if name not in COMPONENT_TYPES and declarations.project_manifest:
            yield unknown_type(name, declarations.project_manifest.span(("spec", "required_components", index)))


def _unknown_environments(declarations: Declarations) -> Iterable[Diagnostic]:
    names, hints = dict.fromkeys(declarations.environment_names), Hints()
    for stack in declarations.stacks.values():
        for index, name in enumerate(stack.spec.get("deploy_to") or ()):
            if name not in names:
                place = stack.span(("spec", "deploy_to", index))
                yield Diagnostic(
                    "SS0402", f"the environment '{name}' is not declared", place, hints.did_you_mean(name, names)
                )
