"""`make bench`: what a command costs beside `python -c pass`, and what the main job costs beside terraform.

Figures are ratios of medians of runs made in turn; seconds depend on the machine and are shown for orientation. The
package is measured as users have it: installed from a wheel, its bytecode compiled.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from math import ceil
from pathlib import Path

from benchmarks.measure import Measured, in_turn, once
from benchmarks.projects import (
    write_kapitan,
    write_secret_files,
    write_secrets,
    write_stackspec,
    write_terraform,
    write_terraform_state,
)
from benchmarks.slow_stores import slow_stores

_AT_ONCE = 16
"""Requests to one store that are under way at once."""
_A_REQUEST = 10
"""Secrets that one brings: a batch of AWS, or the fields of an entry of Vault as `write_secrets` names them."""

Row = tuple[str, str, str, str]
"""What was measured, its seconds, the ratio, the target."""


class Bench:
    """The measurements, in a scratch folder."""

    def __init__(self, scratch: Path, stackspec: Path, runs: int) -> None:
        self._scratch = scratch
        self._stackspec = stackspec
        self._python = stackspec.parent / "python"
        self._terraform = shutil.which("terraform")
        self._runs = runs
        self._plans: dict[int, float] = {}

    def start_up(self) -> Iterator[Row]:
        """Commands that hardly work, in multiples of an empty interpreter."""
        project = write_stackspec(self._scratch / "one", 5)
        for arguments, most in ((["version"], 4), (["--help"], 8), (["validate"], 15)):
            nothing, command = in_turn(
                self._runs * 3,
                partial(once, [self._python, "-c", "pass"], project),
                partial(once, [self._stackspec, *arguments], project),
            )
            ratio = command.median / nothing.median
            name = f"{arguments[0]}{' of one file' if arguments == ['validate'] else ''} / python -c pass"
            yield name, _seconds(command), f"{ratio:.1f}", f"≤ {most}"

    def hooks(self, checker: Path, files: int) -> Iterator[Row]:
        """The hook on each file by itself, and what lays files out, beside check-jsonschema with the same schema.

        Args:
            checker: check-jsonschema, installed in an environment of its own.
        """
        project = write_stackspec(self._scratch / f"files-{files}", files * 5)
        schema = Path(__file__).parents[1] / "schemas" / "manifest.schema.json"
        every = sorted(str(file.relative_to(project)) for file in (project / "stacks").iterdir())
        start, one = in_turn(
            self._runs,
            partial(once, [checker, "--version"], project),
            partial(once, [self._stackspec, "validate", "--alone", every[0]], project),
        )
        name = "hook on 1 file / start of check-jsonschema"
        yield name, _seconds(one, start), f"{one.median / start.median:.2f}", "≤ 2"
        theirs, ours = in_turn(
            self._runs,
            partial(once, [checker, "--schemafile", schema, *every], project),
            partial(once, [self._stackspec, "validate", "--alone", *every], project),
        )
        name = f"hook on {files:,} files / check-jsonschema"
        yield name, _seconds(ours, theirs), f"{ours.median / theirs.median:.3f}", "≤ 0.1"
        once([self._stackspec, "fmt"], project)
        (check,) = in_turn(self._runs, partial(once, [self._stackspec, "fmt", "--check"], project))
        name = f"fmt --check of {files:,} files / check-jsonschema"
        yield name, _seconds(check, theirs), f"{check.median / theirs.median:.3f}", ""

    def compiled(self, kapitan: Path, files: int) -> Iterator[Row]:
        """All manifests resolved and printed, beside kapitan, which makes the same documents from an inventory."""
        project = write_stackspec(self._scratch / f"compiled-{files}", files * 5)
        peer = write_kapitan(self._scratch / f"kapitan-{files}", files * 5)
        ours, theirs = in_turn(
            min(self._runs, 3),
            partial(once, [self._stackspec, "render"], project),
            partial(once, [kapitan, "compile"], peer),
        )
        yield f"render of {files:,} files / kapitan", _seconds(ours, theirs), f"{ours.median / theirs.median:.3f}", ""

    def rendered(self, kubectl: Path, files: int) -> Iterator[Row]:
        """All manifests resolved and printed, beside kustomize, which puts as many documents together.

        Args:
            kubectl: The program that has kustomize in it.
        """
        project = write_stackspec(self._scratch / f"rendered-{files}", files * 5)
        resources = "".join(f"  - stacks/{file.name}\n" for file in sorted((project / "stacks").iterdir()))
        (project / "kustomization.yaml").write_text(f"resources:\n{resources}")
        theirs, ours = in_turn(
            self._runs,
            partial(once, [kubectl, "kustomize", "."], project),
            partial(once, [self._stackspec, "render"], project),
        )
        yield f"render of {files:,} files / kustomize", _seconds(ours, theirs), f"{ours.median / theirs.median:.2f}", ""

    def changes(self, components: int, least: float) -> Iterator[Row]:
        """Apply from nothing and destroy, beside terraform where it is installed."""
        project = write_stackspec(self._scratch / f"changes-{components}", components)
        peer = write_terraform(self._scratch / f"terraform-changes-{components}", components)
        if self._terraform:
            once([self._terraform, "init"], peer)
        for verb in ("apply", "destroy"):
            jobs = [partial(once, [self._stackspec, verb, "--yes"], project)]
            if self._terraform:
                jobs.append(partial(once, [self._terraform, verb, "-auto-approve", "-input=false"], peer))
            measured = in_turn(1, *jobs)
            ratio = f"{measured[1].median / measured[0].median:.1f} × faster" if self._terraform else ""
            yield f"{verb} of {components:,} / terraform", _seconds(*measured), ratio, f"≥ {least:g} × faster"

    def no_changes(self, components: int, most: float | None, memory: int) -> Iterator[Row]:
        """A cold plan that finds nothing to do, beside terraform's without refresh where it is installed."""
        project = write_stackspec(self._scratch / f"plan-{components}", components)
        once([self._stackspec, "apply", "--yes"], project)
        jobs = [partial(self._cold, project)]
        if self._terraform and most is not None:
            peer = write_terraform(self._scratch / f"terraform-plan-{components}", components)
            write_terraform_state(peer, components)
            once([self._terraform, "init"], peer)
            plan = [self._terraform, "plan", "-refresh=false", "-input=false", "-detailed-exitcode"]
            jobs.append(partial(once, plan, peer))
        ours, *theirs = measured = in_turn(self._runs, *jobs)
        self._plans[components] = ours.median
        ratio = f"{ours.median / theirs[0].median:.3f}" if theirs else ""
        beside = " / terraform" if theirs else ""
        yield f"plan of {components:,}, no changes{beside}", _seconds(*measured), ratio, f"≤ {most:g}" if theirs else ""
        yield f"peak memory, plan of {components:,}", "", f"{ours.mebibytes:.0f} MiB", f"< {memory} MiB"

    def nothing_new(self, components: int, most: float) -> Iterator[Row]:
        """A plan that was asked for before, of the same files, in multiples of an empty interpreter."""
        project = self._scratch / f"plan-{components}"
        once([self._stackspec, "plan"], project)
        nothing, command = in_turn(
            self._runs * 3,
            partial(once, [self._python, "-c", "pass"], project),
            partial(once, [self._stackspec, "plan"], project),
        )
        ratio = f"{command.median / nothing.median:.1f}"
        yield f"plan of {components:,} again / python -c pass", _seconds(command), ratio, f"≤ {most:g}"

    def something_new(self, components: int, most: float) -> Iterator[Row]:
        """A plan after an edit of one file, beside one of which nothing is remembered."""
        project = self._scratch / f"plan-{components}"
        file = sorted((project / "stacks").iterdir())[7]
        text = file.read_text()
        numbers = iter(range(3, 1_000_000))
        cache, found = project / ".stackspec" / "cache", self._scratch / f"found-{components}"
        self._cold(project)  # what a plan of everything finds is kept for the next one
        cache.rename(found)

        def edited() -> tuple[float, float]:
            shutil.rmtree(cache, ignore_errors=True)
            shutil.copytree(found, cache)
            file.write_text(text.replace("max_parallel_steps: 2", f"max_parallel_steps: {next(numbers)}"))
            return once([self._stackspec, "plan"], project)

        whole, part = in_turn(self._runs, partial(self._cold, project), edited)
        ratio = f"{part.median / whole.median:.3f}"
        yield f"plan of {components:,}, a file changed / cold", _seconds(part, whole), ratio, f"≤ {most:g}"

    def _cold(self, project: Path) -> tuple[float, float]:
        """A plan of which nothing is remembered."""
        shutil.rmtree(project / ".stackspec" / "cache", ignore_errors=True)
        return once([self._stackspec, "plan"], project)

    def no_secrets(self, components: int, most: float) -> Iterator[Row]:
        """A plan that needs no secret, beside one by a stackspec that knows of none."""
        project = write_stackspec(self._scratch / f"no-secrets-{components}", components)
        program = Path(__file__).with_name("without_secrets.py")
        with_, bare = in_turn(
            self._runs * 3,
            *(partial(once, [self._python, "-I", program, how, "plan"], project) for how in ("with", "without")),
        )
        ratio = f"{with_.median / bare.median:.3f}"
        yield f"plan of {components:,} / knowing no secrets", _seconds(with_, bare), ratio, f"≤ {most:g}"

    def secrets_in_files(self, secrets: int, most: float) -> Iterator[Row]:
        """A plan with secrets of files, beside one with the same values in the manifest."""
        project = write_secrets(self._scratch / "secret-files", secrets, "file", {"folder": "./secrets"})
        write_secret_files(project, secrets)
        plain = write_secrets(self._scratch / "no-secret-files", secrets, "", {})
        jobs = [partial(once, [self._stackspec, "plan"], one) for one in (project, plain)]
        hidden, shown = in_turn(self._runs, *jobs)
        ratio = f"{hidden.median / shown.median:.2f}"
        yield f"plan of {secrets:,} secrets in files / values", _seconds(hidden, shown), ratio, f"≤ {most:g}"

    def secrets_far_away(self, stores: Path, secrets: int) -> Iterator[Row]:
        """A plan with secrets of a slow store, beside one with a single one: in times of the store's slowest request.

        Args:
            stores: A stackspec that is installed with the packages of these stores.
        """
        with slow_stores() as server:
            for kind, config in (
                ("vault", {"address": server.address}),
                ("aws_ssm", {"endpoint_url": server.address, "region": "eu-central-1"}),
            ):
                folders = [
                    write_secrets(self._scratch / f"{kind}-{count}", count, kind, config) for count in (secrets, 1)
                ]
                jobs = [partial(once, [stores, "plan"], folder) for folder in folders]
                many, one = in_turn(self._runs, *jobs)
                slowest = server.slowest
                rounds = ceil(secrets / _A_REQUEST / _AT_ONCE)
                ratio = f"{(many.median - one.median) / slowest:.1f}"
                name = f"{secrets:,} of {kind} instead of 1 / request"
                yield name, _seconds(many, one), ratio, f"≤ {rounds * 1.5:.1f}"
                server.forget()
                jobs[0]()
                asked = f"{server.requests}, {len(set(server.asked)):,} names"
                yield f"requests for {secrets:,} of {kind}", "", asked, f"{secrets // _A_REQUEST}"
                server.forget()

    def growth(self) -> Iterator[Row]:
        """What one more component costs a plan: the same at every size where the cost is linear."""
        sizes = sorted(self._plans)
        costs = [(self._plans[more] - self._plans[less]) / (more - less) for less, more in pairwise(sizes)]
        for (less, more), cost in zip(pairwise(sizes), costs, strict=True):
            yield f"a component more, {less:,} to {more:,}", f"{cost * 1e6:.0f} µs", f"{cost / costs[0]:.2f}", "≤ 1.2"


def _seconds(*measured: Measured) -> str:
    return " / ".join(f"{one.median:.3g} s" for one in measured)


def main() -> None:
    """Run everything and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stackspec", type=Path, required=True, help="the installed command to measure")
    parser.add_argument("--stores", type=Path, help="the same with the packages of Vault's and AWS's stores")
    parser.add_argument("--kubectl", type=Path, help="kubectl, to measure beside the kustomize in it")
    parser.add_argument("--kapitan", type=Path, help="kapitan, to measure beside")
    parser.add_argument("--check-jsonschema", type=Path, help="check-jsonschema, to measure the hooks beside it")
    parser.add_argument("--runs", type=int, default=5, help="runs of each repeatable measurement")
    parser.add_argument("--quick", action="store_true", help="only start-up and 1,000 components")
    options = parser.parse_args()
    # terraform asks its home for news, and looks for providers that this work does not use.
    os.environ |= {"CHECKPOINT_DISABLE": "1", "TF_CLI_CONFIG_FILE": os.devnull}
    os.environ |= {"VAULT_TOKEN": "token", "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
    with tempfile.TemporaryDirectory(prefix="stackspec-bench-") as scratch:
        bench = Bench(Path(scratch), options.stackspec.absolute(), options.runs)
        _show("what", "seconds", "measured", "target")
        _all(bench.start_up())
        if options.check_jsonschema:
            _all(bench.hooks(options.check_jsonschema.absolute(), 1_000))
        if options.kubectl:
            _all(bench.rendered(options.kubectl.absolute(), 1_000))
        if options.kapitan:
            _all(bench.compiled(options.kapitan.absolute(), 1_000))
        _all(bench.no_secrets(5, 1.05))
        _all(bench.no_secrets(1_000, 1.05))
        _all(bench.secrets_in_files(1_000, 2.5))
        if options.stores:
            _all(bench.secrets_far_away(options.stores.absolute(), 1_000))
        _all(bench.no_changes(1_000, 0.15, 100))
        if not options.quick:
            _all(bench.no_changes(5_000, 0.06, 200))
            _all(bench.no_changes(10_000, None, 300))
            _all(bench.nothing_new(10_000, 8))
            _all(bench.something_new(10_000, 0.1))
            _all(bench.growth())
        _all(bench.changes(1_000, 10))


def _all(rows: Iterator[Row]) -> None:
    for row in rows:
        _show(*row)


def _show(what: str, seconds: str, measured: str, target: str) -> None:
    sys.stdout.write(f"{what:<44} {seconds:>20} {measured:>15} {target:>14}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
