"""Age keys of these tests, and what every store does whose file they open."""

from __future__ import annotations

import pytest
from pyrage import x25519

from stackspec.testing.store_conformance import StoreCase, StoreConformance
from tests.secret_stores.files import refused, write_private

KEY, OTHER = x25519.Identity.generate(), x25519.Identity.generate()


class OpenedByAgeKeys(StoreConformance):
    """Of a case whose file KEY opens, which the variable SOPS_AGE_KEY holds."""

    def test_no_file(self, case: StoreCase) -> None:
        assert f"there is no file '{case.config['path']}'" in refused(case.read("A"), "SS0802")

    def test_where_identities_are_looked_for(self, case: StoreCase, tmp_path_factory: pytest.TempPathFactory) -> None:
        home = tmp_path_factory.mktemp("home")
        case.put({"A": "hush"})
        case.environ.clear()
        assert "there is no age identity to read with" in refused(case.read("A"), "SS0803")
        keys = f"# created: today\n# public key: {KEY.to_public()}\n\n{KEY}\n"
        write_private(home / ".config/sops/age/keys.txt", keys)
        case.environ["HOME"] = str(home)
        assert case.read("A") == "hush"
        case.environ["XDG_CONFIG_HOME"] = str(home / "nowhere")
        refused(case.read("A"), "SS0803")
        case.environ["SOPS_AGE_KEY_FILE"] = str(home / ".config/sops/age/keys.txt")
        assert case.read("A") == "hush"
        case.environ.clear()
        case.environ["SOPS_AGE_KEY"] = f"{OTHER} {KEY}"
        assert case.read("A") == "hush"
        case.environ.clear()
        case.config = {**case.config, "identity": "keys.txt"}
        assert "there is no file of age identities 'keys.txt'" in refused(case.read("A"), "SS0803")
        write_private(case.root / "keys.txt", keys)
        assert case.read("A") == "hush"
        (case.root / "keys.txt").chmod(0o604)
        assert "run: chmod 600 keys.txt" in refused(case.read("A"))

    def test_a_file_of_keys_that_others_can_read(self, case: StoreCase) -> None:
        case.put({"A": "hush"})
        write_private(case.root / "keys", str(KEY))
        (case.root / "keys").chmod(0o644)
        case.environ["SOPS_AGE_KEY_FILE"] = str(case.root / "keys")
        assert "can be read or written by others" in refused(case.read("A"))

    def test_a_file_of_keys_that_does_not_exist(self, case: StoreCase) -> None:
        case.put({"A": "hush"})
        told = "the variable SOPS_AGE_KEY_FILE names the file '/nonexistent/keys.txt', which does not exist"
        case.environ["SOPS_AGE_KEY_FILE"] = "/nonexistent/keys.txt"
        assert case.read("A") == "hush"
        case.environ["SOPS_AGE_KEY"] = str(x25519.Identity.generate())
        said = refused(case.read("A"))
        assert f"none of the age identities here opens '{case.config['path']}', and {told}" in said
        del case.environ["SOPS_AGE_KEY"]
        assert told in refused(case.read("A"))

    def test_a_key_in_the_place_of_a_file_of_keys_is_not_told(self, case: StoreCase) -> None:
        case.put({"A": "hush"})
        case.environ["SOPS_AGE_KEY_FILE"] = case.environ.pop("SOPS_AGE_KEY")
        said = refused(case.read("A"))
        assert "SOPS_AGE_KEY_FILE holds an age identity, and not the name of a file; set SOPS_AGE_KEY" in said
        assert str(KEY) not in said

    def test_what_is_no_identity(self, case: StoreCase) -> None:
        case.put({"A": "hush"})
        case.environ["SOPS_AGE_KEY"] = f"{KEY} AGE-SECRET-KEY-1HUSH"
        said = refused(case.read("A"))
        assert "line 2 of SOPS_AGE_KEY is not an age identity" in said
        assert "1HUSH" not in said

    def test_another_key(self, case: StoreCase) -> None:
        case.put({"A": "hush"})
        case.environ["SOPS_AGE_KEY"] = str(x25519.Identity.generate())
        said = refused(case.read("A"))
        assert f"none of the age identities here opens '{case.config['path']}'" in said
        assert "identities are by default SOPS_AGE_KEY, the file that SOPS_AGE_KEY_FILE names" in said
        write_private(case.root / "keys", case.environ["SOPS_AGE_KEY"])
        case.config = {**case.config, "identity": "keys"}
        assert "SOPS_AGE_KEY" not in refused(case.read("A"))

    def test_a_file_that_everybody_may_replace_is_read(self, case: StoreCase) -> None:
        case.put({"A": "hush"})
        case.root.chmod(0o777)
        (case.root / case.config["path"]).chmod(0o666)
        assert case.read("A") == "hush"
