"""A stack said in ZenML's words and taken over again is the same stack."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

from stackspec.core.values import canonical
from stackspec.edit.edits import applied
from stackspec.edit.zenml.counterparts import COUNTERPARTS, Counterpart
from stackspec.edit.zenml.stack_file import read_stack
from stackspec.edit.zenml.taking_over import take_over
from stackspec.editing import Editing
from stackspec.flavors.contract import FlavorSpec
from stackspec.flavors.registry import Registry
from stackspec.flavors.types import COMPONENT_TYPES
from stackspec.manifest.model import API_VERSION
from stackspec.manifest.written import as_text
from stackspec.render.zenml import zenml_yaml
from stackspec.sources import Sources
from stackspec.stack.model import DesiredState

REGISTRY = Registry()
ASCII = st.characters(min_codepoint=32, max_codepoint=126)


def spec_of(one: Counterpart) -> FlavorSpec:
    return REGISTRY.spec(one.type, one.ours)


def sayable(one: Counterpart) -> bool:
    """Whether ZenML can be told all that the flavor needs; its registry of ECR wants the number of an account."""
    said = {*(field for way in one.ways for field in way.ours), *one.supplied}
    known = REGISTRY.knows(one.type, one.ours)
    return known and one.theirs != "aws" and set(spec_of(one).schema.get("required", ())) <= said


SAYABLE = [one for one in COUNTERPARTS if sayable(one)]
NAMES = st.from_regex(r"[a-z0-9]([a-z0-9_-]{0,20}[a-z0-9])?", fullmatch=True)
KEYS = st.from_regex(r"[a-z][a-z0-9_]{0,10}", fullmatch=True)
SECRETS = st.builds(lambda key: f"{{{{ secrets.kept.{key} }}}}", KEYS)
TEXTS = st.text(ASCII, min_size=1, max_size=20).filter(
    lambda text: "://" not in text and not re.search(r"\{\{\s*\S+?\.\S+\s*\}\}", text)
)


KINDS: dict[tuple[str, str], st.SearchStrategy[Any]] = {
    ("azure", "account_url"): st.just("https://acme.blob.core.windows.net"),
    ("label_studio", "uri"): st.sampled_from(["https://labels.example.org", "http://10.0.0.3:8080"]),
    ("great_expectations", "path"): NAMES.map(lambda name: f"./{name}/expectations"),
}
"""Flavor and field to what ZenML has words for, where that is not all."""


def values(one: Counterpart, field: str) -> st.SearchStrategy[Any]:
    spec = spec_of(one)
    if field in spec.sensitive or any(way.sensitive for way in one.ways if field in way.ours):
        return SECRETS
    schema = spec.schema["properties"][field]
    if (one.ours, field) in KINDS:
        return KINDS[one.ours, field]
    if pattern := schema.get("pattern"):
        found = st.from_regex(pattern.removesuffix("$") + r"\Z", alphabet=ASCII).filter(lambda text: len(text) < 200)
    else:
        found = TEXTS
    is_same = any(way.is_same for way in one.ways if field in way.ours)
    return st.one_of(found.map(as_text), *([SECRETS] if is_same else []))


@st.composite
def components(draw: st.DrawFn, one: Counterpart) -> dict[str, Any]:
    required = set(spec_of(one).schema.get("required", ()))
    fields = [field for way in one.ways for field in way.ours]
    config = {field: draw(values(one, field)) for field in fields if field in {*required, "uri"} or draw(st.booleans())}
    if one.supplied and "path" not in one.supplied:
        config |= {name: text.replace("{tracker}", "tracker") for name, text in one.supplied.items()}
    return {"type": one.type, "flavor": one.ours, "config": config}


@st.composite
def stacks(draw: st.DrawFn) -> list[dict[str, Any]]:
    """The manifests of a stack of flavors that ZenML has too."""
    slots: dict[str, Any] = {}
    documents: list[dict[str, Any]] = []
    for kind in COMPONENT_TYPES:
        choices = [one for one in SAYABLE if one.type == kind]
        needed = kind in ("orchestrator", "artifact_store", "image_builder", "experiment_tracker")
        if not choices or not (needed or draw(st.booleans())):
            continue
        name = "tracker" if kind == "experiment_tracker" else draw(NAMES)
        slots[kind] = name
        documents.append(_manifest("Component", name, draw(components(draw(st.sampled_from(choices))))))
    keys = sorted(set(re.findall(r"secrets\.kept\.([a-z0-9_]+)", str(documents))))
    if keys:
        spec = {"store": "env", "keys": {key: f"KEPT_{key.upper()}" for key in keys}}
        documents.append(_manifest("Secret", "kept", spec))
    return [_manifest("Stack", draw(NAMES), {"components": slots}), *documents]


def _manifest(kind: str, name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}


def said(desired: DesiredState) -> object:
    """All of a desired state that is not about places in files."""
    found = {str(address): (one.flavor, canonical(one.config)) for address, one in desired.components.items()}
    used = {
        name: {kind: list(map(str, ones)) for kind, ones in one.components.items()}
        for name, one in desired.stacks.items()
    }
    kept = {
        name: (one.store, {key: str(place.source) for key, place in one.keys.items()})
        for name, one in desired.declared_secrets.items()
    }
    return found, used, kept


@given(stacks())
@settings(max_examples=40, phases=[Phase.explicit, Phase.reuse, Phase.generate])
def test_what_is_exported_comes_back_the_same(documents: list[dict[str, Any]]) -> None:
    with TemporaryDirectory() as folder:
        root = Path(folder)
        text = yaml.safe_dump_all(documents)
        desired, _ = Sources(root, overlay={"stacks/all.yaml": text}, registry=REGISTRY).compile("default")
        assert len(desired.components) == sum(one["kind"] == "Component" for one in documents), text
        (name,) = desired.stacks
        exported, told, _ = zenml_yaml(desired, name, REGISTRY)
        assert not told
        (root / "zenml.yaml").write_text(exported)
        (root / "stacks").mkdir()
        stack = read_stack(str(root / "zenml.yaml"), "zenml", {})
        empty = Sources(root, registry=REGISTRY)
        taken = take_over(Editing(empty).declared, stack)
        # What other machines do not reach is left out where runs are there.
        assume(all(one.code != "SS1004" for one in taken.warnings))
        assert not taken.warnings
        again, _ = empty.overlaid(applied(taken.edits, {})).compile("default")
        assert said(again) == said(desired)


def test_most_flavors_can_be_said() -> None:
    assert len(SAYABLE) >= 22
    assert all(REGISTRY.knows(one.type, one.ours) for one in SAYABLE)
