"""Flavors of another package beside the built-in one of a type: what runs on a stack does not know which is there."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from stackspec.flavors.annotator import Annotator, Project, Task
from stackspec.flavors.contract import Flavor, FlavorConfig, FlavorOutputs, HookError, Observation
from stackspec.flavors.feature_store import FeatureStore
from stackspec.flavors.model_registry import ModelRegistry, ModelVersion
from tests.flavors.contexts import Subjects
from tests.flavors.using import ask_for_features, have_labelled, promote


class _Kept(Flavor):
    """A component that keeps something in its data folder."""

    class Config(FlavorConfig):
        """Nothing is configured."""

    def observe(self) -> Observation:
        return Observation(self.context.data_dir.is_dir())

    def provision(self) -> FlavorOutputs:
        self.context.data_dir.mkdir(parents=True, exist_ok=True)
        outputs: type[FlavorOutputs] = self.Outputs
        return outputs.from_value({"uri": self.context.data_dir.as_uri()})

    def deprovision(self) -> None:
        shutil.rmtree(self.context.data_dir, ignore_errors=True)


class FolderRegistry(_Kept, ModelRegistry):
    """Keeps each version in a folder."""

    flavor: ClassVar[str] = "acme_folder"
    known: ClassVar[dict[str, list[ModelVersion]]] = {}

    def register(self, name: str, source: str | Path) -> ModelVersion:
        found = self.known.setdefault(name, [])
        target = self.context.data_dir / name / str(len(found) + 1)
        shutil.copytree(source, target)
        found.append(ModelVersion(name, str(len(found) + 1), target.as_uri()))
        return found[-1]

    def versions(self, name: str) -> list[ModelVersion]:
        return list(self.known.get(name, []))

    def tag(self, name: str, version: str, tag: str, value: str) -> None:
        index = self._index(name, version)
        one = self.known[name][index]
        self.known[name][index] = replace(one, tags={**one.tags, tag: value})

    def alias(self, name: str, version: str, alias: str) -> None:
        index = self._index(name, version)
        for number, one in enumerate(self.known[name]):
            others = tuple(other for other in one.aliases if other != alias)
            self.known[name][number] = replace(one, aliases=(*others, alias) if number == index else others)

    def load(self, name: str, version: str, folder: Path) -> Path:
        index = self._index(name, version)
        shutil.copytree(self.context.data_dir / name / str(index + 1), folder)
        return folder

    def _index(self, name: str, version: str) -> int:
        for index, one in enumerate(self.known.get(name, [])):
            if version in (one.version, *(f"@{alias}" for alias in one.aliases)):
                return index
        raise HookError(f"{name} has no version {version}")


class TableFeatureStore(_Kept, FeatureStore):
    """Serves features from a file of JSON."""

    flavor: ClassVar[str] = "acme_table"

    def online_features(
        self, features: Sequence[str], entities: Mapping[str, Sequence[Any]], timeout: float = 60.0
    ) -> list[dict[str, Any]]:
        views = json.loads((self.context.data_dir / "views.json").read_text())
        rows = []
        for key, values in entities.items():
            for value in values:
                row = {key: value}
                for view, _, name in (feature.partition(":") for feature in features):
                    if view not in views:
                        raise HookError(f"there is no view {view}")
                    row[name] = views[view].get(str(value), {}).get(name)
                rows.append(row)
        return rows


class ListAnnotator(_Kept, Annotator):
    """Keeps tasks in memory; an interface is the name of what people see."""

    flavor: ClassVar[str] = "acme_list"
    known: ClassVar[dict[str, tuple[Project, str, list[Task]]]] = {}

    def projects(self) -> list[Project]:
        return [project for project, _, _ in self.known.values()]

    def create(self, title: str, interface: str) -> Project:
        if not interface.isidentifier():
            raise HookError("an interface is the name of a field")
        project = Project(str(len(self.known) + 1), title, f"http://127.0.0.1/{title}")
        self.known[project.id] = project, interface, []
        return project

    def tasks(self, project: str) -> list[Task]:
        return list(self._of(project)[2])

    def add(self, project: str, tasks: Iterable[Mapping[str, Any]]) -> int:
        _, interface, found = self._of(project)
        given = list(tasks)
        if any(interface not in one for one in given):
            raise HookError(f"there is no {interface} in it")
        found += [Task(str(len(found) + number), one) for number, one in enumerate(given, 1)]
        return len(given)

    def _of(self, project: str) -> tuple[Project, str, list[Task]]:
        if project not in self.known:
            raise HookError(f"there is no project {project}")
        return self.known[project]


@pytest.fixture
def subjects(tmp_path: Path) -> Subjects:
    FolderRegistry.known.clear()
    ListAnnotator.known.clear()
    return Subjects(tmp_path)


def test_models_are_promoted_in_any_registry(subjects: Subjects, tmp_path: Path) -> None:
    registry = subjects.component(FolderRegistry)
    registry.provision()
    promote(registry, tmp_path)


def test_features_are_asked_of_any_store(subjects: Subjects) -> None:
    store = subjects.component(TableFeatureStore)
    store.provision()
    rows = {"1": {"trips": 7, "rating": 0.75}, "2": {"trips": 9, "rating": 0.25}}
    (store.context.data_dir / "views.json").write_text(json.dumps({"stats": rows}))
    ask_for_features(store)


def test_any_annotator_has_people_label(subjects: Subjects) -> None:
    annotator = subjects.component(ListAnnotator)
    annotator.provision()
    have_labelled(annotator, "text", "<")
