"""A real Label Studio, whose first start takes a minute."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import pytest

from stackspec.core.fields import plain
from stackspec.flavors.annotator.label_studio import LabelStudioAnnotator
from stackspec.flavors.contract import HookError
from stackspec.flavors.http.request import request
from tests.flavors.contexts import Subjects
from tests.flavors.using import have_labelled

INTERFACE = """
<View>
  <Text name="text" value="$text"/>
  <Choices name="mood" toName="text"><Choice value="good"/><Choice value="bad"/></Choices>
</View>
"""
TOKEN = "0123456789abcdef0123456789abcdef01234567"
OTHER = "76543210fedcba9876543210fedcba9876543210"
CONFIG = {"token": TOKEN, "password": "a secret word", "data_dir": "labels", "delete_data": True}


@pytest.fixture
def subjects(tmp_path: Path) -> Iterator[Subjects]:
    """Components of one project, whose server is gone at the end."""
    made = Subjects(tmp_path)
    yield made
    made.component(LabelStudioAnnotator, CONFIG).deprovision()


def test_its_life(subjects: Subjects) -> None:
    """All of it in one test, since a first start takes a minute, and another ten seconds."""
    deadline = monotonic() + 400
    component = subjects.component(LabelStudioAnnotator, CONFIG, deadline=deadline)
    outputs = plain(component.provision())
    assert component.observe().running
    used = subjects.component(LabelStudioAnnotator, CONFIG, outputs=outputs)
    task = have_labelled(used, INTERFACE, "<View")

    said = [{"from_name": "mood", "to_name": "text", "type": "choices", "value": {"choices": ["good"]}}]
    headers = {"Authorization": f"Token {TOKEN}", "Content-Type": "application/json"}
    url = f"{outputs['uri']}/api/tasks/{task.id}/annotations"
    assert request("POST", url, body=json.dumps({"result": said}).encode(), headers=headers).status == 201
    assert used.tasks("1")[0].annotations == (said,)

    config = {"uri": f"{outputs['uri']}/", "token": TOKEN}
    other = subjects.component(LabelStudioAnnotator, config, outputs=outputs)
    assert other.observe().running
    assert plain(other.provision()) == outputs
    assert len(other.projects()) == 1
    other.suspend()
    other.deprovision()
    stranger = subjects.component(LabelStudioAnnotator, {**config, "token": OTHER}, outputs=outputs)
    assert "refuses who asks" in stranger.observe().detail
    assert stranger.observe().running is False
    with pytest.raises(HookError, match="refuses the token"):
        stranger.projects()

    component.suspend()
    assert component.observe().running is False
    changed = subjects.component(LabelStudioAnnotator, {**CONFIG, "token": OTHER}, deadline=deadline, outputs=outputs)
    assert plain(changed.update(component)) == {**outputs, "token": OTHER}
    assert [one.title for one in changed.projects()] == ["Moods"]
    with pytest.raises(HookError, match="refuses the token"):
        used.projects()
    log = "".join(file.read_text() for file in component.context.data_dir.glob("*.log"))
    assert not [one for one in (TOKEN, OTHER, "a secret word") if one in log]
    component.deprovision()
    assert not (subjects.root / "labels").exists()


def test_what_cannot_be_started(tmp_path: Path) -> None:
    subjects = Subjects(tmp_path)
    with pytest.raises(HookError, match="no password"):
        subjects.component(LabelStudioAnnotator, {"token": TOKEN}).provision()
    with pytest.raises(HookError, match="not provisioned"):
        subjects.component(LabelStudioAnnotator, {"token": TOKEN}).projects()
    away = {"uri": "http://127.0.0.1:1", "token": TOKEN}
    subjects.component(LabelStudioAnnotator, away).provision()
    assert "does not serve" in subjects.lines[-1]
