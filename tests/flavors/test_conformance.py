"""Every flavor that needs nothing but this machine obeys the contract."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from stackspec.flavors.artifact_store.local import LocalArtifactStore
from stackspec.flavors.container_registry.default import DefaultContainerRegistry
from stackspec.flavors.contract import Flavor
from stackspec.flavors.image_builder.local import LocalImageBuilder
from stackspec.flavors.log_store.local import LocalLogStore
from stackspec.flavors.metadata_store.sqlite import SqliteMetadataStore
from stackspec.flavors.orchestrator.local import LocalOrchestrator
from stackspec.flavors.registry import Registry
from stackspec.testing.flavor_conformance import FlavorCase, FlavorConformance


def a_directory(root: Path) -> None:
    (root / "deep" / "data").mkdir(parents=True)
    (root / "deep" / "data" / "precious.txt").write_text("before", encoding="utf-8")


def a_database(root: Path) -> None:
    with sqlite3.connect(root / "metadata.db") as connection:
        connection.execute("CREATE TABLE theirs (value)")
    connection.close()


CASES = [
    *(
        FlavorCase(
            flavor=Registry().flavor(kind, "external"),
            config=lambda _: {"uri": "https://example.org/it"},
            changed=lambda _: {"uri": "https://example.org/other"},
            provisions=False,
        )
        for kind in ("alerter", "experiment_tracker")
    ),
    FlavorCase(
        flavor=LocalArtifactStore,
        config=lambda _: {"path": "deep/data"},
        changed=lambda _: {"path": "deep/data", "delete_data": True},
        beside=lambda _: {"path": "deep/other"},
        before=a_directory,
    ),
    FlavorCase(
        flavor=LocalLogStore,
        config=lambda _: {"path": "deep/data"},
        changed=lambda _: {"path": "deep/data", "delete_data": True},
        beside=lambda _: {"path": "deep/other"},
        before=a_directory,
    ),
    FlavorCase(
        flavor=LocalLogStore,
        config=lambda _: {},
        changed=lambda _: {"delete_data": True},
        beside=lambda _: {"path": "x"},
    ),
    FlavorCase(
        flavor=LocalOrchestrator,
        config=lambda root: {"work_dir": str(root / "deep" / "data")},
        changed=lambda root: {"work_dir": str(root / "deep" / "data"), "max_parallel_steps": 4},
        beside=lambda _: {"work_dir": "deep/other"},
        before=a_directory,
    ),
    FlavorCase(
        flavor=LocalOrchestrator,
        config=lambda _: {},
        changed=lambda _: {"max_parallel_steps": 4},
        beside=lambda _: {"work_dir": "x"},
    ),
    FlavorCase(
        flavor=LocalImageBuilder,
        config=lambda _: {"work_dir": "deep/data"},
        changed=lambda _: {"work_dir": "deep/data", "program": "buildah"},
        beside=lambda _: {"work_dir": "deep/other"},
        before=a_directory,
    ),
    FlavorCase(
        flavor=LocalImageBuilder,
        config=lambda _: {},
        changed=lambda _: {"program": "podman"},
        beside=lambda _: {"work_dir": "x"},
    ),
    FlavorCase(
        flavor=SqliteMetadataStore,
        config=lambda _: {"path": "metadata.db"},
        changed=lambda _: {"path": "metadata.db", "journal_mode": "delete"},
        beside=lambda _: {"path": "other.db"},
        before=a_database,
    ),
    FlavorCase(
        flavor=DefaultContainerRegistry,
        config=lambda _: {"uri": "localhost:1/team"},  # nothing listens there
        changed=lambda _: {"uri": "127.0.0.1:1/other", "insecure": True},
        provisions=False,
    ),
]


EVERY = bool(os.environ.get("STACKSPEC_ALL_FAULTS"))
"""Whether hooks are killed in as many places as the kit would, by `make faults`, and not only in some."""


@pytest.mark.parametrize("case", CASES if EVERY else [replace(case, kill_points=12) for case in CASES], ids=str)
class TestFlavors(FlavorConformance):
    pass


@pytest.mark.parametrize("flavor", list(dict.fromkeys(case.flavor for case in CASES)))
def test_the_registry_knows_it(flavor: type[Flavor]) -> None:
    assert Registry().flavor(flavor.type, flavor.flavor) is flavor


def test_specs_load_without_what_hooks_import() -> None:
    modules = sorted({case.flavor.__module__ for case in CASES})
    program = (
        f"import sys, {', '.join(modules)}; "
        "print(*sys.modules.keys() & {'sqlite3', 'http.client', 'urllib.request', 'ssl', 'socket'})"
    )
    assert (
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip() == ""
    )
