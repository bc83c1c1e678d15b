"""Clients of Amazon's services, and what they report as what a user is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

from stackspec.flavors.contract import FlavorConfig, HookContext, HookError, setting
from stackspec.flavors.hook_time import time_left

_CONNECT, _READ = 5.0, 30.0
"""Seconds to reach a service, and for each part of an answer, at most."""
_ATTEMPTS = 3
TAG = "stackspec-"
"""What the keys of the tags begin with that are a component's mark."""
CREDENTIALS = "give credentials as the AWS tools take them, in the environment or by 'profile'"
REFUSED = {
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidToken",
    "SignatureDoesNotMatch",
    "TokenRefreshRequired",
    "UnrecognizedClientException",
}
"""The names of refusals of credentials."""
_DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}
_PASSING = {
    "500",
    "502",
    "503",
    "504",
    "InternalFailure",
    "ServerException",
    "ServiceUnavailableException",
    "Throttling",
}
_PASSING |= {"ThrottlingException", "OperationAbortedException", "ServiceUnavailable"}

TAGS: Any = {
    "type": ["object", "null"],
    "propertyNames": {"not": {"pattern": "^(aws:|stackspec-)"}, "minLength": 1, "maxLength": 128},
    "additionalProperties": {"type": "string", "maxLength": 256},
}
"""The JSON Schema of tags that a user may give."""


class AwsConfig(FlavorConfig):
    """Where a service is, and whose credentials it is shown."""

    region: str | None = setting(
        "The region; null for the one that the AWS tools would take.",
        default=None,
        requires_replacement=True,
        schema={"type": ["string", "null"], "pattern": "^[a-z0-9-]+$"},
    )
    endpoint_url: str | None = setting(
        "The address of a service other than Amazon's.",
        default=None,
        requires_replacement=True,
        schema={"type": ["string", "null"], "pattern": "^https?://[^/@?# ]+/?$"},
    )
    profile: str | None = setting("The profile of the AWS tools whose credentials are used.", default=None)


def client_of(service: str, config: Any, context: HookContext, **settings: Any) -> Any:
    """A client whose every attempt is within the hook's time.

    Args:
        config: What has a `region`, an `endpoint_url` and a `profile`.
        settings: Further words of botocore's `Config`.
    """
    import boto3
    import botocore.session
    from botocore.config import Config

    left = max(1.0, context.remaining())
    bounds = Config(
        connect_timeout=min(_CONNECT, left),
        read_timeout=min(_READ, left),
        retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
        **settings,
    )
    core = botocore.session.Session()
    core.register_component("data_loader", _models())
    session = boto3.Session(profile_name=config.profile, botocore_session=core)
    region = config.region or session.region_name or ("us-east-1" if config.endpoint_url else None)
    client = session.client(service, region_name=region, endpoint_url=config.endpoint_url, config=bounds)

    def in_time(**_request: Any) -> None:
        time_left(context)

    client.meta.events.register(f"before-send.{service}", in_time)
    return client


@cache
def _models() -> Any:
    """What botocore reads of its own files, which is most of the time that a client takes to make; read once."""
    from botocore.loaders import create_loader

    return create_loader()


def code_of(error: Any) -> str:
    """What a refusal is called."""
    code: str = error.response.get("Error", {}).get("Code", "")
    return code


def unless(codes: set[str], request: Callable[..., Any], **arguments: Any) -> Any:
    """The answer to a request; None where it is refused by one of these codes."""
    from botocore.exceptions import ClientError

    try:
        return request(**arguments)
    except ClientError as error:
        if code_of(error) in codes:
            return None
        raise


def refused(place: str, code: str, operation: str) -> HookError:
    """What a user is told of a refusal, by its name."""
    if code in REFUSED:
        return HookError(f"{place}: the credentials are refused ({code})", CREDENTIALS)
    if code in _DENIED:
        return HookError(f"{place}: the credentials may not do {operation}", "use others; " + CREDENTIALS)
    message = f"{place}: the service refuses {operation} ({code or 'no reason given'})"
    return HookError(message, "look at the config and at what the service allows", transient=code in _PASSING)


@contextmanager
def reporting(place: str, service: str, explain: Callable[[str, str, str], HookError] = refused) -> Iterator[None]:
    """What boto3 reports as what a user is told; nothing of what a service says about credentials is repeated.

    Args:
        place: What it is about, for people.
        service: Who is asked, for people: its address, or its name.
        explain: What is told of a refusal, given the place, its name and the operation.
    """
    from botocore import exceptions as boto

    credentials = (
        boto.NoCredentialsError,
        boto.PartialCredentialsError,
        boto.CredentialRetrievalError,
        boto.ProfileNotFound,
        boto.ConfigParseError,
        boto.SSOError,
        boto.TokenRetrievalError,
    )
    try:
        yield
    except boto.ClientError as error:
        raise explain(place, code_of(error), error.operation_name) from error
    except (boto.ConnectionError, boto.HTTPClientError) as error:
        message = f"{place}: {service} does not answer ({type(error).__name__})"
        raise HookError(message, "look at the network and at 'endpoint_url'", transient=True) from error
    except credentials as error:
        raise HookError(f"{place}: there are no credentials to use ({type(error).__name__})", CREDENTIALS) from error
    except boto.BotoCoreError as error:
        message = f"{place}: boto3 cannot ask {service} ({type(error).__name__})"
        raise HookError(message, "look at the config, and at the files of the AWS tools") from error


def shown_tags(tags: Mapping[str, str], wanted: Mapping[str, str] | None, *, ours: bool) -> dict[str, str]:
    """The tags that a config is compared with: all but marks on what is ours, else those that the config names."""
    return {
        key: value
        for key, value in tags.items()
        if (ours or key in (wanted or {})) and not key.startswith((TAG, "aws:"))
    }


def left_over(tags: Mapping[str, str], wanted: Mapping[str, str], *, ours: bool) -> list[str]:
    """The tags that are to go, since the config has them no longer."""
    return sorted(shown_tags(tags, wanted, ours=ours).keys() - wanted.keys())
