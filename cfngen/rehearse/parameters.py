"""What the root of an application is given: what the user says, and made-up values for what an account has besides.

A certificate, a secret, a hosted zone, a network and a key are made in the local AWS, so that what is deployed names something
that is there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

from cfngen.rehearse import uploads
from cfngen.rehearse.account import Account
from cfngen.rehearse.certificates import Authority
from cfngen.rehearse.errors import RehearsalError
from cfngen.rehearse.existing import Before
from cfngen.semantics.document import yaml_data

_DOMAIN = "rehearsal.example.com"
_PLAIN = {
    "connections:": "arn:aws:codeconnections:{region}:123456789012:connection/00000000-0000-4000-8000-000000000000",
    ":iam:": "arn:aws:iam::aws:policy/PowerUserAccess",
}
"""What the local AWS asks nothing of, by a word of the pattern that the root allows."""


_NAMED = {
    "SourceRepositoryName": "rehearsal",
    "SourceBucketName": "rehearsal-source",
    "PromotionBucketName": "rehearsal-promotion",
    "PromotionAccountId": "210987654321",
}
"""What the root asks for by these names; buckets are made."""


class Root:
    """The parameters of a folder's root, and what its templates and task definitions do with them."""

    def __init__(self, folder: Path, root: str) -> None:
        self.folder = folder
        self.parameters: Mapping[str, Mapping[str, Any]] = _template(folder / root).get("Parameters") or {}

    @cached_property
    def secrets(self) -> frozenset[str]:
        """The parameters that a role may read as secrets."""
        found: set[str] = set()
        for statement in _mappings(self._templates):
            actions = statement.get("Action", ())
            if "secretsmanager:GetSecretValue" in ([actions] if isinstance(actions, str) else actions):
                found |= {each["Ref"] for each in _mappings(statement.get("Resource")) if "Ref" in each}
        return frozenset(found & set(self.parameters))

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """The keys that task definitions want of secrets in JSON (G4.1)."""
        texts = (file.read_text(encoding="utf-8") for file in sorted(self.folder.glob("*/*.json")))
        wanted = {each for text in texts for each in re.findall(r'"valueFrom": "[^"]*?:([^":]+)::"', text)}
        return tuple(sorted(wanted))

    def domain(self, zone: str) -> str:
        """The name for which a record is made in the hosted zone of that parameter."""
        for resource in _mappings(self._templates):
            told = resource.get("Properties")
            if isinstance(told, Mapping) and told.get("HostedZoneId") == {"Ref": zone}:
                return str(told["Name"])
        return _DOMAIN

    @cached_property
    def _templates(self) -> list[Any]:
        return [_template(file) for file in sorted(self.folder.glob("*.yaml"))]


def made(
    folder: Path, root: str, given: Mapping[str, str], account: Account, authority: Authority, *, testers: str
) -> dict[str, str]:
    """A value for each parameter of the root that has no default; `testers` are the addresses that see the test port.

    Raises `RehearsalError` that names every parameter for which nothing can be made up.
    """
    read = Root(folder, root)
    values, missing, before = dict(given), [], Before(account)
    for name, told in read.parameters.items():
        if name in values:
            continue
        if name == "TestCidr":
            values[name] = testers
        elif "Default" in told:
            continue
        elif value := _made(name, told, read, account, authority, before):
            values[name] = value
        else:
            missing.append(name)
    if missing:
        words = " ".join(f"--parameter {name}=VALUE" for name in missing)
        raise RehearsalError(f"nothing can be made up for what the root is given as {', '.join(missing)}; give {words}")
    if repository := values.get("SourceRepositoryName"):
        _repository(account, repository)
    return values


def _repository(account: Account, name: str) -> None:
    """A repository that an account has before the stack; a further root of the stage names the same one."""
    commits = account.client("codecommit")
    with suppress(commits.exceptions.RepositoryNameExistsException):
        commits.create_repository(repositoryName=name)


def _made(
    name: str, told: Mapping[str, Any], root: Root, account: Account, authority: Authority, before: Before
) -> str:
    pattern = str(told.get("AllowedPattern", ""))
    if found := before.made(name, told):
        return found
    if ":acm:" in pattern:
        return account.certificate(*authority.certificate("listener", ["listener.example.com"]))
    if name in root.secrets:
        value = json.dumps(
            {key: f"rehearsal of {name} {key}" for key in root.keys} or {"value": f"rehearsal of {name}"}
        )
        return str(account.client("secretsmanager").create_secret(Name=f"rehearsal/{name}", SecretString=value)["ARN"])
    if told.get("Type") == "AWS::Route53::HostedZone::Id":
        zone = account.client("route53").create_hosted_zone(Name=root.domain(name), CallerReference=name)
        return str(zone["HostedZone"]["Id"]).rpartition("/")[2]
    if name in _NAMED:
        return uploads.bucket(account, _NAMED[name]) if "Bucket" in name else _NAMED[name]
    return next((value.format(region=account.region) for word, value in _PLAIN.items() if word in pattern), "")


def _template(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml_data(file.read_text(encoding="utf-8"))
    return found


def _mappings(value: Any) -> Iterator[Mapping[str, Any]]:
    """Every mapping in a value, however deep."""
    if isinstance(value, Mapping):
        yield value
        for each in value.values():
            yield from _mappings(each)
    elif isinstance(value, list):
        for each in value:
            yield from _mappings(each)
