"""Saved plans of flavors that are not stackspec's own: their secrets, and their versions."""

from __future__ import annotations

import base64
import hashlib
import json
import sys
from importlib import import_module
from pathlib import Path

import pytest

from stackspec.core.diagnostic import StackspecError
from stackspec.flavors.contract import Flavor, FlavorConfig, FlavorOutputs, Observation, setting
from stackspec.flavors.orchestrator import Orchestrator
from stackspec.flavors.registry import Registry
from stackspec.project import Project
from stackspec.saved_plan.bindings import _spec_digest
from stackspec.saved_plans import plan_as_saved, read_plan, save_plan

STACK = """\
apiVersion: stackspec.dev/v1
kind: Stack
metadata: {name: dev}
spec:
  components:
    orchestrator: {flavor: guarded, config: {pin: PIN, tags: TAGS}}
    artifact_store: {flavor: local, config: {path: ./artifacts}}
"""


class Guarded(Orchestrator):
    """An orchestrator that nobody gets into without a number."""

    flavor = "guarded"

    class Config(FlavorConfig):
        """The number."""

        pin: str = setting("What is never shown.", sensitive=True)
        tags: tuple[str, ...] = setting("What is shown.", default=())

    def observe(self) -> Observation:
        return Observation(provisioned=True)

    def provision(self) -> FlavorOutputs:
        return self.Outputs.from_value({"uri": "guarded://"})

    def update(self, previous: Guarded) -> FlavorOutputs:
        return self.provision()

    def deprovision(self) -> None:
        pass


class Open(Guarded):
    """The same with nothing to hide."""

    flavor = "open"

    class Config(FlavorConfig):
        """A number that is told to anybody."""

        pin: str = setting("What anybody may know.", default="")
        tags: tuple[str, ...] = setting("What is shown.", default=())


class Later(Guarded):
    """The same flavor with a field more."""

    class Config(Guarded.Config):
        """The number, and a colour."""

        colour: str = setting("A colour.", default="red")


def project(
    root: Path, *flavors: type[Flavor], pin: str = "'482913'", tags: str = "[]", flavor: str = "guarded"
) -> Project:
    """A project of one such orchestrator."""
    (root / "stacks").mkdir(exist_ok=True)
    text = STACK.replace("PIN", pin).replace("TAGS", tags).replace("flavor: guarded", f"flavor: {flavor}")
    (root / "stacks" / "dev.yaml").write_text(text)
    return Project.open(root, registry=Registry(flavors))


def refusal(one: Project, file: Path) -> str:
    """Why a saved plan is not made again."""
    with pytest.raises(StackspecError) as raised:
        plan_as_saved(one, read_plan(one, file))
    (found,) = raised.value.diagnostics
    assert found.code == "SS0608"
    return found.message


def spellings(secret: str) -> list[bytes]:
    """How a value may be hidden where somebody who looks for it, or tries all there are, finds it."""
    data = secret.encode()
    texts = [secret, base64.b64encode(data).decode(), data.hex(), json.dumps(secret)]
    for name in ("md5", "sha1", "sha256", "sha512", "blake2b"):
        texts += [hashlib.new(name, one).hexdigest()[:32] for one in (data, json.dumps(secret).encode())]
    texts.append(hashlib.blake2b(json.dumps(secret).encode(), digest_size=16).hexdigest())
    return [text.encode() for text in texts]


def test_no_sensitive_value_is_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "saved"
    one = project(tmp_path, Guarded, Open)
    save_plan(one, one.plan(), file)
    first = file.read_bytes()
    assert not one.apply(plan_as_saved(one, read_plan(one, file))).failed
    two = project(tmp_path, Guarded, Open, pin="'917354'")
    save_plan(two, two.plan(), file)
    assert json.loads(file.read_bytes())["body"]["plan"]["summary"]["update"] == 1
    texts = [first, file.read_bytes()]
    three = project(tmp_path, Guarded, Open, pin="free", flavor="open")
    save_plan(three, three.plan(), file)
    texts.append(file.read_bytes())
    for secret in ("482913", "917354"):
        for spelling in spellings(secret):
            assert not any(spelling in text for text in texts), spelling
    # The same plan twice has no fingerprint in common, so that nothing is learnt from two of them.
    two = project(tmp_path, Guarded, Open, pin="'917354'")
    save_plan(two, two.plan(), tmp_path / "again")
    save_plan(two, two.plan(), file)
    prints = [json.loads((tmp_path / name).read_bytes())["body"]["manifests"] for name in ("again", "saved")]
    assert prints[0].keys() == prints[1].keys()
    assert not set(prints[0].values()) & set(prints[1].values())


def test_a_part_of_a_value_may_wait_for_the_apply(tmp_path: Path) -> None:
    tags = '["{{ components.artifact_store.outputs.uri }}", "plain"]'
    one = project(tmp_path, Guarded, tags=tags)
    save_plan(one, one.plan(), tmp_path / "saved")
    assert not one.apply(plan_as_saved(one, read_plan(one, tmp_path / "saved"))).failed


def test_a_flavor_that_takes_something_else_is_another(tmp_path: Path) -> None:
    one = project(tmp_path, Guarded)
    assert not one.apply(one.plan()).failed
    save_plan(one, one.plan(), tmp_path / "saved")
    (tmp_path / "stacks" / "dev.yaml").write_text((tmp_path / "stacks" / "dev.yaml").read_text())
    later = Project.open(tmp_path, registry=Registry([Later]))
    with pytest.raises(StackspecError) as raised:
        plan_as_saved(later, read_plan(later, tmp_path / "saved"))
    told = "the flavor orchestrator/guarded has changed since the plan was made: what it takes or gives is another"
    assert told in [one.message for one in raised.value.diagnostics]


def test_a_flavor_of_another_package_is_bound_to_its_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packages = tmp_path / "packages"
    metadata = packages / "acme_flavors-1.0.dist-info"
    metadata.mkdir(parents=True)
    source = "from tests.saved_plan.test_flavors import Guarded\n\n\nclass Acme(Guarded):\n    flavor = 'acme'\n"
    (packages / "acme_flavors.py").write_text(source)
    (metadata / "top_level.txt").write_text("acme_flavors\n")
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-flavors\nVersion: 1.0\n")
    monkeypatch.syspath_prepend(packages)
    monkeypatch.setitem(sys.modules, "tests.saved_plan.test_flavors", sys.modules[__name__])
    acme = import_module("acme_flavors").Acme
    one = project(tmp_path, acme, flavor="acme")
    save_plan(one, one.plan(), tmp_path / "saved")
    assert plan_as_saved(one, read_plan(one, tmp_path / "saved")).plan.has_changes
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-flavors\nVersion: 2.0\n")
    told = refusal(one, tmp_path / "saved")
    assert told.endswith("it was of acme-flavors 1.0 and is of acme-flavors 2.0 now")


def test_every_flavor_of_ours_is_told_from_every_other() -> None:
    specs = list(Registry().all_specs())
    assert len({_spec_digest(spec) for spec in specs}) == len(specs)
