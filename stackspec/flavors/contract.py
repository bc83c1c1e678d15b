"""What a flavor is: a spec that is data, and hooks that are code.

A flavor is one class in one file. Its `Config` and `Outputs` become the spec, which loads without the flavor's own
packages and is all that the compiler and the planner see; its hooks run only in `apply`, `destroy` and `status`, and
import what they need when they run.

Every hook must converge: the same call twice makes one object, and deprovisioning what is absent succeeds. A hook may
be killed at any instant and is then called again with the same `context.identity`.
"""

from __future__ import annotations

import builtins
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import field
from pathlib import Path
from time import monotonic
from typing import Any, ClassVar, Self

from stackspec.core.address import ComponentAddress
from stackspec.core.fields import Fields, Schema, defaults_of, json_schema, setting, settings_marked
from stackspec.core.frozen import dataclass
from stackspec.core.layout import LOCAL_FOLDER, PROJECT_FILE, in_environment
from stackspec.core.loopback import is_local
from stackspec.core.places import is_allowed, is_reserved, real_place
from stackspec.flavors.stack_rules import StackRule

__all__ = [
    "Flavor",
    "FlavorConfig",
    "FlavorOutputs",
    "FlavorSpec",
    "HookContext",
    "HookError",
    "Observation",
    "Owner",
    "StackRule",
    "setting",
]


class FlavorConfig(Fields):
    """The parent of a flavor's `Config`: what a manifest may write under `config`."""


class FlavorOutputs(Fields):
    """The parent of a type's or flavor's `Outputs`: what other components may read once it is provisioned."""


class HookError(Exception):
    """A hook cannot do its work for a reason that a user can mend: a headline, and what to do.

    Args:
        transient: The reason may pass by itself within seconds, so the hook is to be called again first.
    """

    def __init__(self, message: str, hint: str | None = None, *, transient: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.transient = transient


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose mark it is that something carries: a component's, as it was when it made it.

    Attributes:
        address: The component's, as text.
        environment: The name of its environment, where the mark tells.
        lineage: Of the state that it was in, where the mark tells.
    """

    identity: str
    address: str
    environment: str | None = None
    lineage: str | None = None

    def __str__(self) -> str:
        where = f" of the environment '{self.environment}'" if self.environment else ""
        return f"{self.address}{where}"


@dataclass(frozen=True, slots=True)
class Observation:
    """What a component really is, as far as it can be seen without changing it.

    Attributes:
        provisioned: It exists completely; half of it is False.
        running: It serves; None for what has nothing that runs.
        detail: One line for a person: a count, an address, why it is not running.
        fields: Config field to its real value, for the fields that can be seen; a difference is drift.
        owner: Whose it is by its mark, where that is another component's; importing it takes that identity on.
    """

    provisioned: bool
    running: bool | None = None
    detail: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)
    owner: Owner | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HookContext:
    """What a hook may know and use beside its config.

    Attributes:
        address: The component's.
        identity: Random text made before the component's first hook and kept for its life; what a hook creates
            carries it as the mark of ownership, so that a retry recognises its own work.
        environment: The name of the environment.
        lineage: Of the state that the component is in; with the environment it tells one project's from another's.
        root: The project's root, absolute.
        data_dir: An absolute folder for the component alone; a hook that uses it creates and removes it.
        outputs: What the last successful hook returned; empty before the first.
        deadline: `time.monotonic()` seconds at which the hook must have ended.
        allowed_paths: Absolute folders outside the project that manifests may name.
        cancelled: Set when the user insists on stopping; a hook that waits looks at it.
        log: Shows the user a line of progress.
        tells_secret: Whether a text holds a value of the config that is made of secrets: such a text must not become an
            argument of a program, nor be written where others can read it.
    """

    address: ComponentAddress
    identity: str
    environment: str
    root: Path
    data_dir: Path
    deadline: float
    lineage: str = ""
    outputs: Mapping[str, Any] = field(default_factory=dict)
    allowed_paths: tuple[Path, ...] = ()
    cancelled: threading.Event = field(default_factory=threading.Event)
    log: Callable[[str], None] = field(default=lambda _line: None)
    tells_secret: Callable[[str], bool] = field(default=lambda _text: False)

    def remaining(self) -> float:
        """Seconds until the deadline, never negative."""
        return max(0.0, self.deadline - monotonic())

    def path(self, text: str) -> Path:
        """The absolute path of a `path` field, links resolved.

        Raises:
            HookError: it leads out of the project and is under no allowed path, or to stackspec's own folder. The
                compiler has refused such a text already; a link made since then can still lead astray, and a text
                made of outputs is known only now, so it is checked again at use.
        """
        return allowed_place(self.root, text, self.allowed_paths)


def import_command(context: HookContext) -> str:
    """What has a component taken over that exists already and that nobody has."""
    return in_environment(f"stackspec import {context.address}", context.environment)


def allowed_place(root: Path, text: str, allowed_paths: Iterable[Path]) -> Path:
    """The absolute path of a `path` field, links resolved.

    Raises:
        HookError: it leads out of the project and is under no allowed path, or to stackspec's own folder.
    """
    resolved = real_place(root, text)
    if not is_allowed(resolved, root, allowed_paths):
        raise HookError(
            f"the path '{text}' leads to {resolved}, outside the project",
            f"use a path inside the project, or add its folder to spec.allowed_paths of {PROJECT_FILE}",
        )
    if is_reserved(resolved, root):
        raise HookError(
            f"the path '{text}' leads to {resolved}, which overlaps with stackspec's own folder {LOCAL_FOLDER}",
            "use a path that the component has for itself",
        )
    return resolved


class Flavor(ABC):
    """A component at work: its resolved config, its context, and the hooks.

    Attributes:
        type: The component type; set by the type's own base class.
        flavor: The flavor's name; the file's name as well.
        extra: The extra of stackspec that installs what the hooks import, if any.
        imports: The modules of other packages, which `extra` installs, that its hooks import.
        imports_unless: The config field with which they import none of them, if there is one.
        requirements: The PyPI requirements of what runs on a stack with this component.
        apt_packages: The Debian packages of what runs on a stack with this component.
        is_remote: Whether the component lives on other machines, so that other machines reach it too.
        located_by: The config field whose address tells it, where configs differ in that and it is not absent.
        runs_in_image: Whether what it runs comes in a container image, made for the stack.
        environment: Variable to the name of the output that is its value, for what runs on a stack with this component.
        stack_rules: What a stack must hold beside it; those of its type hold as well.
        transient: What a hook may raise for a reason that passes by itself, beside a `HookError` that says so.
        occupies: The config fields that name what only one component can have at a time: a path, a port. A second
            component beside the first, for `create_before_destroy`, must differ from it in each of them. None where
            there can be no second one, as for what keeps anything in `context.data_dir` whatever its config says; a
            `path` field that may be absent names that folder then.
        retries: How often a hook that failed so is called again at most, within its deadline. It must converge, as
            after a crash; an `update` is followed by `provision`, as the next apply would do.
    """

    type: ClassVar[str]
    flavor: ClassVar[str]
    extra: ClassVar[str | None] = None
    imports: ClassVar[tuple[str, ...]] = ()
    imports_unless: ClassVar[str | None] = None
    requirements: ClassVar[tuple[str, ...]] = ()
    apt_packages: ClassVar[tuple[str, ...]] = ()
    is_remote: ClassVar[bool] = False
    located_by: ClassVar[str | None] = None
    runs_in_image: ClassVar[bool] = False
    environment: ClassVar[Mapping[str, str]] = {}
    stack_rules: ClassVar[tuple[StackRule, ...]] = ()
    transient: ClassVar[tuple[builtins.type[Exception], ...]] = (ConnectionError, TimeoutError)
    retries: ClassVar[int] = 3
    occupies: ClassVar[frozenset[str] | None] = None

    Config: ClassVar[builtins.type[FlavorConfig]]
    Outputs: ClassVar[builtins.type[FlavorOutputs]]

    def __init__(self, config: Any, context: HookContext) -> None:
        self.config = config
        self.context = context

    @abstractmethod
    def observe(self) -> Observation:
        """See what is there, changing nothing."""

    @abstractmethod
    def provision(self) -> FlavorOutputs:
        """Make it exist and run as the config says.

        Whatever earlier hooks left under this identity: nothing, a half, or, where an update failed or was killed,
        something between two configs.
        """

    @abstractmethod
    def deprovision(self) -> None:
        """Remove what `provision` made, and nothing else."""

    def update(self, previous: Self) -> FlavorOutputs:
        """Change what exists from the previous config to this one.

        It is called where the last hook succeeded, so the previous config is what is there; after an update that did
        not, `provision` is called instead. A flavor without this method is replaced at every change.
        """
        raise TypeError(f"{self.flavor} has no update")

    def suspend(self) -> None:
        """Stop what runs, keeping its data; absent where nothing runs."""
        raise TypeError(f"{self.flavor} has no suspend")

    def resume(self) -> FlavorOutputs:
        """Start again what `suspend` stopped."""
        raise TypeError(f"{self.flavor} has no resume")


@dataclass(frozen=True, slots=True)
class FlavorSpec:
    """A flavor as data: all that the compiler and the planner know of it.

    Attributes:
        schema: The strict JSON Schema of `config`.
        defaults: Field to the value it has when a manifest leaves it out.
        replacing: The fields whose change cannot be made in place.
        sensitive: The fields whose values are never shown.
        paths: The fields that name files or folders.
        occupies: The fields in which two that exist at the same time must differ; None where two cannot.
        outputs: Output name to its description.
        sensitive_outputs: The outputs whose values are never shown, and kept encrypted.
        requirements: The PyPI requirements of what runs on a stack with such a component.
        apt_packages: Likewise the Debian packages.
        remote_by_default: Whether other machines reach it, where no address tells.
        located_by: The config field whose address tells it.
        runs_in_image: Whether what it runs comes in a container image.
        environment: Variable to the output that is its value, for what runs on a stack with such a component.
        stack_rules: What a stack must hold beside it.
    """

    type: str
    flavor: str
    description: str
    schema: Schema
    defaults: Mapping[str, Any]
    replacing: frozenset[str]
    sensitive: frozenset[str]
    paths: frozenset[str]
    outputs: Mapping[str, str]
    can_update: bool
    can_suspend: bool
    extra: str | None
    occupies: frozenset[str] | None = None
    sensitive_outputs: frozenset[str] = frozenset()
    requirements: tuple[str, ...] = ()
    apt_packages: tuple[str, ...] = ()
    remote_by_default: bool = False
    located_by: str | None = None
    runs_in_image: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    stack_rules: tuple[StackRule, ...] = ()

    def is_remote(self, config: Mapping[str, Any]) -> bool | None:
        """Whether other machines reach a component with this config; None where that is not known yet."""
        address = config.get(self.located_by) if self.located_by else None
        if address is None:
            return self.remote_by_default
        return not is_local(address) if isinstance(address, str) else None

    def complete(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """The config with the defaults of the fields it leaves out, in the order in which the flavor declares them."""
        values = {**self.defaults, **config}
        return {name: values[name] for name in self.schema["properties"] if name in values}


def described(cls: type[Flavor]) -> str:
    """What a flavor is, in a line."""
    return (cls.__doc__ or "").strip().partition("\n")[0]


def spec_of(cls: type[Flavor]) -> FlavorSpec:
    """The data half of a flavor's class."""
    schema = json_schema(cls.Config)
    return FlavorSpec(
        type=cls.type,
        flavor=cls.flavor,
        description=described(cls),
        schema=schema,
        defaults=defaults_of(cls.Config),
        replacing=settings_marked(cls.Config, "requires_replacement"),
        sensitive=settings_marked(cls.Config, "sensitive"),
        paths=settings_marked(cls.Config, "path"),
        outputs={
            name: field_schema["description"] for name, field_schema in json_schema(cls.Outputs)["properties"].items()
        },
        can_update=cls.update is not Flavor.update,
        can_suspend=cls.suspend is not Flavor.suspend,
        extra=cls.extra,
        occupies=cls.occupies,
        sensitive_outputs=settings_marked(cls.Outputs, "sensitive"),
        requirements=cls.requirements,
        apt_packages=cls.apt_packages,
        remote_by_default=cls.is_remote,
        located_by=cls.located_by,
        runs_in_image=cls.runs_in_image,
        environment=cls.environment,
        stack_rules=tuple(rule for rule in _stack_rules(cls) if not rule.if_remote or cls.is_remote or cls.located_by),
    )


def _stack_rules(cls: type[Flavor]) -> Iterator[StackRule]:
    """A flavor's own, and those of its type."""
    return (rule for one in cls.__mro__ for rule in vars(one).get("stack_rules", ()))
