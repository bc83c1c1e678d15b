"""What runs on a stack, written against the parent classes of flavors, whatever the flavor is."""

from __future__ import annotations

from pathlib import Path

import pytest

from stackspec.flavors.annotator import Annotator, Task
from stackspec.flavors.contract import HookError
from stackspec.flavors.feature_store import FeatureStore
from stackspec.flavors.model_registry import ModelRegistry


def promote(registry: ModelRegistry, folder: Path) -> None:
    """Register two versions of a model, say which is the champion, and load both."""
    assert registry.versions("fraud") == []
    (folder / "model" / "deep").mkdir(parents=True)
    (folder / "model" / "MLmodel").write_text("flavors: {}")
    (folder / "model" / "deep" / "weights").write_bytes(bytes(range(256)))
    first = registry.register("fraud", folder / "model")
    assert (first.model, first.version) == ("fraud", "1")
    (folder / "model" / "MLmodel").write_text("flavors: {second: {}}")
    second = registry.register("fraud", folder / "model")
    registry.tag("fraud", "1", "stage", "old")
    registry.alias("fraud", "1", "champion")
    registry.alias("fraud", "2", "champion")
    registry.tag("fraud", "@champion", "stage", "new")
    seen = registry.versions("fraud")
    assert [(one.version, one.tags, one.aliases) for one in seen] == [
        ("1", {"stage": "old"}, ()),
        ("2", {"stage": "new"}, ("champion",)),
    ]
    assert seen[1].source == second.source
    loaded = registry.load("fraud", "@champion", folder / "loaded")
    assert (loaded / "MLmodel").read_text() == "flavors: {second: {}}"
    assert (loaded / "deep" / "weights").read_bytes() == bytes(range(256))
    assert (registry.load("fraud", "1", folder / "first") / "MLmodel").read_text() == "flavors: {}"
    for version in ("@nobody", "7"):
        with pytest.raises(HookError):
            registry.load("fraud", version, folder / "other")


def ask_for_features(store: FeatureStore) -> None:
    """Ask for the newest features of drivers of whom one is not known."""
    found = store.online_features(["stats:trips", "stats:rating"], {"driver_id": [2, 1, 3]})
    assert found == [
        {"driver_id": 2, "trips": 9, "rating": 0.25},
        {"driver_id": 1, "trips": 7, "rating": 0.75},
        {"driver_id": 3, "trips": None, "rating": None},
    ]
    with pytest.raises(HookError):
        store.online_features(["nowhere:trips"], {"driver_id": [1]})


def have_labelled(annotator: Annotator, interface: str, broken: str) -> Task:
    """Make a project and give it two texts; the first of them.

    Args:
        interface: What people see of a `text`, in the annotator's language.
        broken: What is nothing in that language.
    """
    assert annotator.projects() == []
    moods = annotator.create("Moods", interface)
    assert annotator.projects() == [moods]
    assert annotator.tasks(moods.id) == []
    assert annotator.add(moods.id, [{"text": "sunshine"}, {"text": "rain"}]) == 2
    assert annotator.add(moods.id, []) == 0
    found = annotator.tasks(moods.id)
    assert [(one.data, one.annotations) for one in found] == [({"text": "sunshine"}, ()), ({"text": "rain"}, ())]
    for refused in (
        lambda: annotator.create("Broken", broken),
        lambda: annotator.add(moods.id, [{"nothing": "x"}]),
        lambda: annotator.tasks("77"),
    ):
        with pytest.raises(HookError) as caught:
            refused()
        assert "<" not in caught.value.message
    return found[0]
