"""A real Feast over features of this project."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from stackspec.core.fields import plain
from stackspec.flavors.contract import HookError
from stackspec.flavors.feature_store.feast import FeastFeatureStore
from tests.flavors.contexts import Subjects
from tests.flavors.using import ask_for_features

DEFINITIONS = """
from datetime import timedelta

from feast import Entity, FeatureView, Field, FileSource
from feast.types import Float32, Int64

driver = Entity(name="driver", join_keys=["driver_id"])
view = FeatureView(
    name="stats",
    entities=[driver],
    ttl=timedelta(days=2),
    schema=[Field(name="trips", dtype=Int64), Field(name="rating", dtype=Float32)],
    source=FileSource(name="stats", path="stats.parquet", timestamp_field="event_timestamp"),
)
"""
NOW = datetime.now(UTC).replace(microsecond=0)
CONFIG = {"repository": "features", "data_dir": "store"}


@pytest.fixture
def subjects(tmp_path: Path) -> Iterator[Subjects]:
    """Components of one project with definitions and data, whose server is gone at the end."""
    import pandas

    folder = tmp_path / "features"
    folder.mkdir()
    (folder / "definitions.py").write_text(DEFINITIONS)
    times = [NOW - timedelta(hours=10), NOW - timedelta(hours=1), NOW - timedelta(hours=1)]
    rows = {"driver_id": [1, 1, 2], "event_timestamp": times, "trips": [5, 7, 9], "rating": [0.5, 0.75, 0.25]}
    pandas.DataFrame(rows).to_parquet(folder / "stats.parquet")
    made = Subjects(tmp_path)
    yield made
    made.component(FeastFeatureStore, CONFIG).deprovision()


def test_its_life(subjects: Subjects) -> None:
    """All of it in one test, since each start takes ten seconds and more."""
    import pandas

    component = subjects.component(FeastFeatureStore, CONFIG, deadline=monotonic() + 300)
    before = sorted(one.name for one in (subjects.root / "features").iterdir())
    outputs = plain(component.provision())
    seen = component.observe()
    assert seen.running
    assert seen.fields == {"repository": "features"}
    assert sorted(one.name for one in (subjects.root / "features").iterdir()) == before

    used = subjects.component(FeastFeatureStore, CONFIG, outputs=outputs)
    used.materialize(NOW - timedelta(days=1), NOW)
    ask_for_features(used)
    config = {"uri": f"{outputs['uri']}/", "token": "shown"}
    other = subjects.component(FeastFeatureStore, config)
    assert other.observe().running
    assert plain(other.provision()) == outputs
    ask_for_features(subjects.component(FeastFeatureStore, config, outputs=outputs))
    other.suspend()
    other.deprovision()
    with pytest.raises(HookError, match="not defined here"):
        other.historical_features([], None)
    with pytest.raises(HookError, match=r"answers with status [45]"):
        used.online_features(["nowhere:trips"], {"driver_id": [1]})

    asked = pandas.DataFrame({"driver_id": [1, 1], "event_timestamp": [NOW - timedelta(hours=5), NOW]})
    past = used.historical_features(["stats:trips"], asked).sort_values("event_timestamp")
    assert list(past["trips"]) == [5, 7]
    with pytest.raises(HookError, match="cannot tell the features: "):
        used.historical_features(["nowhere:trips"], asked)

    file = subjects.root / "features" / "definitions.py"
    file.write_text(DEFINITIONS.replace('name="stats",\n    entities', 'name="other",\n    entities'))
    assert component.observe().fields == {"repository": "features as it was before"}
    file.rename(file.with_suffix(".gone"))
    assert component.observe().fields == {"repository": "features as it was before"}
    component.suspend()
    assert component.observe().running is False
    file.write_text("nonsense nonsense")
    with pytest.raises(HookError, match=r"failed with status 1: .*SyntaxError"):
        component.resume()
    component.deprovision()
    assert (subjects.root / "store" / "registry.db").is_file()


def test_what_cannot_be_served(tmp_path: Path) -> None:
    subjects = Subjects(tmp_path)
    with pytest.raises(HookError, match="nothing to serve"):
        subjects.component(FeastFeatureStore).provision()
    with pytest.raises(HookError, match="no directory"):
        subjects.component(FeastFeatureStore, {"repository": "nowhere"}).provision()
    config: dict[str, Any] = {"uri": "http://127.0.0.1:1"}
    assert subjects.component(FeastFeatureStore, config).observe().running is False
    subjects.component(FeastFeatureStore, config).provision()
    assert "does not serve" in subjects.lines[-1]
    with pytest.raises(HookError, match="not provisioned"):
        subjects.component(FeastFeatureStore, config).online_features([], {})
