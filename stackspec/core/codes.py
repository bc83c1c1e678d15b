"""The one table of diagnostic codes; `docs/reference/codes.md` is generated from it.

A code is stable: once released, its meaning does not change and its number is not used again. The hundreds say which
step speaks: 01 reading files, 02 the form of manifests, 03 expressions, 04 linking, 05 planning, 06 applying,
07 state, 08 secrets, 09 the command line, 10 other tools' stacks, 11 policies, 12 revisions of git, 13 reconciling,
14 what is made for others to read, 15 formatting.
"""

from __future__ import annotations

from collections.abc import Mapping

from stackspec.core.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Code:
    """What a code means, an example that provokes it, and what to do; Markdown."""

    slug: str
    meaning: str
    example: str
    remedy: str


CODES: Mapping[str, Code] = {
    "SS0101": Code(
        "unreadable-file",
        "A file or folder of the project cannot be read.",
        "`stacks/dev.yaml` has mode 0000",
        "Give the user that runs stackspec permission to read it.",
    ),
    "SS0102": Code(
        "not-a-regular-file",
        "Manifests are read from regular files only; this is a FIFO, a socket or a device.",
        "`mkfifo stacks/dev.yaml`",
        "Replace it by a file.",
    ),
    "SS0103": Code(
        "link-leaves-project",
        "A symbolic link points outside the project, or nowhere; or `fmt` was given a folder that is not in it.",
        "`ln -s /etc/passwd stacks/dev.yaml`",
        "Keep the file itself in the project.",
    ),
    "SS0104": Code(
        "not-utf-8",
        "The text is not UTF-8.",
        "a file saved as UTF-16 or Latin-1",
        "Save the file as UTF-8.",
    ),
    "SS0105": Code(
        "forbidden-character",
        "Control, bidirectional and zero-width characters: a file with them shows one thing and means another.",
        '`name: "dev\\u202e"`',
        "Remove the character.",
    ),
    "SS0106": Code(
        "too-large",
        "A file, a document or a value is larger than the reader's bounds (64 MiB and 1,000,000 nodes a file; "
        "1 MiB, 48 levels, 20,000 nodes and 200 aliases a document, 40,000 nodes once aliases are expanded), or the "
        "folders hold more than 200,000 files and folders.",
        "a document of 2 MiB",
        "Split the document, nest less deeply, or use fewer aliases, as the hint says.",
    ),
    "SS0107": Code(
        "yaml-syntax",
        "The text is not YAML.",
        "`key: [1, 2`",
        "Mend the syntax at the place shown; the mistake is there or just before.",
    ),
    "SS0108": Code(
        "duplicate-key",
        "A mapping holds a key twice; YAML 1.2 forbids it, and one of the two would be lost.",
        "`{flavor: local, flavor: s3}`",
        "Remove one of them.",
    ),
    "SS0109": Code(
        "unsupported-yaml",
        "YAML that stackspec does not read: merge keys, tags other than the core ones, keys that are not text.",
        "`<<: *defaults`",
        "Write the value out.",
    ),
    "SS0110": Code(
        "number-out-of-range",
        "A number that JSON cannot carry: infinity, not-a-number, or an integer of more than 19 digits.",
        "`size: .inf`",
        "Write a finite number, or put the value in quotes to make it text.",
    ),
    "SS0111": Code(
        "no-such-file",
        "A file or folder named on the command line or in `stackspec.yaml` does not exist.",
        "`stackspec validate nothing.yaml`",
        "Correct the name.",
    ),
    "SS0112": Code(
        "no-project",
        "Neither `stackspec.yaml` nor a folder `stacks` was found here or in any folder above.",
        "`stackspec plan` in an empty folder",
        "Run `stackspec init`, or name the project with `-C DIR`.",
    ),
    "SS0113": Code(
        "file-not-read",
        "A file that was named holds manifests and lies where the project does not look for any: `plan` and `apply` "
        "will know nothing of it. A warning.",
        "`stackspec validate --alone old/dev.yaml`",
        "Move the file, or name its folder under `spec.manifests` of the Project.",
    ),
    "SS0201": Code(
        "not-a-manifest",
        "A document is not a manifest: a mapping with `apiVersion`, `kind`, `metadata` and `spec`.",
        "a list at the top of the file",
        "Begin the document with `apiVersion: stackspec.dev/v1` and a `kind`.",
    ),
    "SS0202": Code(
        "unknown-kind",
        "The `kind` or `apiVersion` is not one that this version of stackspec knows.",
        "`kind: Stak`",
        "Use one of the kinds listed.",
    ),
    "SS0203": Code(
        "unknown-key",
        "A key that nothing reads.",
        "`flavr: local`",
        "Correct or remove the key.",
    ),
    "SS0204": Code(
        "missing-key",
        "A required key is absent.",
        "a Component without `flavor`",
        "Add the key.",
    ),
    "SS0205": Code(
        "wrong-type",
        "A value has another type than its field.",
        "`port: eighty`",
        "Write a value of the type shown.",
    ),
    "SS0206": Code(
        "invalid-value",
        "A value has the right type but is not one that the field takes.",
        "`port: 70000`",
        "Write a value that the field takes.",
    ),
    "SS0207": Code(
        "unknown-component-type",
        "There is no such component type.",
        "`artifact_stor: {flavor: local}`",
        "Use one of the types listed.",
    ),
    "SS0208": Code(
        "unknown-flavor",
        "The component type has no flavor of this name.",
        "`flavor: locl`",
        "Use one of the flavors listed.",
    ),
    "SS0210": Code(
        "password-in-manifest",
        "A manifest holds a password, and all who read the repository, and its past, can read it.",
        "`url: postgresql://ada:secret@db/stackspec` in the `state` of a Project",
        "Take it out and change it; give it by PGPASSWORD, `~/.pgpass` or a service file.",
    ),
    "SS0211": Code(
        "plugin",
        "What is to define a flavor cannot be used: it is not installed, cannot be imported, or is no flavor.",
        "`plugins: [acme_flavors]` where no package `acme_flavors` is installed",
        "Install it beside stackspec, or mend it.",
    ),
    "SS0301": Code(
        "expression-syntax",
        "An expression cannot be read.",
        "`{{ vars. }}`",
        "Mend the expression.",
    ),
    "SS0302": Code(
        "expression-not-allowed",
        "A part of Jinja2 that manifests may not use: statements, calls, arithmetic, filters outside the list.",
        "`{% for x in y %}`",
        "Use names, attributes, items, `~`, `if … else …`, `==`, `!=` and the filters listed.",
    ),
    "SS0303": Code(
        "undefined-name",
        "An expression names something that does not exist.",
        "`{{ vars.regoin }}`",
        "Correct the name or define it.",
    ),
    "SS0304": Code(
        "expression-failed",
        "A filter or a text cannot take the value given to it.",
        "`{{ 'x' | int }}`",
        "Give it a value that fits.",
    ),
    "SS0305": Code(
        "expression-not-here",
        "Expressions stand in some values under `spec`; names, kinds, flavors, references and keys are written out.",
        "`flavor: '{{ vars.flavor }}'`",
        "Write the value out.",
    ),
    "SS0306": Code(
        "variable-not-allowed",
        "A manifest reads a process variable that the Project does not list under `spec.env`, that is not set, or "
        "whose value is not UTF-8 or holds characters that manifests may not; or the key of saved plans.",
        "`{{ env.HOME }}`",
        "Add the name to `spec.env` in `stackspec.yaml`, and set it to plain text.",
    ),
    "SS0307": Code(
        "expression-too-large",
        "An expression is longer, deeper or produces more than its bounds, or all expressions "
        "together make too much work.",
        "an expression of 5,000 characters",
        "Make it smaller.",
    ),
    "SS0401": Code(
        "name-taken",
        "Two manifests of one kind, or two components of one type, have the same name.",
        "two Components `artifact_store/main`",
        "Rename one of them; a component exists once and is shared by reference.",
    ),
    "SS0402": Code(
        "unknown-reference",
        "A reference to a component, an environment or an output that does not exist.",
        "`experiment_tracker: shared-mlfow`",
        "Correct the name, or declare what it names.",
    ),
    "SS0403": Code(
        "dependency-cycle",
        "Components depend on each other in a circle, so none can be first.",
        "a depends on b, b on a",
        "Remove one of the edges listed.",
    ),
    "SS0404": Code(
        "missing-component",
        "A stack lacks a component type that the project requires.",
        "a Stack without `artifact_store`",
        "Add the component to the stack.",
    ),
    "SS0405": Code(
        "one-component-only",
        "A stack may hold a list of components only of `step_operator`, `experiment_tracker`, `alerter` and `sandbox`.",
        "`orchestrator: [a, b]`",
        "Keep one.",
    ),
    "SS0406": Code(
        "path-leaves-project",
        "A path in a manifest leads out of the project, by itself or through a link, and is under none of the "
        "Project's `allowed_paths`.",
        "`path: ../../etc`",
        "Use a path inside the project, or add its folder to `spec.allowed_paths` in `stackspec.yaml`.",
    ),
    "SS0407": Code(
        "unknown-environment",
        "The selected environment is not declared.",
        "`stackspec plan -e prodd`",
        "Use one of the environments listed.",
    ),
    "SS0408": Code(
        "unused-component",
        "A Component that no Stack uses, directly or through another component; it is not provisioned.",
        "a Component without a Stack",
        "Refer to it from a Stack, or remove it.",
    ),
    "SS0409": Code(
        "same-place",
        "Two components manage the same path, or one a path inside the other's, so one would undo what the other does; "
        "or a component's path overlaps with the project's own: its manifests, `.stackspec`, `.git`.",
        "two artifact stores with `path: ./artifacts`",
        "Give each a path of its own, or share one Component.",
    ),
    "SS0410": Code(
        "wrong-move",
        "An address under `moved` cannot have been this component's.",
        "`moved: [artifact_store/dev]` in an orchestrator, or while that one is still declared",
        "Name the address that the component had before, and declare nothing under that.",
    ),
    "SS0411": Code(
        "stack-rule",
        "A stack does not hold what one of its components needs beside it: a component type that it lacks, one of a "
        "flavor that will not do, or one on this machine where runs are on others.",
        "a remote orchestrator beside `artifact_store: {flavor: local}`",
        "Add or change the component that the diagnostic names; `stackspec flavor describe` says what a flavor needs.",
    ),
    "SS0412": Code(
        "in-use",
        "What is to be deleted from the manifests is in use: a stack names it or declares it itself, or it is the "
        "active stack.",
        "`stackspec artifact-store delete shared`, which a stack names",
        "Take it out where it is used first.",
    ),
    "SS0413": Code(
        "edit-by-hand",
        "A manifest is written in a way that a command cannot change without changing more than is meant: anchors and "
        "aliases, tabs between tokens, a comment beside what goes. Nothing was written.",
        "`stackspec artifact-store update dev path=./b`, where `config` is an alias",
        "Edit the file by hand.",
    ),
    "SS0501": Code(
        "prevent-destroy",
        "The plan would delete or replace a component whose lifecycle forbids it.",
        "`lifecycle: {prevent_destroy: true}`",
        "Set `prevent_destroy` to `false`, apply, and then remove the component.",
    ),
    "SS0502": Code(
        "unknown-target",
        "An address given by `--target`, `--replace` or `--stack` names nothing, or nothing that is selected.",
        "`stackspec plan --target artifact_store/nope`",
        "Use one of the addresses that `stackspec status` or the manifests show.",
    ),
    "SS0503": Code(
        "empty-manifests",
        "The manifests declare nothing while the state holds components; a wrong directory must not delete them all.",
        "`stackspec apply` in a checkout without its manifests",
        "Check the directory; to delete all the same use `stackspec destroy` or `--allow-empty`.",
    ),
    "SS0504": Code(
        "flavor-gone",
        "The state holds a component whose flavor this installation does not have.",
        "a component of a removed plugin",
        "Install what provides the flavor.",
    ),
    "SS0505": Code(
        "create-before-destroy",
        "A component is to be made before its old one is removed, and the two cannot exist at the same time: the "
        "flavor allows one only, or both would have the same path, port or the like. What such a component stands on, "
        "where that is replaced as well, has to outlast the old one too.",
        "`lifecycle: {create_before_destroy: true}` and `--replace`, with the same `path`",
        "Have the two differ in it, or set `create_before_destroy` to `false`.",
    ),
    "SS0506": Code(
        "cannot-import",
        "What is to be imported does not exist, belongs to another component, or is applied already.",
        "`stackspec import artifact_store/dev` while its folder does not exist",
        "Check the component's config; to have it made instead, apply without importing it.",
    ),
    "SS0507": Code(
        "made-where-another-goes",
        "A new component would be made in the place of one that is deleted by the same plan, and goes only afterwards.",
        "a component that got another name, with the same `path`",
        "Say under `moved` what it was called before, or apply the removal first.",
    ),
    "SS0508": Code(
        "cannot-come-back",
        "A rollback would have to give a component back an address that another one has now.",
        "`stackspec rollback 3` after `moved`, and a new component under the old address",
        "Give the other one a new address by `stackspec state mv`, then roll back.",
    ),
    "SS0601": Code(
        "hook-failed",
        "A component's hook reported an error; what depends on it was left alone.",
        "a port in use",
        "Mend the cause and apply again: it goes on from there.",
    ),
    "SS0602": Code(
        "missing-extra",
        "A flavor, or a store of secrets, needs Python packages that are not installed. An apply asks for all of its "
        "components before it does anything.",
        "experiment_tracker `mlflow` without `stackspec[mlflow]`",
        "Run the `pip` command shown; it installs them all.",
    ),
    "SS0603": Code(
        "not-confirmed",
        "Changes were neither confirmed at a terminal nor allowed by `--yes`.",
        "`stackspec apply` in CI without `--yes`",
        "Add `--yes`.",
    ),
    "SS0604": Code(
        "interrupted",
        "The apply was asked to stop; hooks that were running were let finish.",
        "Ctrl-C",
        "Apply again: it goes on from there.",
    ),
    "SS0605": Code(
        "protected-environment",
        "A protected environment, or its state by hand, is changed only with its name given by `--approve`. It is "
        "protected if its manifest says so, or did when it was last applied: to protect it no more is a change too.",
        "`stackspec apply -e prod --yes`",
        "Add `--approve` with the environment's name.",
    ),
    "SS0606": Code(
        "state-changed",
        "The state changed between the plan that was shown and the apply.",
        "another apply finished in between",
        "Plan again.",
    ),
    "SS0607": Code(
        "not-a-plan",
        "What `apply` was given is not a saved plan, or one that a newer stackspec saved.",
        "`stackspec apply stacks/dev.yaml`",
        "Give it what `stackspec plan --out` wrote; name manifests by `-f`, an environment by `-e`.",
    ),
    "SS0608": Code(
        "stale-plan",
        "What a saved plan was made from is another by now: the state, which may be so by this very plan, what the "
        "manifests say, the version of stackspec or of a flavor; or it is another project's.",
        "another apply since `stackspec plan --out`",
        "Make the plan again.",
    ),
    "SS0609": Code(
        "untrusted-plan",
        "A saved plan was changed after it was saved, or signed with another key than there is here; or there is no "
        "key that only its owner knows.",
        "a plan of another machine, without `STACKSPEC_PLAN_KEY` on both",
        "Set `STACKSPEC_PLAN_KEY` to the same text of 32 characters or more where you plan and where you apply.",
    ),
    "SS0610": Code(
        "not-observed",
        "A component could not be looked at, so whether it is as it was applied is not known.",
        "`stackspec drift` while a server does not answer in its `timeouts.observe`",
        "Mend the cause shown, or give it more time.",
    ),
    "SS0701": Code(
        "foreign-state",
        "The state file is not one that stackspec wrote, or it is damaged; it was left untouched.",
        "another program's database in its place",
        "Move the file away, or restore the right one.",
    ),
    "SS0702": Code(
        "newer-state",
        "The state was written by a newer version of stackspec.",
        "an upgrade that was taken back",
        "Upgrade stackspec.",
    ),
    "SS0703": Code(
        "state-locked",
        "Another process is changing this state.",
        "two applies at once",
        "Wait for it to finish.",
    ),
    "SS0704": Code(
        "state-unwritable",
        "The state cannot be written.",
        "a full disk, a read-only folder",
        "Mend the cause shown.",
    ),
    "SS0705": Code(
        "not-in-state",
        "The address is not in the state.",
        "`stackspec state show artifact_store/nope`",
        "See `stackspec state list`.",
    ),
    "SS0706": Code(
        "environment-left-behind",
        "An environment is declared no more, and its state still holds components.",
        "the first Environment is declared in a project that was applied without one, as `default`",
        "Declare it again, or remove what it holds: `stackspec destroy -e NAME`.",
    ),
    "SS0707": Code(
        "not-this-state",
        "What `state push` was given is no state, a damaged one, or of another environment or lineage.",
        "`stackspec state push notes.txt`",
        "Give it what `stackspec state pull` printed, or a kept copy of this state.",
    ),
    "SS0708": Code(
        "lock-lost",
        "While this process was writing, its lock was freed and another writer began; nothing more was written.",
        "`stackspec state unlock` while the owner of the lock was only paused",
        "Plan again: what this run did before is recorded, and what it was doing is recovered.",
    ),
    "SS0709": Code(
        "backend-unreachable",
        "The backend that keeps the state cannot be reached, or refuses who asks.",
        "a wrong password, no network",
        "Mend the cause shown.",
    ),
    "SS0710": Code(
        "backend-unfit",
        "The backend does not keep what the state relies on: to create an object only where there is none.",
        "`rclone serve s3`, which ignores conditional writes",
        "Use a store that supports conditional writes, as Amazon S3 does.",
    ),
    "SS0711": Code(
        "no-such-lock",
        "There is no such lock to free, or its owner is alive.",
        "`stackspec state unlock nope`",
        "Take the id from the diagnostic that reports the lock.",
    ),
    "SS0712": Code(
        "history-too-short",
        "History does not reach the serial that was asked for.",
        "`stackspec rollback 1` after more runs than are remembered",
        "See `stackspec state history`.",
    ),
    "SS0713": Code(
        "another-state",
        "The state in the shared place is not the one that this checkout has worked with: its lineage is another.",
        "`prefix` in the Project's `state` names another project's folder",
        "Mend the Project's `state`; if the state was replaced on purpose, remove the file that the hint names.",
    ),
    "SS0714": Code(
        "upkeep-failed",
        "What a command was asked for is done and recorded, but something that is kept beside the state for later is "
        "not: a snapshot, the deletion of what is old, what this checkout has seen.",
        "credentials that may not delete in the bucket, a full disk",
        "Mend the cause shown; the next run that changes the state makes up for it.",
    ),
    "SS0801": Code(
        "unknown-secret",
        "An expression names a secret that no manifest declares, or a key that it does not have.",
        "`{{ secrets.db.pasword }}`",
        "Use the nearest name that the hint shows, or declare it: `kind: Secret`.",
    ),
    "SS0802": Code(
        "secret-missing",
        "The store has no value where the Secret's manifest says.",
        "a variable that is not set",
        "Put the value there, or mend the path under `keys`.",
    ),
    "SS0803": Code(
        "store-unreachable",
        "A secret store does not answer, or refuses who asks.",
        "a server that is down, an expired token",
        "Mend the cause shown.",
    ),
    "SS0804": Code(
        "store-unfit",
        "What a secret store holds must not be used: others can read or swap it, it was changed, or no key opens it.",
        "a file with secrets and the mode 0644",
        "Mend the cause shown.",
    ),
    "SS0805": Code(
        "secrets-key",
        "The key under which secrets are told apart is missing, or others may know it.",
        "a shared state with secrets in it, without `STACKSPEC_SECRETS_KEY`",
        "Set `STACKSPEC_SECRETS_KEY` to the same text of 32 characters or more wherever the state is used.",
    ),
    "SS0806": Code(
        "other-secrets-key",
        "Secrets were recorded under another key than there is now, so nobody can tell whether they changed.",
        "`.stackspec/secrets.key` was removed",
        "Bring the key back; or apply, which records them under the new one.",
    ),
    "SS0807": Code(
        "sensitive-output",
        "The output is sensitive, and was not asked for by name and with consent.",
        "`stackspec output artifact_store/dev token`",
        "Add `--reveal`, where nobody else reads the terminal or the log.",
    ),
    "SS0808": Code(
        "plain-text-secret",
        "A secret stands in a manifest, where everybody reads it who reads the repository, and its history.",
        "a field that its flavor marks as sensitive with its value in it; a variable `DB_PASSWORD` with a text; a "
        "token of a well-known form",
        "Keep it in a store, declare it by `kind: Secret`, and write `{{ secrets.NAME.KEY }}`; change the secret, for "
        "it was told.",
    ),
    "SS0809": Code(
        "untrusted",
        "The checkout is a stranger's, by `--untrusted`, by `STACKSPEC_UNTRUSTED` or as CI tells of a pull request of "
        "a fork, and something was to be done that a check of manifests does not need; it was refused.",
        "`stackspec apply` for a fork's pull request; a connection while `stackspec validate --untrusted` runs",
        "Run `validate`, `plan` or `render`; if one of these was refused, find out what in the checkout leads to it.",
    ),
    "SS0901": Code(
        "usage",
        "The command line cannot be understood.",
        "`stackspec plan --nope`",
        "See `stackspec COMMAND --help`.",
    ),
    "SS0902": Code(
        "unwritable-output",
        "Standard output, or a file or folder that a command was asked to write, cannot be written.",
        "`stackspec schema --write /proc`",
        "Choose another place.",
    ),
    "SS0903": Code(
        "would-overwrite",
        "A file or folder that `stackspec init` would write exists already.",
        "`stackspec init` in a project",
        "Remove the file, or go on with the project that is there.",
    ),
    "SS0904": Code(
        "cannot-run",
        "The command that `stackspec exec` was given cannot be run.",
        "`stackspec exec -- nosuchprogram`",
        "Mend the cause shown.",
    ),
    "SS0999": Code(
        "internal-error",
        "stackspec itself failed: a bug.",
        "none known",
        "Report it with the message, and the traceback that `-v` shows.",
    ),
    "SS1001": Code(
        "not-a-stack-file",
        "The file is none that ZenML exports or that mlstacks reads, or a part of it is not what stands there in one.",
        "`stackspec stack import notes.yaml`",
        "Export it anew: `zenml stack export NAME FILE`.",
    ),
    "SS1002": Code(
        "field-left-out",
        "A field of the other tool's is not carried over: nothing here says the same, or its value is none of ours.",
        "`dag_id` of an Airflow orchestrator",
        "Nothing, where it is not needed; else say it by what the flavor has.",
    ),
    "SS1003": Code(
        "flavor-without-counterpart",
        "There is no flavor here that does what the other tool's does. Where its address is told it becomes the flavor "
        "`external`, and else it is left out.",
        "`flavor: neptune`",
        "Register a component of a flavor that does, or write a flavor.",
    ),
    "SS1004": Code(
        "component-left-out",
        "A component is left out of what is taken over: its flavor needs what the file does not tell, its type is "
        "none of ours, or a stack has one of its type only.",
        "a deployer `local`, which here names the application that it serves",
        "Give what is missing as `TYPE.FIELD=VALUE` behind the file, or register the component afterwards.",
    ),
    "SS1005": Code(
        "secret-to-keep",
        "A secret stands in the file in plain text. It is written nowhere: in its place is the name of a variable.",
        "`tracking_password: hunter2`",
        "Set the variable, change the secret where the file was shared, and remove the file.",
    ),
    "SS1006": Code(
        "supplied",
        "What the other tool adds by itself stands in the manifests now.",
        "an image builder for a stack that runs its steps in containers",
        "Nothing; change it where another suits better.",
    ),
    "SS1007": Code(
        "renamed",
        "A name is none that manifests may have, and was changed: small letters, digits, `-` and `_`.",
        "`name: My Stack`",
        "Nothing, or give a stack another by `--name`.",
    ),
    "SS1008": Code(
        "cannot-be-exported",
        "The other tool has no words for a part of a stack: it is left out of what is exported. What it needs for any "
        "stack cannot be left out: that is an error.",
        "a `metadata_store`",
        "Nothing, where it is not needed there; else say it there by hand.",
    ),
    "SS1101": Code(
        "policy",
        "A component is not as a Policy of the project requires, or a plan is to do what one forbids; the message and "
        "the note say which.",
        "a bucket without the label `owner`, where a Policy requires it",
        "Do as the policy says, or change the policy with those who own it.",
    ),
    "SS1102": Code(
        "wrong-policy",
        "What a Policy requires is no JSON Schema of a component, so that it would let everything pass.",
        "`require: {properties: {labls: {}}}`",
        "Write what the hint names; `stackspec schema` and the guide on policies list what there is.",
    ),
    "SS1201": Code(
        "git",
        "What git knows of the project cannot be had: there is no repository, no git, or git fails.",
        "`stackspec plan --changed-since main` in a folder that is no clone",
        "Mend the cause shown.",
    ),
    "SS1202": Code(
        "no-such-revision",
        "The clone has no branch, tag or commit of this name; a shallow clone has few.",
        "`--changed-since mian`",
        "Name one that is there, or fetch it.",
    ),
    "SS1203": Code(
        "nothing-in-common",
        "No commit that both the revision and what is checked out come from is in the clone.",
        "`--changed-since origin/main` in a clone of depth 1",
        "Fetch the past: `git fetch --unshallow`; for `actions/checkout`, `fetch-depth: 0`.",
    ),
    "SS1204": Code(
        "past-unreadable",
        "The manifests of an earlier commit are wrong, or not all in it, so that what changed since cannot be told.",
        "a mistake that this branch mends",
        "Nothing: everything is planned.",
    ),
    "SS1301": Code(
        "repository-not-reached",
        "The repository that is followed cannot be reached, or is none; or git itself failed. What it said stands in "
        "the message.",
        "`stackspec reconcile --repo https://git.example.com/gone.git`",
        "Try `git ls-remote URL` as the same user. An agent that has followed the repository before goes on with the "
        "last good commit, and tries again.",
    ),
    "SS1302": Code(
        "no-such-ref",
        "The repository has no branch or tag of this name, or what the name stands for is no commit.",
        "`--ref mian`",
        "Correct the name; `refs/...` names any other ref in full.",
    ),
    "SS1303": Code(
        "work-folder",
        "The folder that an agent works in cannot be used: another agent works there, it is of an agent that follows "
        "another repository, its record is damaged, or it cannot be written.",
        "two agents with the same `--work-dir`",
        "Give each agent a folder of its own; they share the work by the state's locks.",
    ),
    "SS1304": Code(
        "cannot-listen",
        "The address for metrics and health cannot be listened on.",
        "`--listen 127.0.0.1:9464`, and another process does already",
        "Choose another address; port 0 takes any that is free.",
    ),
    "SS1305": Code(
        "commit-not-used",
        "A commit cannot be used: it holds no project at its root, or brings files of its own for `.stackspec/`, "
        "where state is kept, or to where a component keeps something.",
        "`git add --force .stackspec`",
        "Mend it in the repository; the agent stays on the last good commit until the ref moves.",
    ),
    "SS1306": Code(
        "suspended-already",
        "Reconciling of this environment is suspended, by somebody else or for another reason. That stays as it is.",
        "`stackspec reconcile suspend` twice",
        "Look at who suspended it and why; `stackspec reconcile resume` ends it.",
    ),
    "SS1307": Code(
        "approval-missing",
        "An environment is protected: an agent plans it and tells what it would do, and does nothing.",
        "`protected: true`, and an agent without `--approve`",
        "Apply it by hand with `--approve`, or allow the agent to with its own.",
    ),
    "SS1308": Code(
        "not-as-applied",
        "Components are not as they were applied, and the agent does not repair them: it only reports, or may not "
        "change the environment.",
        "a folder that was removed by hand, with `--mode report`",
        "`stackspec drift` shows what differs; `stackspec apply --refresh` mends it.",
    ),
    "SS1309": Code(
        "nobody-told",
        "An alerter of the environment did not take what people were to be told. All else goes on.",
        "a token that was revoked",
        "Mend the alerter; where none took the message it is tried again at the next look.",
    ),
    "SS1401": Code(
        "destroyed",
        "The plan removes a component, and with it what it holds; nothing is wrong, but somebody should know.",
        "a component that was taken out of its stack",
        "Check that it may go; in its lifecycle `prevent_destroy` forbids it, and `retain_on_delete` leaves it there.",
    ),
    "SS1402": Code(
        "replaced",
        "The plan removes a component and makes it anew; nothing is wrong, but what it holds may be lost.",
        "another `path` of an artifact store",
        "Check that it may go; `stackspec flavor describe` says which fields cannot be changed in place.",
    ),
    "SS1403": Code(
        "drifted",
        "A component is not as it was applied: somebody changed or removed it by hand.",
        "a folder of an artifact store that was deleted",
        "Run `stackspec apply --refresh` to have it as declared, or change its manifest.",
    ),
    "SS1404": Code(
        "unfinished",
        "An apply began something with a component and did not end it.",
        "an apply that was killed inside a hook",
        "Run `stackspec apply`: it settles what was begun.",
    ),
    "SS1405": Code(
        "not-drawn",
        "An SVG is drawn by Graphviz, whose program `dot` is not there or failed.",
        "`stackspec graph --format svg` where Graphviz is not installed",
        "Install Graphviz, or take `--format mermaid`, which GitHub and GitLab draw by themselves.",
    ),
    "SS1406": Code(
        "wrong-template",
        "A template of `render --format` cannot be read, fails, or makes something that is no YAML as manifests are, "
        "or that another component is made into as well.",
        "`{{ component.confg.port }}` in `templates/compose/deployer/docker.j2`",
        "Mend the template at the line shown.",
    ),
    "SS1407": Code(
        "no-such-form",
        "A component has no form of the kind that was asked for, and is left out.",
        "`stackspec render --format kubernetes` with an artifact store in a bucket",
        "Nothing, where it needs none; or write a template for it in the project.",
    ),
    "SS1501": Code(
        "cannot-be-formatted",
        "What `stackspec fmt` makes of a file would be too large for a manifest, for aliases are written out; or would "
        "not say the same, or lack a comment. The file is left as it is.",
        "a list of 200 items, and 190 aliases of it",
        "Use fewer aliases; else lay the file out by hand, and report it: then it is a bug.",
    ),
}

_DOCUMENTATION = "https://stackspec.dev/docs"


def documentation(code: str | None = None) -> str:
    """The address of what is written about a code, or of all documentation."""
    return f"{_DOCUMENTATION}/reference/codes#{code.lower()}-{CODES[code].slug}" if code else _DOCUMENTATION
