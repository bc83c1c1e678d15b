"""What every flavor must do, as tests that an author runs over a flavor of their own.

from stackspec.testing.flavor_conformance import FlavorCase, FlavorConformance

@pytest.mark.parametrize("case", [FlavorCase(flavor=Mine, config=lambda root: {"path": "data"})])
class TestMine(FlavorConformance):
    pass
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from time import monotonic
from types import CodeType, FrameType
from typing import Any

import jsonschema
import pytest

from stackspec.core.address import ComponentAddress
from stackspec.core.fields import json_schema
from stackspec.flavors.contract import Flavor, FlavorOutputs, HookContext, HookError, spec_of

Config = Mapping[str, Any]

_PATIENCE = 15.0
"""Seconds after which a hook whose deadline has passed counts as hanging."""
_KILLED = 99
"""The exit status of a child that was stopped in the middle of a hook."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlavorCase:
    """A flavor, and what the tests must know to run it.

    Attributes:
        flavor: Its class.
        config: The project's root to a config that works.
        changed: The same component's other config, which differs in fields that change in place.
        beside: A config with which a second component can exist beside the first, for a flavor that says what it
            `occupies`; the fields named there must all differ.
        before: Makes, under the project's root, what `config` names, as if it had been there before.
        provisions: Whether `provision` makes anything; a flavor that only names what exists does not.
        kill_points: In how many places each hook is killed; 0 for flavors whose hooks a fork would disturb.
        seconds: How long a hook may take.
    """

    flavor: type[Flavor]
    config: Callable[[Path], Config]
    changed: Callable[[Path], Config] | None = None
    beside: Callable[[Path], Config] | None = None
    before: Callable[[Path], None] | None = None
    provisions: bool = True
    kill_points: int = 40
    seconds: float = 60.0

    def component(self, root: Path, config: Config | None = None, **context: Any) -> Flavor:
        """A fresh instance for the one component of the project at `root`."""
        spec = spec_of(self.flavor)
        values = {
            "address": ComponentAddress(spec.type, "subject"),
            "identity": _identity(root),
            "environment": "conformance",
            "root": root,
            "data_dir": root / ".stackspec" / "data" / "subject",
            "deadline": monotonic() + self.seconds,
            **context,
        }
        complete = spec.complete(self.config(root) if config is None else config)
        return self.flavor(self.flavor.Config.from_value(complete), HookContext(**values))

    def __str__(self) -> str:
        return f"{self.flavor.type}.{self.flavor.flavor}"


class FlavorConformance:
    """The tests; a subclass is parametrised by `case`."""

    def test_its_spec_describes_every_field(self, case: FlavorCase) -> None:
        spec = spec_of(case.flavor)
        assert spec.type
        assert spec.flavor
        assert spec.description
        jsonschema.Draft202012Validator.check_schema(spec.schema)
        assert spec.schema["additionalProperties"] is False
        for name, field in spec.schema["properties"].items():
            assert field["description"], name
        assert spec.outputs
        assert all(spec.outputs.values())

    def test_what_is_tried_again_is_bounded(self, case: FlavorCase) -> None:
        assert 0 <= case.flavor.retries <= 100
        for kind in case.flavor.transient:
            assert issubclass(kind, Exception)
            assert not issubclass(HookError, kind), f"{kind.__name__} is also what cannot pass by itself"

    def test_its_config_and_defaults_satisfy_the_schema(self, case: FlavorCase, tmp_path: Path) -> None:
        spec = spec_of(case.flavor)
        for config in filter(None, (case.config, case.changed)):
            _validate(spec.schema, config(tmp_path))
            _validate(spec.schema, spec.complete(config(tmp_path)))

    def test_provisioned_it_is_seen(self, case: FlavorCase, component: Flavor) -> None:
        assert component.observe().provisioned is not case.provisions
        component.provision()
        observation = component.observe()
        assert observation.provisioned
        assert set(observation.fields) <= set(spec_of(case.flavor).schema["properties"])
        for name, real in observation.fields.items():
            assert real == getattr(component.config, name), name

    def test_observing_changes_nothing(self, component: Flavor, tmp_path: Path) -> None:
        before = _files(tmp_path)
        component.observe()
        assert _files(tmp_path) == before
        component.provision()
        before = _files(tmp_path)
        component.observe()
        assert _files(tmp_path) == before

    def test_outputs_satisfy_their_schema(self, case: FlavorCase, component: Flavor) -> None:
        _validate(json_schema(case.flavor.Outputs), _plain(component.provision()))

    def test_provisioning_twice_makes_one_object(self, case: FlavorCase, component: Flavor, tmp_path: Path) -> None:
        outputs = _plain(component.provision())
        files = set(_files(tmp_path))
        assert _plain(component.provision()) == outputs
        assert _plain(case.component(tmp_path).provision()) == outputs, "after a crash that lost the result"
        assert set(_files(tmp_path)) == files

    def test_it_can_be_removed_twice(self, case: FlavorCase, component: Flavor, tmp_path: Path) -> None:
        component.deprovision()
        component.provision()
        component.deprovision()
        assert component.observe().provisioned is not case.provisions
        assert not _files(tmp_path), "left behind"
        case.component(tmp_path).deprovision()

    def test_removed_it_can_be_made_again(self, component: Flavor) -> None:
        outputs = _plain(component.provision())
        component.deprovision()
        assert _plain(component.provision()).keys() == outputs.keys()
        assert component.observe().provisioned

    def test_an_update_converges(self, case: FlavorCase, component: Flavor, tmp_path: Path) -> None:
        spec = spec_of(case.flavor)
        if not spec.can_update:
            pytest.skip("the flavor has no update")
        assert case.changed is not None, "a flavor with an update needs a case with `changed`"
        config, changed = spec.complete(case.config(tmp_path)), spec.complete(case.changed(tmp_path))
        moved = {name for name in changed if changed[name] != config[name]}
        assert moved, "`changed` must differ"
        assert not moved & spec.replacing, "`changed` must differ in fields that change in place"
        component.provision()
        updated = case.component(tmp_path, changed)
        outputs = _plain(updated.update(component))
        _validate(json_schema(case.flavor.Outputs), outputs)
        observation = updated.observe()
        assert observation.provisioned
        assert all(real == changed[name] for name, real in observation.fields.items())
        assert _plain(case.component(tmp_path, changed).update(component)) == outputs
        assert _plain(case.component(tmp_path, changed).provision()) == outputs
        component.provision()
        assert all(real == config[name] for name, real in component.observe().fields.items()), "not brought back"

    def test_suspended_it_can_be_resumed(self, case: FlavorCase, component: Flavor) -> None:
        if not spec_of(case.flavor).can_suspend:
            pytest.skip("the flavor has no suspend")
        component.provision()
        component.suspend()
        component.suspend()
        seen = component.observe()
        assert seen.provisioned
        assert not seen.running
        outputs = _plain(component.resume())
        assert _plain(component.resume()) == outputs
        assert component.observe().running

    def test_what_was_there_before_stays(self, case: FlavorCase, tmp_path: Path) -> None:
        if case.before is None:
            pytest.skip("nothing can be there before")
        case.before(tmp_path)
        component, before = case.component(tmp_path), set(tmp_path.rglob("*"))
        component.provision()
        assert component.observe().provisioned
        component.deprovision()
        assert before <= set(tmp_path.rglob("*"))

    def test_no_hook_outlasts_its_deadline(self, case: FlavorCase, component: Flavor, tmp_path: Path) -> None:
        for provisioned in (False, True):
            if provisioned:
                component.provision()
            late = case.component(tmp_path, deadline=monotonic() - 1)
            for hook in (late.observe, late.provision, late.deprovision):
                _must_end(hook)

    def test_secrets_stay_inside(self, case: FlavorCase, component: Flavor, tmp_path: Path) -> None:
        lines: list[str] = []
        talking = case.component(tmp_path, log=lines.append)
        spec = spec_of(case.flavor)
        secrets = [getattr(component.config, name) for name in spec.sensitive]
        outputs = _plain(talking.provision())
        shown = {name: value for name, value in outputs.items() if name not in spec.sensitive_outputs}
        said = f"{shown} {talking.observe()} {lines}"
        assert not [secret for secret in secrets if isinstance(secret, str) and secret in said]

    def test_two_leave_each_other_alone(self, case: FlavorCase, component: Flavor, tmp_path: Path) -> None:
        spec = spec_of(case.flavor)
        if spec.occupies is None:
            pytest.skip("the flavor allows one only")
        assert spec.occupies <= spec.schema["properties"].keys()
        config = case.beside or (case.config if not spec.occupies else None)
        assert config is not None, "a flavor that says what it occupies needs a case with `beside`"
        first, second = spec.complete(case.config(tmp_path)), spec.complete(config(tmp_path))
        assert all(first[name] != second[name] for name in spec.occupies), "`beside` must differ in all it occupies"

        def other() -> Flavor:
            return case.component(tmp_path, config(tmp_path), identity=_identity(tmp_path / "other"))

        component.provision()
        other().provision()
        assert component.observe().provisioned
        component.deprovision()
        assert other().observe().provisioned
        component.provision()
        other().deprovision()
        assert component.observe().provisioned
        component.deprovision()
        assert not _files(tmp_path), "left behind"

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a child process to kill")
    def test_killed_anywhere_it_converges(self, case: FlavorCase, tmp_path: Path) -> None:
        if not case.kill_points:
            pytest.skip("the case asks for no killing")
        lines = _lines_run(case, case.component(tmp_path / "count").provision)
        case.component(tmp_path / "count").deprovision()
        for point in _spread(lines, case.kill_points):
            root = tmp_path / f"provision-{point}"
            root.mkdir()
            _kill(case, case.component(root).provision, point)
            case.component(root).observe()
            case.component(root).provision()
            assert case.component(root).observe().provisioned, point
            case.component(root).deprovision()
            assert not _files(root), f"left behind after a kill at line {point} of provision"

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a child process to kill")
    @pytest.mark.parametrize("wanted_again", [False, True], ids=["finished", "taken back"])
    def test_removal_killed_anywhere(self, case: FlavorCase, wanted_again: bool, tmp_path: Path) -> None:
        if not case.kill_points:
            pytest.skip("the case asks for no killing")
        case.component(tmp_path / "count").provision()
        lines = _lines_run(case, case.component(tmp_path / "count").deprovision)
        for point in _spread(lines, case.kill_points):
            root = tmp_path / f"deprovision-{point}"
            root.mkdir()
            case.component(root).provision()
            whole = set(_files(root))
            _kill(case, case.component(root).deprovision, point)
            case.component(root).observe()
            if wanted_again:
                case.component(root).provision()
                assert case.component(root).observe().provisioned, point
                assert set(_files(root)) == whole, f"left behind after a kill at line {point} of deprovision"
            case.component(root).deprovision()
            assert not _files(root), f"left behind after a kill at line {point} of deprovision"

    @pytest.fixture
    def component(self, case: FlavorCase, tmp_path: Path) -> Iterator[Flavor]:
        """The case's component, not yet provisioned; removed at the end."""
        yield case.component(tmp_path)
        case.component(tmp_path).deprovision()


def _identity(root: Path) -> str:
    """An identity of the component of one project, for projects that are tested at the same time."""
    return sha256(str(root).encode()).hexdigest()[:16]


def _validate(schema: Mapping[str, Any], value: Any) -> None:
    jsonschema.Draft202012Validator(schema).validate(value)


def _plain(outputs: FlavorOutputs) -> dict[str, Any]:
    return dict(vars(outputs))


def _files(root: Path) -> dict[Path, bytes]:
    """What is in the project but for folders, which a hook may leave where it had to make a parent.

    A log counts by its name only: a server that is asked whether it serves says so in its log.
    """
    files = [path for path in root.rglob("*") if not path.is_dir()]
    return {path: path.read_bytes() if path.is_file() and path.suffix != ".log" else b"" for path in files}


def _must_end(hook: Callable[[], object]) -> None:
    """Run a hook whose deadline has passed: it may succeed at once or say by HookError that it cannot."""
    problems: list[BaseException] = []

    def run() -> None:
        try:
            hook()
        except HookError:
            pass  # what a hook does that would have to wait
        except BaseException as error:
            problems.append(error)

    runner = threading.Thread(target=run, daemon=True)
    runner.start()
    runner.join(_PATIENCE)
    assert not runner.is_alive(), f"{hook} hangs although its deadline has passed"
    if problems:
        raise problems[0]


def _spread(count: int, wanted: int) -> list[int]:
    """Up to `wanted` numbers from 1 to `count`, evenly."""
    return (
        sorted({1 + index * count // wanted for index in range(wanted)}) if count > wanted else [*range(1, count + 1)]
    )


@contextmanager
def _each_line(case: FlavorCase, then: Callable[[], None]) -> Iterator[None]:
    """Call `then` at each line of the flavors' code, and of shutil's, which removes trees."""
    folders = tuple(
        os.path.dirname(str(sys.modules[name].__file__)) + os.sep
        for name in ("stackspec.flavors", case.flavor.__module__)
    )

    def is_traced(code: CodeType) -> bool:
        return code.co_filename.startswith(folders) or code.co_filename.endswith(f"{os.sep}shutil.py")

    def on_line(_frame: FrameType, event: str, _argument: Any) -> Any:
        if event == "line":
            then()
        return on_line

    previous = sys.gettrace()
    sys.settrace(lambda frame, _event, _argument: on_line if is_traced(frame.f_code) else None)
    try:
        yield
    finally:
        sys.settrace(previous)


def _lines_run(case: FlavorCase, hook: Callable[[], object]) -> int:
    """How many lines a hook runs."""
    lines: list[None] = []
    with _each_line(case, lambda: lines.append(None)):
        hook()
    return len(lines)


def _kill(case: FlavorCase, hook: Callable[[], object], point: int) -> None:
    """Run a hook in a child that ends at its `point`-th line, as by SIGKILL: nothing is cleaned up or flushed."""
    child = os.fork()
    if child == 0:
        left = point

        def count() -> None:
            nonlocal left
            left -= 1
            if not left:
                os._exit(_KILLED)

        status = 1
        try:
            with _each_line(case, count):
                hook()
            status = 0
        finally:
            os._exit(status)  # the child must not go on as a second pytest
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) in (0, _KILLED), f"the hook failed before line {point}"
