"""What hooks import is asked for before any of them is called, of all components at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from stackspec.core.diagnostic import StackspecError
from stackspec.flavors.alerter import Alerter
from stackspec.flavors.contract import Flavor, FlavorConfig, Observation, setting
from stackspec.flavors.log_store.local import LocalLogStore
from stackspec.flavors.registry import Registry
from stackspec.project import Project


class PagingAlerter(Alerter):
    """Needs what nobody has, unless it is somebody else's."""

    flavor = "paging"
    extra = "paging"
    imports = ("a_module_that_nobody_has",)
    imports_unless = "uri"

    class Config(FlavorConfig):
        """Where it is."""

        uri: str | None = setting("Where it is, if it is somebody else's.", default=None)

    def observe(self) -> Observation:
        return Observation(provisioned=True)

    def provision(self) -> Alerter.Outputs:
        return self.Outputs(uri=self.config.uri or "here")

    def deprovision(self) -> None:
        pass


class SlowLogStore(LocalLogStore):
    """Needs something else that nobody has."""

    flavor = "slow"
    extra = "slow-logs"
    imports = ("os", "nobody.has_this")


FLAVORS: list[type[Flavor]] = [PagingAlerter, SlowLogStore]

STACK = """\
apiVersion: stackspec.dev/v1
kind: Stack
metadata: {name: dev}
spec:
  components:
    orchestrator: {flavor: local}
    artifact_store: {flavor: local, config: {path: ./artifacts}}
    alerter: {flavor: paging}
    log_store: {flavor: slow, config: {path: ./logs}, depends_on: [alerter/dev]}
"""


def project(root: Path, stack: str) -> Project:
    (root / "stacks").mkdir(exist_ok=True)
    (root / "stacks" / "dev.yaml").write_text(stack)
    return Project.open(root, registry=Registry(extra=FLAVORS))


def test_all_that_is_missing_is_told_and_nothing_is_done(tmp_path: Path) -> None:
    asked = project(tmp_path, STACK)
    with pytest.raises(StackspecError) as caught:
        asked.apply(asked.plan())
    told = [(one.code, one.message, one.source and one.source.line, one.hint) for one in caught.value.diagnostics]
    install = "run: pip install 'stackspec[paging,slow-logs]'"
    assert told == [
        ("SS0602", "alerter/dev needs a_module_that_nobody_has", 8, install),
        ("SS0602", "log_store/dev needs nobody.has_this", 9, install),
    ]
    assert not (tmp_path / "artifacts").exists()
    assert not asked.store("default").read().addresses


def test_what_a_config_does_without_is_not_missing(tmp_path: Path) -> None:
    stack = STACK.replace("{flavor: paging}", "{flavor: paging, config: {uri: there}}").replace("slow", "local")
    asked = project(tmp_path, stack)
    assert not asked.apply(asked.plan()).failed


def test_what_stays_as_it_is_needs_nothing(tmp_path: Path) -> None:
    stack = STACK.replace("{flavor: paging}", "{flavor: paging, config: {uri: there}}").replace("slow", "local")
    asked = project(tmp_path, stack)
    asked.apply(asked.plan())
    again = project(tmp_path, stack.replace("path: ./artifacts", "path: ./artifacts, delete_data: true"))
    assert not again.apply(again.plan()).failed
