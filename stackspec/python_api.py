"""Stacks for Python code: what one needs, whether it is there, and its components at work.

from stackspec import Component, Stack

stack = Stack.open("dev")                         # of the project around the working directory
stack.provision()
with stack.use("artifact_store").open("model.bin", "wb") as file:
    ...
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from stackspec.core.address import ComponentAddress
from stackspec.core.diagnostic import Diagnostic, StackspecError, did_you_mean, has_errors, in_order
from stackspec.core.frozen import dataclass
from stackspec.core.layout import in_environment
from stackspec.flavors.plugins import PluginError
from stackspec.manifest.model import API_VERSION
from stackspec.manifest.written import told, written
from stackspec.plan.request import Request
from stackspec.plan.selection import Selection
from stackspec.project import Project

if TYPE_CHECKING:
    from stackspec.apply.executor import ApplyResult
    from stackspec.flavors.alerter import Alerter
    from stackspec.flavors.annotator import Annotator
    from stackspec.flavors.artifact_store import ArtifactStore
    from stackspec.flavors.container_registry import ContainerRegistry
    from stackspec.flavors.contract import Flavor, Observation
    from stackspec.flavors.data_validator import DataValidator
    from stackspec.flavors.deployer import Deployer
    from stackspec.flavors.experiment_tracker import ExperimentTracker
    from stackspec.flavors.feature_store import FeatureStore
    from stackspec.flavors.image_builder import ImageBuilder
    from stackspec.flavors.log_store import LogStore
    from stackspec.flavors.metadata_store import MetadataStore
    from stackspec.flavors.model_deployer import ModelDeployer
    from stackspec.flavors.model_registry import ModelRegistry
    from stackspec.flavors.orchestrator import Orchestrator
    from stackspec.flavors.sandbox import Sandbox
    from stackspec.flavors.secrets_manager import SecretsManager
    from stackspec.flavors.step_operator import StepOperator
    from stackspec.stack.model import DesiredComponent, DesiredStack, DesiredState

_IN_CODE = "stacks/.in-python-code.yaml"  # hidden, so that no file of a project is meant
"""What places of a stack that was built in code call their file, which there is none of."""


@dataclass(frozen=True, slots=True)
class Component:
    """A component of a stack, as data.

    To build a stack in code the type, flavor and config are enough; a `Stack` tells the rest.

    Attributes:
        type: The component type, such as `artifact_store`.
        flavor: The flavor, such as `s3`; empty for a shared Component that is only named.
        config: Field to value. A value that waits for an output or names a secret is the expression, as text.
        name: Its name; that of the stack where it is None.
        requirements: The PyPI requirements of what runs on a stack with it.
        apt_packages: Likewise the Debian packages.
        is_remote: Whether other machines reach it; None where only an apply will know.
        runs_in_image: Whether what it runs comes in a container image.
    """

    type: str
    flavor: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    name: str | None = None
    requirements: tuple[str, ...] = ()
    apt_packages: tuple[str, ...] = ()
    is_remote: bool | None = None
    runs_in_image: bool = False

    @property
    def address(self) -> str:
        """What it is called in an environment: `type/name`."""
        return f"{self.type}/{self.name}"


@dataclass(frozen=True, slots=True)
class DockerBuild:
    """An image that a component's runs need.

    Attributes:
        component: The address of the component, as text.
        image: The image's full name; None where the stack has no container registry, or that is not provisioned.
        requirements: The PyPI requirements to install in it.
        apt_packages: Likewise the Debian packages.
        environment: Variable to value, none of them secret.
    """

    component: str
    image: str | None
    requirements: tuple[str, ...]
    apt_packages: tuple[str, ...]
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Stack:
    """A stack of one environment, as the manifests declared it when it was opened: a value, with no secret in it.

    What it says of what is applied (`is_provisioned`, `environment`, `docker_builds`) and what it does is of the moment
    at which it is asked; doing goes through a plan, as by `stackspec up` and `down`.

    Attributes:
        name: The stack's.
        description: For people.
        components: Component type to its components, the default first.
        labels: Text to text.
        secrets: The names of the Secrets whose keys are variables for what runs on it.
        environment_name: The environment that it is of.
        root: The project's root, absolute.
        manifest: The text of its manifest where it was built in code, else None.
    """

    name: str
    description: str
    components: Mapping[str, tuple[Component, ...]]
    labels: Mapping[str, str]
    secrets: tuple[str, ...]
    environment_name: str
    root: Path
    manifest: str | None = None

    @classmethod
    def open(cls, name: str | None = None, *, environment: str | None = None, root: Path | str = ".") -> Stack:
        """A stack that manifests declare.

        Args:
            name: Its name; None for the active stack of the clone, or the only one there is.
            environment: The environment's name; needed where several are declared and none is the default.
            root: A folder in the project.

        Raises:
            StackspecError: there is no such stack, or the manifests are wrong.
        """
        project = Project.open(root)
        return cls._of(project, name or project.selected_stack(), project.desired(environment), None)

    @classmethod
    def of(
        cls,
        name: str,
        components: Iterable[Component],
        *,
        description: str = "",
        environment: str | None = None,
        root: Path | str = ".",
    ) -> Stack:
        """A stack built in code, beside those that the manifests of a project declare.

        It can name their Components, by a `Component` with a type and a name and no flavor, and their secrets.

        Args:
            root: The project's root, or any folder; it must exist.

        Raises:
            StackspecError: it is wrong as a manifest would be; places are in a file that is only called so.
        """
        manifest, folder = _manifest(name, components, description), Path(root).absolute()
        if not folder.is_dir():
            raise StackspecError.of("SS0111", f"{root} is not a folder")
        project = _in_code(folder, manifest)
        return cls._of(project, name, project.desired(environment), manifest)

    @classmethod
    def _of(cls, project: Project, name: str, desired: DesiredState, manifest: str | None) -> Stack:
        stack = desired.stacks.get(name)
        if stack is None:
            where = f"in the environment '{desired.environment.name}'"
            hint = did_you_mean(name, desired.stacks)
            raise StackspecError.of("SS0502", f"there is no stack '{name[:80]}' {where}", hint=hint)
        return cls(
            name,
            stack.description,
            _components(project, stack, desired),
            dict(stack.labels),
            stack.secrets,
            desired.environment.name,
            project.root,
            manifest,
        )

    def get(self, component_type: str, name: str | None = None) -> Component | None:
        """The component of a type, the default one where there are several and none is named; None without any."""
        found = self.components.get(component_type, ())
        return next((one for one in found if name in (None, one.name)), None)

    # --- what it needs

    def validate(self, *, fail_if_secrets_missing: bool = False) -> list[Diagnostic]:
        """What is wrong with the manifests that it is declared in, in its environment.

        Args:
            fail_if_secrets_missing: Whether every store is asked, and a secret without a value is an error.
        """
        project = self._project()
        found = project.validate(self.environment_name)
        if not has_errors(found):
            found += project.secrets.without_value(self.environment_name, fail=fail_if_secrets_missing)
        return found

    def requirements(self, exclude: Collection[str] = ()) -> tuple[str, ...]:
        """The PyPI requirements of what runs on it, each once, sorted.

        Args:
            exclude: Component types to leave out.
        """
        return tuple(sorted({text for one in self._each(exclude) for text in one.requirements}))

    @property
    def apt_packages(self) -> tuple[str, ...]:
        """The Debian packages of what runs on it, each once, sorted."""
        return tuple(sorted({text for one in self._each() for text in one.apt_packages}))

    @property
    def requires_remote_server(self) -> bool:
        """Whether it runs anything on other machines, which must reach whatever it uses."""
        return any(one.is_remote for kind in ("orchestrator", "step_operator") for one in self.components.get(kind, ()))

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables of what runs on it, those left out that are secrets or made of any; see `stackspec exec`.

        Raises:
            StackspecError: an output that one reads is not there yet.
        """
        return self._project().variables(self.name, self.environment_name, secrets=False)

    def docker_builds(self) -> tuple[DockerBuild, ...]:
        """The images that its runs need, one for each component that runs something in one.

        Raises:
            StackspecError: an output that a variable reads is not there yet.
        """
        running = [one for one in self._each() if one.runs_in_image]
        if not running:
            return ()
        environment, needed = self.environment, self.requirements()
        registry = self._registry()
        return tuple(
            DockerBuild(
                one.address,
                registry.image(f"{self.name}-{one.type.replace('_', '-')}") if registry else None,
                needed,
                self.apt_packages,
                environment,
            )
            for one in running
        )

    # --- what is there

    @property
    def is_provisioned(self) -> bool:
        """Whether every component is there, by asking each; one that cannot be asked is not known to be."""
        return all(one is not None and one.provisioned for one in self._observed())

    @property
    def is_running(self) -> bool:
        """Whether every component is there, and runs if it can."""
        return all(one is not None and one.provisioned and one.running is not False for one in self._observed())

    if TYPE_CHECKING:  # what a component can do depends on its type

        @overload
        def use(self, component_type: Literal["orchestrator"], name: str | None = None) -> Orchestrator: ...
        @overload
        def use(self, component_type: Literal["artifact_store"], name: str | None = None) -> ArtifactStore: ...
        @overload
        def use(self, component_type: Literal["metadata_store"], name: str | None = None) -> MetadataStore: ...
        @overload
        def use(self, component_type: Literal["container_registry"], name: str | None = None) -> ContainerRegistry: ...
        @overload
        def use(self, component_type: Literal["secrets_manager"], name: str | None = None) -> SecretsManager: ...
        @overload
        def use(self, component_type: Literal["step_operator"], name: str | None = None) -> StepOperator: ...
        @overload
        def use(self, component_type: Literal["experiment_tracker"], name: str | None = None) -> ExperimentTracker: ...
        @overload
        def use(self, component_type: Literal["model_deployer"], name: str | None = None) -> ModelDeployer: ...
        @overload
        def use(self, component_type: Literal["feature_store"], name: str | None = None) -> FeatureStore: ...
        @overload
        def use(self, component_type: Literal["alerter"], name: str | None = None) -> Alerter: ...
        @overload
        def use(self, component_type: Literal["annotator"], name: str | None = None) -> Annotator: ...
        @overload
        def use(self, component_type: Literal["data_validator"], name: str | None = None) -> DataValidator: ...
        @overload
        def use(self, component_type: Literal["image_builder"], name: str | None = None) -> ImageBuilder: ...
        @overload
        def use(self, component_type: Literal["model_registry"], name: str | None = None) -> ModelRegistry: ...
        @overload
        def use(self, component_type: Literal["deployer"], name: str | None = None) -> Deployer: ...
        @overload
        def use(self, component_type: Literal["log_store"], name: str | None = None) -> LogStore: ...
        @overload
        def use(self, component_type: Literal["sandbox"], name: str | None = None) -> Sandbox: ...
        @overload
        def use(self, component_type: str, name: str | None = None) -> Flavor: ...

    def use(self, component_type: str, name: str | None = None) -> Flavor:
        """A component at work: an object of its flavor, with the methods of its type, its secrets in it.

        It cannot be pickled nor printed with them; open the stack again where it is needed.

        Raises:
            StackspecError: there is no such component, it is not provisioned, or a secret has no value here.
        """
        component = self.get(component_type, name)
        if component is None:
            known = ", ".join(one.address for one in self._each())
            what = f"{component_type} '{name}'" if name else component_type
            raise StackspecError.of("SS0502", f"the stack '{self.name}' has no {what}", hint=f"it has: {known}")
        project = self._project()
        applied = project.store(self.environment_name).read()
        record = applied.components.get(_address(component))
        if record is None:
            hint = in_environment(f"stackspec up {self.name}", self.environment_name)
            raise StackspecError.of("SS0705", f"{component.address} is not provisioned", hint=f"run: {hint}")
        project.secrets.read_recorded(self.environment_name, [record])
        try:
            return project.hooks(self.environment_name, applied.lineage).at_work(record)
        except PluginError as error:
            raise StackspecError.of("SS0211", error.message, hint=error.hint) from error

    # --- what it does

    def provision(self, *, approve: str | None = None) -> ApplyResult:
        """Provision all that it needs as it is declared, and have it run.

        Args:
            approve: The environment's name, where that is protected.

        Raises:
            StackspecError: it cannot be planned, or a component failed; what was done is recorded.
        """
        return self._carry_out("running", approve)

    def resume(self, *, approve: str | None = None) -> ApplyResult:
        """Have it run again; the same as `provision`, which changes nothing that is there as declared."""
        return self._carry_out("running", approve)

    def suspend(self, *, approve: str | None = None) -> ApplyResult:
        """Suspend what can be suspended, and what no other stack uses. Raises as `provision`."""
        return self._carry_out("suspended", approve)

    def deprovision(self, *, approve: str | None = None) -> ApplyResult:
        """Remove what no other stack uses, with what stands on it. Raises as `provision`."""
        return self._carry_out(None, approve)

    def _carry_out(self, run_state: Literal["running", "suspended"] | None, approve: str | None) -> ApplyResult:
        from stackspec.approval import require

        project = self._project()
        selection = Selection(stacks=(self.name,), destroy=run_state is None)
        request = Request(selection, allow_empty=run_state is None, refresh=run_state == "running", run_state=run_state)
        planned = project.plan(self.environment_name, request)
        if planned.plan.has_steps and planned.plan.protected:
            require(self.environment_name, approve, declared=planned.plan.environment.settings.protected)
        result = project.apply(planned, purpose="up" if run_state == "running" else "down")
        if result.failed:
            raise StackspecError(in_order(result.failed))
        return result

    def _project(self) -> Project:
        return Project.open(self.root) if self.manifest is None else _in_code(self.root, self.manifest)

    def _each(self, exclude: Collection[str] = ()) -> Iterable[Component]:
        return (one for kind, found in self.components.items() if kind not in exclude for one in found)

    def _observed(self) -> list[Observation | None]:
        """What each component really is; None for one that is not applied, or could not be asked."""
        from dataclasses import replace

        from stackspec.flavors.contract import Observation

        project = self._project()
        applied = project.store(self.environment_name).read()
        wanted = [_address(one) for one in self._each()]
        known = {address: applied.components[address] for address in wanted if address in applied.components}
        seen = project.observe(replace(applied, components=known))
        found = (seen.get(address) for address in wanted)
        return [one if isinstance(one, Observation) else None for one in found]

    def _registry(self) -> ContainerRegistry | None:
        """The container registry at work, where there is one that is provisioned."""
        applied = self._project().store(self.environment_name).read()
        component = self.get("container_registry")
        there = component is not None and _address(component) in applied.components
        return self.use("container_registry") if there else None


def _address(component: Component) -> ComponentAddress:
    return ComponentAddress(component.type, component.name or "")


def _components(project: Project, stack: DesiredStack, desired: DesiredState) -> dict[str, tuple[Component, ...]]:
    return {
        kind: tuple(_component(project, desired.components[address]) for address in addresses)
        for kind, addresses in stack.components.items()
        if addresses
    }


def _component(project: Project, component: DesiredComponent) -> Component:
    spec = project.registry.spec(component.address.type, component.flavor)
    return Component(
        component.address.type,
        component.flavor,
        told(component.config, lambda value: written(value.expression)),
        component.address.name,
        spec.requirements,
        spec.apt_packages,
        spec.is_remote(component.config),
        spec.runs_in_image,
    )


def _manifest(name: str, components: Iterable[Component], description: str) -> str:
    """The text of a stack's manifest; JSON is YAML."""
    slots: dict[str, list[Any]] = {}
    for one in components:
        named = {"name": one.name} if one.name else {}
        inline = {**named, "flavor": one.flavor, **({"config": one.config} if one.config else {})}
        slots.setdefault(one.type, []).append(inline if one.flavor else one.name)
    spec: dict[str, Any] = {
        "components": {kind: found[0] if len(found) == 1 else found for kind, found in slots.items()}
    }
    if description:
        spec["description"] = description
    try:
        return json.dumps(
            {"apiVersion": API_VERSION, "kind": "Stack", "metadata": {"name": name}, "spec": spec},
            indent=2,
            allow_nan=False,
        )
    except (TypeError, ValueError, RecursionError) as error:
        raise StackspecError.of("SS0205", f"a config holds what no manifest can: {error}") from None


def _in_code(root: Path, manifest: str) -> Project:
    return Project(root, overlay={_IN_CODE: manifest})
