"""A container registry in a repository of Amazon ECR."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from stackspec.flavors.aws.client import (
    TAG,
    TAGS,
    AwsConfig,
    client_of,
    left_over,
    reporting,
    shown_tags,
    unless,
)
from stackspec.flavors.container_registry import ContainerRegistry
from stackspec.flavors.contract import HookContext, HookError, Owner, setting
from stackspec.flavors.extras import require_imports
from stackspec.flavors.owned.bucket import BucketFlavor, mark_of, owner_of

PAGE = 1000
"""Images in one page of a listing."""
_ABSENT = {"RepositoryNotFoundException"}
_LIFECYCLE: Mapping[str, tuple[int, str, str]] = {
    "untagged_expire_days": (9001, "untagged", "sinceImagePushed"),
    "keep_images": (9002, "any", "imageCountMoreThan"),
}
"""Config field to its rule's priority, which images it is about, and how it counts."""
_TAG_PATTERN = re.compile("[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")


class AwsContainerRegistry(BucketFlavor, ContainerRegistry):
    """A repository of Amazon ECR; one that was there before is used, and never deleted.

    ECR makes no repository by itself, so all images are in this one, and their names in their tags.
    """

    flavor = "aws"
    extra = "aws"
    imports = ("boto3",)
    is_remote = True
    occupies = frozenset({"repository"})
    kind = "repository"
    item = "image"

    class Config(AwsConfig):
        """A repository that keeps images; what is null stays as the repository has it."""

        repository: str = setting(
            "The repository.",
            requires_replacement=True,
            pattern="^[a-z0-9]([a-z0-9._/-]*[a-z0-9])?$",
            min_length=2,
            max_length=256,
            examples=["acme/training"],
        )
        create: bool = setting("Whether the repository is made where it is not there.", default=True)
        kms_key: str | None = setting(
            "The key of KMS by which the repository is encrypted that is made; null for Amazon's own way.",
            default=None,
            requires_replacement=True,
        )
        scan_on_push: bool | None = setting("Whether images are looked through for known weaknesses.", default=None)
        immutable_tags: bool | None = setting("Whether a tag names the same image for ever.", default=None)
        untagged_expire_days: int | None = setting(
            "Days after which images without a tag are deleted; 0 for never.", default=None, minimum=0
        )
        keep_images: int | None = setting(
            "How many images are kept, the newest; 0 for all of them.", default=None, minimum=0
        )
        tags: Mapping[str, str] | None = setting(
            "The tags of the repository. One that stackspec made has these and no others; one that was there before "
            "keeps its others.",
            default=None,
            schema=TAGS,
        )
        delete_data: bool = setting(
            "Whether removing the component removes the images too. Without it a repository that holds any is kept.",
            default=False,
        )

    class Outputs(ContainerRegistry.Outputs):
        """What other components may read."""

        repository: str = setting("The repository.")
        arn: str = setting("Its name for policies.")

    config: Config

    def image(self, name: str, tag: str = "latest") -> str:
        """As of any registry; the name is in the tag, by signs that are in no name."""
        super().image(name, tag)
        whole = f"{name.replace('/', '..')}_.{tag}"
        if not _TAG_PATTERN.fullmatch(whole):
            raise HookError(f"'{whole}' is too long for a tag", "use a shorter name or tag")
        return f"{self.context.outputs['uri']}:{whole}"

    def holds(self, image: str) -> bool:
        return "uri" in self.context.outputs and image.startswith(f"{self.context.outputs['uri']}:")

    def tags(self, name: str) -> list[str]:
        """As of any registry; of the repository's tags those that begin with the name."""
        begins = f"{name.replace('/', '..')}_."
        return [tag.removeprefix(begins) for tag in super().tags(name) if tag.startswith(begins)]

    def login(self) -> tuple[str, str] | None:
        """A user and a password that are good for twelve hours."""
        with self.bucket() as repository:
            return repository.login()

    def outputs(self) -> Outputs:
        """Its place."""
        with self.bucket() as repository:
            found = repository.description()
        return self.Outputs(uri=found["repositoryUri"], repository=self.config.repository, arn=found["repositoryArn"])

    @contextmanager
    def bucket(self) -> Iterator[_Repository]:
        """The repository; what boto3 reports becomes what a user is told."""
        require_imports(self)
        config = self.config
        with reporting(f"the repository {config.repository}", config.endpoint_url or "Amazon ECR"):
            yield _Repository(client_of("ecr", config, self.context), config, self.context)


class _Repository:
    """See `Bucket`."""

    def __init__(self, client: Any, config: AwsContainerRegistry.Config, context: HookContext) -> None:
        self._client = client
        self._config = config
        self._context = context
        self._name = {"repositoryName": config.repository}

    def __str__(self) -> str:
        return f"the repository {self._config.repository}"

    def exists(self) -> bool:
        return (
            unless(_ABSENT, self._client.describe_repositories, repositoryNames=[self._config.repository]) is not None
        )

    def make(self) -> bool:
        key = self._config.kms_key
        how = {} if key is None else {"encryptionConfiguration": {"encryptionType": "KMS", "kmsKey": key}}
        mark = [{"Key": TAG + word, "Value": value} for word, value in mark_of(self._context).items()]
        taken = {"RepositoryAlreadyExistsException"}
        return unless(taken, self._client.create_repository, **self._name, tags=mark, **how) is not None

    def owner(self) -> Owner | None:
        return owner_of({key.removeprefix(TAG): value for key, value in self._tags().items() if key.startswith(TAG)})

    def mark(self) -> None:
        raise HookError(f"{self} lost its mark as it was made", "look at who else sets its tags")

    def release(self, *, ours: bool) -> None:
        rules = self._rules()
        if (left := [rule for rule in rules if not self._is_ours(rule)]) != rules:
            self._put_rules(left)
        if ours:
            self._untag([key for key in self._tags() if key.startswith(TAG)])

    def settings(self, *, ours: bool) -> dict[str, Any]:
        given, found, rules = self._given(), self.description(), self._rules()
        real = {
            "scan_on_push": bool(found.get("imageScanningConfiguration", {}).get("scanOnPush")),
            "immutable_tags": found.get("imageTagMutability") == "IMMUTABLE",
            "tags": shown_tags(self._tags(), self._config.tags, ours=ours),
            **{field: self._count_of(rules, field) for field in _LIFECYCLE},
        }
        return {field: value for field, value in real.items() if field in given}

    def converge(self, *, ours: bool) -> None:
        given, real, client = self._given(), self.settings(ours=ours), self._client
        moved = {field for field in real if real[field] != given[field]}
        if "scan_on_push" in moved:
            scan = {"scanOnPush": given["scan_on_push"]}
            client.put_image_scanning_configuration(**self._name, imageScanningConfiguration=scan)
        if "immutable_tags" in moved:
            word = "IMMUTABLE" if given["immutable_tags"] else "MUTABLE"
            client.put_image_tag_mutability(**self._name, imageTagMutability=word)
        if "tags" in moved:
            self._untag(left_over(self._tags(), given["tags"], ours=ours))
            if given["tags"]:
                tags = [{"Key": key, "Value": value} for key, value in given["tags"].items()]
                client.tag_resource(resourceArn=self.description()["repositoryArn"], tags=tags)
        if fields := moved & _LIFECYCLE.keys():
            replaced = {self._named(field) for field in fields}
            kept = [rule for rule in self._rules() if rule.get("description") not in replaced]
            self._put_rules(kept + [self._rule(field, given[field]) for field in sorted(fields) if given[field]])

    def count(self) -> tuple[int, bool]:
        page = self._client.list_images(**self._name, maxResults=PAGE)
        return len({one["imageDigest"] for one in page["imageIds"]}), "nextToken" in page

    def empty(self) -> None:
        """A repository goes with all that it holds."""

    def remove(self) -> bool:
        force = self._config.delete_data
        gone = {*_ABSENT, "RepositoryNotEmptyException"}
        if unless(gone, self._client.delete_repository, **self._name, force=force) is not None:
            return True
        return not self.exists()

    def description(self) -> Mapping[str, Any]:
        """What the service says of it."""
        found = self._client.describe_repositories(repositoryNames=[self._config.repository])
        described: Mapping[str, Any] = found["repositories"][0]
        return described

    def login(self) -> tuple[str, str]:
        """A user and a password."""
        token = self._client.get_authorization_token()["authorizationData"][0]["authorizationToken"]
        user, _, password = base64.b64decode(token).decode().partition(":")
        return user, password

    def _given(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self._config).items() if value is not None}

    def _tags(self) -> dict[str, str]:
        answer = self._client.list_tags_for_resource(resourceArn=self.description()["repositoryArn"])
        return {one["Key"]: one["Value"] for one in answer.get("tags", ())}

    def _untag(self, keys: list[str]) -> None:
        if keys:
            self._client.untag_resource(resourceArn=self.description()["repositoryArn"], tagKeys=keys)

    def _rules(self) -> list[dict[str, Any]]:
        answer = unless({"LifecyclePolicyNotFoundException"}, self._client.get_lifecycle_policy, **self._name)
        return [] if answer is None else list(json.loads(answer["lifecyclePolicyText"])["rules"])

    def _put_rules(self, rules: list[dict[str, Any]]) -> None:
        if rules:
            text = json.dumps({"rules": rules})
            self._client.put_lifecycle_policy(**self._name, lifecyclePolicyText=text)
        else:
            unless({"LifecyclePolicyNotFoundException"}, self._client.delete_lifecycle_policy, **self._name)

    def _named(self, field: str) -> str:
        return f"{TAG}{self._context.identity}-{field}"

    def _is_ours(self, rule: Mapping[str, Any]) -> bool:
        return rule.get("description") in {self._named(field) for field in _LIFECYCLE}

    def _rule(self, field: str, number: int) -> dict[str, Any]:
        priority, status, how = _LIFECYCLE[field]
        selection: dict[str, Any] = {"tagStatus": status, "countType": how, "countNumber": number}
        if how == "sinceImagePushed":
            selection["countUnit"] = "days"
        return {
            "rulePriority": priority,
            "description": self._named(field),
            "selection": selection,
            "action": {"type": "expire"},
        }

    def _count_of(self, rules: list[dict[str, Any]], field: str) -> int:
        """What our rule for a field says; 0 where there is none that is as we would make it."""
        for rule in rules:
            number = rule.get("selection", {}).get("countNumber", 0)
            if rule == self._rule(field, number):
                return int(number)
        return 0
