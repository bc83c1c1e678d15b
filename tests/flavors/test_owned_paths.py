"""What one component made is not removed with another's, even where a path was not known before the apply."""

from __future__ import annotations

from pathlib import Path

import pytest

from stackspec.flavors.artifact_store.local import LocalArtifactStore
from stackspec.flavors.contract import Flavor, HookError
from stackspec.flavors.log_store.local import LocalLogStore
from stackspec.flavors.metadata_store.sqlite import SqliteMetadataStore
from tests.flavors.contexts import Subjects


@pytest.mark.parametrize(
    ("inner", "path"),
    [(LocalLogStore, "data/logs"), (SqliteMetadataStore, "data/deep/m.db")],
)
def test_a_directory_that_holds_what_another_component_made_is_kept(
    inner: type[Flavor], path: str, tmp_path: Path
) -> None:
    subjects = Subjects(tmp_path)
    outer = subjects.component(LocalArtifactStore, {"path": "data", "delete_data": True})
    other = subjects.component(inner, {"path": path}, identity="another")
    outer.provision()
    other.provision()
    with pytest.raises(HookError, match=r"is kept: .* in it belongs to"):
        outer.deprovision()
    assert other.observe().provisioned
    other.deprovision()
    outer.deprovision()
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("path", [".stackspec/state", ".", ".stackspec", "link/components"])
def test_no_hook_works_in_the_folder_of_stackspec_itself(path: str, tmp_path: Path) -> None:
    (tmp_path / ".stackspec").mkdir()
    (tmp_path / "link").symlink_to(".stackspec")
    store = Subjects(tmp_path).component(LocalArtifactStore, {"path": path})
    with pytest.raises(HookError, match="overlaps with stackspec's own folder"):
        store.provision()
