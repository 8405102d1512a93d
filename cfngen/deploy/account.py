"""The account that is deployed into: its clients, who it is, and its refusals in plain words."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any
from urllib.parse import urlparse

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from cfngen.errors import CfngenError

_CREDENTIALS = "give them by AWS_PROFILE=NAME, by AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run aws configure or aws sso login"
_REGION = "give one by AWS_DEFAULT_REGION, such as eu-west-1, or run aws configure set region eu-west-1"
_NOT_ACCEPTED = ("ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
# A local target answers an execution when it is over.
_READ_SECONDS = 300


class AccountError(CfngenError):
    """An account does not answer, or refuses; the message says what to do about it."""


class Account:
    """One account in one region. `environment` are variables that take the place of the process's own."""

    def __init__(self, environment: Mapping[str, str] | None = None, endpoint: str = "") -> None:
        given = environment or {}
        self._endpoint = given.get("AWS_ENDPOINT_URL", endpoint) or None
        self._session = boto3.Session(
            aws_access_key_id=given.get("AWS_ACCESS_KEY_ID"),
            aws_secret_access_key=given.get("AWS_SECRET_ACCESS_KEY"),
            region_name=given.get("AWS_DEFAULT_REGION"),
        )
        if self._session.get_credentials() is None:
            raise AccountError(f"there are no AWS credentials; {_CREDENTIALS}")
        if not self._session.region_name:
            raise AccountError(f"there is no AWS region; {_REGION}")
        # Standard retries wait longer each time and heed throttling; events of many stacks are many calls.
        self._config = Config(retries={"mode": "standard", "max_attempts": 8}, read_timeout=_READ_SECONDS)
        self._clients: dict[str, Any] = {}
        self._one_at_a_time = threading.Lock()

    def client(self, service: str) -> Any:
        """The client of a service, made once."""
        with self._one_at_a_time:
            if service not in self._clients:
                self._clients[service] = self._session.client(service, config=self._config, endpoint_url=self._endpoint)
            return self._clients[service]

    @property
    def region(self) -> str:
        """Its region."""
        return str(self._session.region_name)

    @property
    def endpoint(self) -> str:
        """Where CloudFormation is asked."""
        return str(self.client("cloudformation").meta.endpoint_url)

    @property
    def is_local(self) -> bool:
        """Whether it is a target on this machine."""
        return urlparse(self.endpoint).hostname in _LOOPBACK

    @cached_property
    def number(self) -> str:
        """The account's id."""
        with asking("who is asked"):
            return str(self.client("sts").get_caller_identity()["Account"])

    @property
    def shown(self) -> str:
        """Where things go, in words."""
        place = f"account {self.number}, {self.region}"
        return f"{place}, at {self.endpoint}" if self.is_local else place


def code_of(error: ClientError) -> str:
    """AWS's code of an error, such as ``ValidationError``."""
    return str(error.response.get("Error", {}).get("Code", ""))


def said(error: Exception) -> str:
    """An error in one line, in AWS's own words."""
    if isinstance(error, ClientError):
        told = error.response.get("Error", {})
        words = f"{error.operation_name}: {told.get('Message') or told.get('Code')}"
    else:
        words = str(error)
    return " ".join(words.split()).rstrip(".")


@contextmanager
def asking(what: str) -> Iterator[None]:
    """Around calls; raises `AccountError` for what AWS refuses."""
    try:
        yield
    except ClientError as error:
        if code_of(error) in _NOT_ACCEPTED:
            raise AccountError(f"AWS does not accept the credentials ({said(error)}); {_CREDENTIALS}") from None
        raise AccountError(f"{what}: {said(error)}") from None
    except BotoCoreError as error:
        raise AccountError(f"{what}: AWS cannot be asked: {said(error)}") from None
