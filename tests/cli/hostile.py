"""Projects as an attacker, or an accident, leaves them: name to what makes it and the codes that are due."""

from __future__ import annotations

import os
import random
import sqlite3
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

HEAD = "apiVersion: stackspec.dev/v1\nkind: Stack\nmetadata: {name: dev}\n"
STACK = HEAD + (
    "spec:\n  components:\n    orchestrator: {flavor: local}\n"
    "    artifact_store: {flavor: local, config: {path: ./artifacts}}\n"
)
Make = Callable[[Path], object]
MIB = 1024 * 1024


def text(content: str | bytes, name: str = "stacks/dev.yaml") -> Make:
    data = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    return lambda root: (root / name).write_bytes(data)


def described(value: str) -> Make:
    return text(STACK.replace("spec:", f"spec:\n  description: {value}"))


def sparse(size: int) -> Make:
    def make(root: Path) -> None:
        with open(root / "stacks" / "dev.yaml", "wb") as file:
            file.write(b"a: 'x")
            file.truncate(size)

    return make


def bomb(root: Path) -> None:
    names = "abcdefghi"
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]\n"]
    lines += [f"{name}: &{name} [{', '.join([f'*{one}'] * 9)}]\n" for one, name in pairwise(names)]
    (root / "stacks" / "dev.yaml").write_text("".join(lines), encoding="utf-8")


def merge_bomb(root: Path) -> None:
    lines = ["a0: &a0 {k: v}\n"]
    lines += [f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 9)}], k{i}: v}}\n" for i in range(1, 20)]
    (root / "stacks" / "dev.yaml").write_text("".join(lines), encoding="utf-8")


def linked(target: str, name: str = "stacks/more.yaml") -> Make:
    return lambda root: (root / name).symlink_to(target)


def with_variables(expressions: list[str], environments: int = 1, again: int = 0) -> Make:
    """A stack with these variables, the first repeated by aliases, and environments with large vars."""
    lines = [
        f"    V{number}: {anchor}'{one}'\n"
        for number, one in enumerate(expressions)
        for anchor in ["&a " * (not number)]
    ]
    stacks = STACK + "  environment:\n" + "".join(lines)
    for number in range(again // 190):
        first = f"    A: &a '{expressions[0]}'\n"
        repeated = "".join(f"    B{index}: *a\n" for index in range(190))
        stacks += "---\n" + STACK.replace("name: dev", f"name: s{number}") + "  environment:\n" + first + repeated
    values = (
        "spec:\n  vars:\n    empty: ''\n"
        f"    list: [{','.join(f'k{index}' for index in range(9_000))}]\n"
        f"    map: {{{','.join(f'k{index}: {index}' for index in range(4_500))}}}\n"
    )
    for number in range(environments):
        name = f"metadata: {{name: e{number}}}\n"
        stacks += f"---\napiVersion: stackspec.dev/v1\nkind: Environment\n{name}{values}"
    return text(stacks)


def two_stacks(more: str) -> Make:
    return text(STACK + "---\n" + STACK.replace("name: dev", "name: two").replace("./artifacts", "./two") + more)


MANIFESTS: dict[str, tuple[Make, set[str]]] = {
    "not-yaml": (text("a: ]\n"), {"SS0107"}),
    "binary": (text(random.Random(1).randbytes(4096)), {"SS0104"}),
    "utf-16": (text(STACK.encode("utf-16")), {"SS0104"}),
    "latin-1": (text(STACK.replace("dev}", "dév}").encode("latin-1")), {"SS0104"}),
    "lone-surrogate": (described("\ud800"), {"SS0104"}),
    "escaped-surrogate": (described('"\\ud800"'), {"SS0107"}),
    "nul": (described("a\0b"), {"SS0105"}),
    "escape-sequence": (described("\x1b]0;owned\x07"), {"SS0105"}),
    "bidi": (described("a\u202eb"), {"SS0105"}),
    "zero-width": (described("a\u200bb"), {"SS0105"}),
    "escaped-bidi": (described('"a\\u202eb"'), {"SS0105"}),
    "byte-order-mark-inside": (described("a\ufeffb"), {"SS0105"}),
    "duplicate-keys": (described("a\n  description: b"), {"SS0108"}),
    "merge-keys": (text(STACK + "  <<: {description: x}\n"), {"SS0109"}),
    "merge-bomb": (merge_bomb, {"SS0109", "SS0106"}),
    "custom-tag": (described("!!python/object/apply:os.system [touch pwned]"), {"SS0109"}),
    "local-tag": (described("!include /etc/passwd"), {"SS0109"}),
    "alias-bomb": (bomb, {"SS0106"}),
    "deep-flow-lists": (text("[" * 100_000), {"SS0106"}),
    "deep-flow-maps": (text("{a: " * 100_000), {"SS0106"}),
    "deep-block-lists": (text("- " * 100_000), {"SS0106"}),
    "deep-block-maps": (text("".join(" " * level + "a:\n" for level in range(2_000))), {"SS0106"}),
    "deep-question-marks": (text("? " * 100_000), {"SS0109"}),
    "deep-json": (described('"{{ ' + "(" * 2_000 + '1"'), {"SS0301", "SS0307"}),
    "gigabyte-scalar": (sparse(1024 * MIB), {"SS0106"}),
    "65-mebibytes": (sparse(65 * MIB), {"SS0106"}),
    "30-mebibytes-of-one-scalar": (text(b"a: " + b"x" * (30 * MIB)), {"SS0106"}),
    "30-mebibytes-of-comments": (text(b"# nothing\n" * (3 * MIB) + b"a"), {"SS0201"}),
    "60-mebibytes-of-brackets": (text(b"[" * (60 * MIB)), {"SS0106"}),
    "60-mebibytes-of-spaces": (text(b"a:" + b" " * (60 * MIB) + b"["), {"SS0107"}),
    "empty-lists": (text(b"a: [" + b"[]," * (3 * MIB) + b"]"), {"SS0106"}),
    "empty-mappings": (text(b"a: [" + b"{}," * (3 * MIB) + b"]"), {"SS0106"}),
    "60-mebibytes-of-empty-lists": (text(b"- []\n" * (12 * MIB)), {"SS0106"}),
    "a-million-documents": (text(b"---\n" * (2 * MIB)), {"SS0106"}),
    "many-keys": (text("".join(f"k{index}: 1\n" for index in range(30_000))), {"SS0106"}),
    "twenty-digits": (described("1" + "0" * 19), {"SS0110"}),
    "a-million-digits": (described("1" * 1_000_000), {"SS0110"}),
    "infinity": (described(".inf"), {"SS0110"}),
    "not-a-number": (described(".nan"), {"SS0110"}),
    "exponent": (described("1e99999"), {"SS0110"}),
    "base-60": (described("1" + ":59" * 100_000 + " x: y"), {"SS0107", "SS0106"}),
    "long-expression": (described("'{{ " + "a" * 100_000 + " }}'"), {"SS0307"}),
    "expression-attack": (described("\"{{ ''.__class__.__mro__[1].__subclasses__() }}\""), {"SS0302"}),
    "expression-bomb": (described("\"{{ 'a' * 10 ** 9 }}\""), {"SS0302"}),
    "constant-bomb": (described("\"{{ 'a' * 2000000000 }}\""), {"SS0302"}),
    "range-bomb": (described("'{{ range(1000000000) }}'"), {"SS0302"}),
    "format-bomb": (described("\"{{ '%1000000000d' | format(1) }}\""), {"SS0302"}),
    "statement": (described("'{% for a in range(9) %}{% endfor %}'"), {"SS0302"}),
    "fifo": (lambda root: os.mkfifo(root / "stacks" / "pipe.yaml"), {"SS0102"}),
    "device": (linked("/dev/zero"), {"SS0103"}),
    "link-out": (linked("/etc/passwd"), {"SS0103"}),
    "link-nowhere": (linked("no-such-file.yaml"), {"SS0103"}),
    "link-loop": (linked("more.yaml"), {"SS0103"}),
    "linked-folder-out": (linked("/usr", "stacks/folder"), {"SS0103"}),
    "linked-project-file": (linked("/etc/passwd", "stackspec.yaml"), {"SS0103"}),
    "project-file-is-a-folder": (lambda root: (root / "stackspec.yaml").mkdir(), {"SS0102"}),
    "path-out": (text(STACK.replace("./artifacts", "../out")), {"SS0406"}),
    "path-out-in-the-middle": (text(STACK.replace("./artifacts", "a/../../out")), {"SS0406"}),
    "absolute-path": (text(STACK.replace("./artifacts", "/etc/stackspec")), {"SS0406"}),
    "path-out-by-expression": (text(STACK.replace("./artifacts", "\"{{ '..' ~ '/out' }}\"")), {"SS0406"}),
    "folders-out": (
        text("apiVersion: stackspec.dev/v1\nkind: Project\nspec: {manifests: [../..]}\n", "stackspec.yaml"),
        {"SS0103"},
    ),
    "unknown-kind": (text(STACK.replace("kind: Stack", "kind: Stak")), {"SS0202"}),
    "unknown-version": (text(STACK.replace("dev/v1", "dev/v9")), {"SS0202"}),
    "unknown-key": (described("x\n  descripton: y"), {"SS0203"}),
    "unknown-flavor": (text(STACK.replace("local}", "locl}")), {"SS0208"}),
    "flavor-of-a-path": (text(STACK.replace("local}", "../../evil}")), {"SS0208"}),
    "unknown-type": (text(STACK.replace("orchestrator", "orchestratr")), {"SS0207", "SS0404"}),
    "two-of-one-name": (two_stacks("---\n" + STACK), {"SS0401"}),
    "cycle": (text(STACK.replace("flavor: local,", "flavor: local, depends_on: [artifact_store/dev],")), {"SS0403"}),
    "not-a-manifest": (text("- 1\n"), {"SS0201"}),
}


EXPRESSIONS: dict[str, tuple[Make, set[str]]] = {
    "comparisons-of-large-values": (with_variables(["{{ vars.map == vars.map }}"] * 3_000), {"SS0307"}),
    "texts-of-large-values": (with_variables(["{{ vars.list | tojson }}"] * 3_000), {"SS0307"}),
    "copies-of-large-values": (with_variables(["{{ vars.map }}"] * 3_000), {"SS0307"}),
    "many-steps": (with_variables(["{{vars.empty}}" * 4_000], again=15_000), {"SS0307"}),
    "many-choices": (with_variables(["{{ " + "1 if vars else " * 60 + "1 }}"] * 900), {"SS0307"}),
    "many-undefined-names": (with_variables(["{{vars.none}}" * 4_000], again=15_000), {"SS0303"}),
    "many-long-expressions": (
        with_variables(["{{ 1" + "|d(1)" * 60 + " }}" + str(number) for number in range(2_500)]),
        {"SS0307"},
    ),
    "large-values-in-many-environments": (with_variables(["{{ vars.map == vars.list }}"] * 30, 40), {"SS0307"}),
}
"""Manifests whose expressions are each allowed and together too much, and the codes that are due."""


def foreign_database(path: Path) -> None:
    path.unlink()
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE meta (key, value)")
        connection.execute("INSERT INTO meta VALUES ('lineage', 'x')")
    connection.close()


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def damaged(change: Callable[[bytearray], object]) -> Make:
    def make(path: Path) -> None:
        data = bytearray(path.read_bytes())
        change(data)
        path.write_bytes(data)

    return make


def edited(statement: str) -> Make:
    def make(path: Path) -> None:
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute(statement)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.close()

    return make


def cut(size: int) -> Make:
    return damaged(lambda data: data.__delitem__(slice(size, None)))


def zeroed(data: bytearray) -> None:
    data[100:] = bytes(len(data) - 100)


def fifo_in_its_place(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def linked_away(path: Path) -> None:
    path.symlink_to(path.rename(path.with_name("elsewhere")))


def journal_alone(path: Path) -> None:
    """As where somebody removes the state of a killed apply, and leaves what SQLite would replay into the next."""
    path.rename(path.with_name(f"{path.name}-wal"))


def linked_journal(path: Path) -> None:
    path.with_name("victim").write_text("precious")
    path.with_name(f"{path.name}-wal").symlink_to("victim")


STATES: dict[str, tuple[Make, set[str]]] = {
    "random-bytes": (lambda path: path.write_bytes(random.Random(2).randbytes(9_000)), {"SS0701"}),
    "text": (lambda path: path.write_text("{}"), {"SS0701"}),
    "empty": (lambda path: path.write_bytes(b""), {"SS0701"}),
    "foreign-database": (foreign_database, {"SS0701"}),
    "cut-in-the-header": (cut(50), {"SS0701"}),
    "cut-after-the-header": (cut(100), {"SS0701"}),
    "cut-after-a-page": (cut(4096), {"SS0701"}),
    "cut-in-a-page": (cut(9_000), {"SS0701"}),
    "zeroed": (damaged(zeroed), {"SS0701"}),
    "newer": (edited("PRAGMA user_version = 99"), {"SS0702"}),
    "of-another-environment": (edited("UPDATE meta SET value = 'prod' WHERE key = 'environment'"), {"SS0701"}),
    "without-lineage": (edited("DELETE FROM meta WHERE key = 'lineage'"), {"SS0701"}),
    "serial-of-text": (edited("UPDATE meta SET value = 'many' WHERE key = 'serial'"), {"SS0701"}),
    "without-a-table": (edited("DROP TABLE record"), {"SS0701", "SS0704"}),
    "record-of-text": (edited("UPDATE record SET text = 'x'"), {"SS0701"}),
    "record-of-a-list": (edited("UPDATE record SET text = '[]'"), {"SS0701"}),
    "record-without-fields": (edited("UPDATE record SET text = '{}'"), {"SS0701"}),
    "record-of-null": (edited("UPDATE record SET text = 'null'"), {"SS0701"}),
    "record-of-bytes": (edited("UPDATE record SET text = x'00ff'"), {"SS0701"}),
    "a-folder": (folder, {"SS0701", "SS0704"}),
    "a-fifo": (fifo_in_its_place, {"SS0701"}),
    "a-link": (linked_away, {"SS0701"}),
    "a-journal-alone": (journal_alone, {"SS0701"}),
    "a-journal-that-is-a-link": (linked_journal, {"SS0701"}),
}
"""What happened to the state file of an applied project."""
