"""`validate --alone`: a file's own problems, whatever else there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Ask

HEAD = "apiVersion: stackspec.dev/v1\nkind: {}\nmetadata: {{name: a}}\nspec: {}\n"


def stack(components: str, more: str = "") -> str:
    return HEAD.format("Stack", f"{{{more}components: {{{components}}}}}")


OWN = {
    "a: [": ["SS0107"],
    "a: 1\n": ["SS0201"],
    stack("orchestra: {flavor: local}"): ["SS0207"],
    stack("orchestrator: {flavor: locale}"): ["SS0208"],
    stack("orchestrator: [{flavor: local}]"): ["SS0405"],
    stack("orchestrator: 3"): ["SS0205"],
    stack("orchestrator: '{{ vars.x }}'"): ["SS0305"],
    stack("artifact_store: {flavor: local, config: {pth: ./a}}"): ["SS0203"],
    stack("artifact_store: {flavor: local, config: {path: ./a, delete_data: 'yes'}}"): ["SS0205"],
    stack("artifact_store: {flavor: local, config: {path: '{{ vars.x'}}"): ["SS0301"],
    stack("artifact_store: {flavor: local, config: {path: '{{ var.x }}'}}"): ["SS0303"],
    stack("artifact_store: {flavor: local, config: {path: '{{ vars.x | shout }}'}}"): ["SS0302"],
    stack("artifact_store: {flavor: local, config: {path: ./a, delete_data: '{{ secrets.a.b }}'}}"): ["SS0205"],
    stack("", "environment: {A: [1]}, "): ["SS0205"],
    HEAD.format("Component", "{type: orchestra, flavor: local}"): ["SS0207"],
    HEAD.format("Environment", "{vars: {a: '{{ secrets.a.b }}'}}"): ["SS0303"],
    HEAD.format("SecretStore", "{type: drawer}"): ["SS0206"],
    HEAD.format("SecretStore", "{type: file, config: {floder: ./a}}"): ["SS0203"],
    HEAD.format("Secret", "{store: x, keys: {}}"): ["SS0206"],
    stack("", "environment: {TOKEN: ghp_0123456789abcdefghijABCDEFGHIJ456789}, "): ["SS0808"],
}
ELSEWHERE = [
    stack("orchestrator: shared, artifact_store: {ref: other}"),
    stack("artifact_store: {flavor: local, config: {path: '{{ vars.a }}', delete_data: '{{ vars.b }}'}}"),
    stack("artifact_store: {flavor: local, config: {path: '{{ components.log_store.outputs.x }}'}}"),
    stack("orchestrator: {flavor: local, depends_on: [log_store/x], secrets: [none]}", "deploy_to: [prod], "),
    HEAD.format("Secret", "{store: none, keys: {a: '{{ environment.name }}/a'}}"),
    HEAD.format("SecretStore", "{type: file, config: {folder: '{{ vars.folder }}'}}"),
    HEAD.format("Component", "{type: artifact_store, flavor: local, config: {path: ./a}}"),
]


@pytest.mark.parametrize("text", [*OWN, *ELSEWHERE])
def test_what_is_wrong_with_a_file_is_told_and_what_it_refers_to_is_not_asked(
    text: str, tmp_path: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.yaml").write_text(text)
    answer = ask("validate", "--alone", "a.yaml", "-o", "json")
    found = answer.json["diagnostics"]
    assert sorted({one["code"] for one in found}) == OWN.get(text, [])
    assert answer.json["valid"] is (answer.code == 0) is all(one["severity"] == "warning" for one in found)
    assert all(one["source"]["file"] == "a.yaml" for one in found)


def test_other_files_of_the_project_are_not_judged_and_one_that_it_does_not_read_is_told(dev: Path, ask: Ask) -> None:
    (dev / "stacks" / "wrong.yaml").write_text("a: [")
    assert ask("validate").code == 1
    answer = ask("validate", "--alone", "stacks/dev.yaml")
    assert (answer.code, answer.out, answer.err) == (0, "1 file: valid, each by itself\n", "")
    (dev / "old").mkdir()
    (dev / "old" / "a.yaml").write_text(ELSEWHERE[0])
    (dev / "inner" / "stacks").mkdir(parents=True)
    (dev / "inner" / "stacks" / "a.yaml").write_text(ELSEWHERE[0])
    answer = ask("validate", "--alone", "old/a.yaml", "inner/stacks/a.yaml")
    assert answer.code == 0
    assert "SS0113" in answer.err
    assert "'old/a.yaml'" in answer.err
    assert "inner" not in answer.err


def test_flavors_of_the_project_are_not_imported_and_may_be_any(dev: Path, ask: Ask) -> None:
    project = HEAD.format("Project", "{plugins: [acme_flavors]}").replace("metadata: {name: a}\n", "")
    (dev / "stackspec.yaml").write_text(project)
    (dev / "stacks" / "a.yaml").write_text(stack("orchestrator: {flavor: acme, config: {any: 1}}"))
    assert ask("validate", "--alone", "stacks/a.yaml").err == ""
    assert "SS0211" in ask("validate").err


@pytest.mark.parametrize("words", [[], ["-e", "dev", "a.yaml"], ["-f", "a.yaml", "a.yaml"]])
def test_it_is_for_files(words: list[str], dev: Path, ask: Ask) -> None:
    assert "SS0901" in ask("validate", "--alone", *words).err


def test_a_file_that_is_not_there_is_told(dev: Path, ask: Ask) -> None:
    assert "SS0111" in ask("validate", "--alone", "stacks/nope.yaml").err
