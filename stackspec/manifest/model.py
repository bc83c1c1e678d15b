"""The kinds of manifest as declared: one record a kind, from which their JSON Schemas are generated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from stackspec.core.address import NAME_PATTERN, STEPS_PATTERN, FieldPath
from stackspec.core.diagnostic import Span
from stackspec.core.fields import Fields, setting
from stackspec.core.frozen import dataclass
from stackspec.core.values import ValueMap
from stackspec.manifest.document import Document
from stackspec.manifest.state_settings import STATE_SCHEMA, SqliteSettings, StateSettings

API_VERSION = "stackspec.dev/v1"
ADDRESS_PATTERN = "^[a-z]([a-z_]{0,38}[a-z])?/[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?$"
DURATION_PATTERN = "^[0-9]{1,6}(ms|s|m|h)$"
VARIABLE_PATTERN = "^[A-Za-z_][A-Za-z0-9_]{0,254}$"
KEY_PATTERN = "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,126}$"
MODULE_PATTERN = "^[A-Za-z_][A-Za-z0-9_]{0,99}(\\.[A-Za-z_][A-Za-z0-9_]{0,99}){0,9}$"
CONFIG_PATH_PATTERN = f"^config{STEPS_PATTERN}$"

_NAME = {"type": "string", "pattern": NAME_PATTERN}
_NAMES = {"type": "array", "items": _NAME}
_ADDRESSES = {"type": "array", "items": {"type": "string", "pattern": ADDRESS_PATTERN}}
VARIABLES_SCHEMA = {
    "type": "object",
    "propertyNames": {"pattern": VARIABLE_PATTERN},
    "additionalProperties": {"type": ["string", "number", "boolean"]},
}
_TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}


class Metadata(Fields):
    """What a manifest is called and labelled."""

    name: str = setting(
        "The name, unique among manifests of its kind; of Components, among those of its type.", schema=_NAME
    )
    labels: Mapping[str, str] = setting("Labels: text to text, for people.", default={}, schema=_TEXTS)
    annotations: Mapping[str, str] = setting("Notes that stackspec does not read.", default={}, schema=_TEXTS)
    namespace: str | None = setting("Not read; tools for Kubernetes write it.", default=None)
    creationTimestamp: str | None = setting(  # noqa: N815  Kubernetes calls it so
        "Not read; tools for Kubernetes write it.", default=None
    )


class ProjectSpec(Fields):
    """Settings of the whole project; every one has a default."""

    manifests: tuple[str, ...] = setting(
        "Folders and files, relative to the project's root, that hold manifests; none where they come by `-f` only.",
        default=("stacks",),
    )
    state: StateSettings = setting("Where applied state is kept.", default=SqliteSettings(), schema=STATE_SCHEMA)
    plugins: tuple[str, ...] = setting(
        "Python modules that define flavors; they must be installed, folders of the project are not searched.",
        default=(),
        schema={"type": "array", "items": {"type": "string", "pattern": MODULE_PATTERN}},
    )
    env: tuple[str, ...] = setting(
        "The process variables that manifests may read as {{ env.NAME }}.",
        default=(),
        schema={"type": "array", "items": {"type": "string", "pattern": VARIABLE_PATTERN}},
    )
    required_components: tuple[str, ...] = setting(
        "The component types that every stack must have.", default=("orchestrator", "artifact_store")
    )
    default_environment: str | None = setting(
        "The environment used where none is selected.", default=None, schema={**_NAME, "type": ["string", "null"]}
    )
    allowed_paths: tuple[str, ...] = setting(
        "Absolute folders outside the project that paths in manifests may lie under.",
        default=(),
        schema={"type": "array", "items": {"type": "string", "pattern": "^/"}},
    )


class EnvironmentSpec(Fields):
    """A place to deploy to, with a state of its own."""

    description: str = setting("For people.", default="")
    vars: Mapping[str, Any] = setting("Values that manifests read as {{ vars.NAME }}.", default={})
    protected: bool = setting(
        "Whether a change of it, or of its state by hand, needs the environment's name as its approval.", default=False
    )


class LifecycleSpec(Fields):
    """Rules that bound what an apply may do to a component."""

    prevent_destroy: bool = setting("Refuse plans that delete or replace the component.", default=False)
    create_before_destroy: bool = setting(
        "Where the component is replaced, make the new one before the old one is removed.", default=False
    )
    retain_on_delete: bool = setting("Forget the component instead of deprovisioning it.", default=False)
    ignore_changes: tuple[str, ...] = setting(
        "Config fields whose changes are not planned, as paths like config.tags.",
        default=(),
        schema={"type": "array", "items": {"type": "string", "pattern": CONFIG_PATH_PATTERN}},
    )


NO_LIFECYCLE = LifecycleSpec()
"""The lifecycle of a component that declares none."""


def _timeout(hook: str) -> Any:
    return setting(
        f"How long {hook} may take, like 90s or 5m.",
        default=None,
        schema={"type": ["string", "null"], "pattern": DURATION_PATTERN},
    )


class TimeoutsSpec(Fields):
    """How long hooks may take."""

    observe: str | None = _timeout("observe")
    provision: str | None = _timeout("provision")
    update: str | None = _timeout("update")
    deprovision: str | None = _timeout("deprovision")
    suspend: str | None = _timeout("suspend")
    resume: str | None = _timeout("resume")


class _ComponentFields(Fields):
    flavor: str = setting("Which implementation of the component type.", schema={"type": "string"})
    config: Mapping[str, Any] = setting("The flavor's settings.", default={})
    depends_on: tuple[str, ...] = setting(
        "Addresses of components that must be there first.", default=(), schema=_ADDRESSES
    )
    lifecycle: LifecycleSpec = setting("Rules that bound what an apply may do.", default=LifecycleSpec())
    timeouts: TimeoutsSpec = setting("How long hooks may take.", default=TimeoutsSpec())
    moved: tuple[str, ...] = setting(
        "Addresses that the component had before: what is applied under one is taken over, not made anew.",
        default=(),
        schema=_ADDRESSES,
    )
    import_: bool = setting(
        "Whether to take over what exists already, where nothing is applied; it must exist.", default=False
    )
    environment: Mapping[str, Any] = setting(
        "Variables for what runs with the component.", default={}, schema=VARIABLES_SCHEMA
    )
    secrets: tuple[str, ...] = setting(
        "Names of Secrets whose keys are variables for what runs with the component.", default=(), schema=_NAMES
    )


class ComponentSpec(_ComponentFields):
    """A component that stacks share; it exists once."""

    type: str = setting("The component type.", schema={"type": "string"})


class InlineComponent(_ComponentFields):
    """A component declared inside a stack."""

    name: str | None = setting(
        "Its name; the stack's name where absent.", default=None, schema={**_NAME, "type": ["string", "null"]}
    )


class ComponentReference(Fields):
    """A stack's use of a Component declared elsewhere."""

    ref: str = setting("The Component's name.", schema=_NAME)


class StackSpec(Fields):
    """A set of components that decides where and how pipelines run."""

    description: str = setting("For people.", default="")
    deploy_to: tuple[str, ...] | None = setting(
        "The environments that the stack exists in; all where absent.",
        default=None,
        schema={"type": ["array", "null"], "items": _NAME, "minItems": 1},
    )
    environment: Mapping[str, Any] = setting(
        "Variables for what runs on the stack.", default={}, schema=VARIABLES_SCHEMA
    )
    secrets: tuple[str, ...] = setting(
        "Names of Secrets whose keys are variables for what runs on the stack.", default=(), schema=_NAMES
    )
    components: Mapping[str, Any] = setting("Component type to a component, the name of a shared one, or a list.")
    run_state: Literal["running", "suspended"] = setting("Whether what can run does.", default="running")


class SecretStoreSpec(Fields):
    """A place that keeps secrets."""

    type: str = setting("The type of store.", schema={"type": "string"})
    config: Mapping[str, Any] = setting("How the store is reached; never with a secret in it.", default={})


class SecretSpec(Fields):
    """Values that a store keeps, under names for manifests to read; never a value itself."""

    store: str = setting("The name of the SecretStore; 'env', the variables of the process, needs none.", schema=_NAME)
    keys: Mapping[str, str] = setting(
        "Key, as manifests read it by {{ secrets.NAME.KEY }}, to the value's place in the store.",
        schema={
            "type": "object",
            "propertyNames": {"pattern": KEY_PATTERN},
            "additionalProperties": {"type": "string", "minLength": 1},
            "minProperties": 1,
        },
    )


_ACTIONS = ("create", "update", "replace", "delete", "suspend", "resume", "adopt", "forget", "recover")


def _patterns(described: str) -> Any:
    """A pattern or several, one of which must match."""
    patterns = {"type": ["string", "array", "null"], "items": {"type": "string"}, "minItems": 1}
    return setting(
        f"{described}, or several; '*' and '?' stand for any text and any character.", schema=patterns, default=None
    )


class PolicyMatch(Fields):
    """Which components a policy is about: those of which all holds that is said here."""

    type: str | tuple[str, ...] | None = _patterns("The component type")
    flavor: str | tuple[str, ...] | None = _patterns("The flavor")
    environment: str | tuple[str, ...] | None = _patterns("The environment")
    labels: Mapping[str, Any] = setting(
        "Label to a pattern of its text, or several.",
        default={},
        schema={
            "type": "object",
            "additionalProperties": {"type": ["string", "array"], "items": {"type": "string"}, "minItems": 1},
        },
    )
    action: str | tuple[str, ...] | None = setting(
        "What a plan does to the component, or several; where it is absent, components are judged as they are to be.",
        default=None,
        schema={
            "anyOf": [
                {"type": "null"},
                {"type": "string", "enum": list(_ACTIONS)},
                {"type": "array", "items": {"type": "string", "enum": list(_ACTIONS)}, "minItems": 1},
            ]
        },
    )


class PolicySpec(Fields):
    """What components must be like, and what plans may do to them."""

    match: PolicyMatch = setting("Which components, and which planned actions; all components.", default=PolicyMatch())
    require: Any = setting(
        "What holds of each of them, as a JSON Schema of the component; false forbids them.",
        schema={"type": ["object", "boolean"]},
    )
    level: Literal["error", "warning"] = setting("Whether what does not meet it is refused.", default="error")
    message: str = setting("Why, and what to do, in the policy's own words.", default="")


KINDS: Mapping[str, type[Fields]] = {
    "Project": ProjectSpec,
    "Stack": StackSpec,
    "Component": ComponentSpec,
    "Environment": EnvironmentSpec,
    "SecretStore": SecretStoreSpec,
    "Secret": SecretSpec,
    "Policy": PolicySpec,
}
"""Kind to the record of its `spec`."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """One checked document: its envelope as values, its `spec` as written, expressions unresolved."""

    kind: str
    name: str
    labels: Mapping[str, str]
    spec: ValueMap
    document: Document

    def span(self, path: FieldPath = (), *, key: bool = False) -> Span:
        """The place of a value of the document, by its path from the document's root."""
        return self.document.span(path, key=key)

    @property
    def place(self) -> Span:
        """Where the manifest's name stands."""
        return self.document.span(("metadata", "name"))
