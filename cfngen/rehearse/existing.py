"""What an account has before a stage comes: a network and a database, which the rehearsal makes up where the root asks for them."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from cfngen.rehearse.account import Account
from cfngen.rehearse.deployed import Database
from cfngen.semantics.document import yaml_data

_HOSTS = {
    "DatabaseHost": "database.rehearsal.example.com",
    "DatabaseReaderHost": "readers.database.rehearsal.example.com",
}
"""The addresses of a database that was there before, by the parameter that asks for each."""
_USERS = {"Master": "owner", "Reader": "reads", "Writer": "writes"}
_SECRET = re.compile(r"Database(Master|Reader|Writer)SecretArn")
_POSTGRES_PORT = 5432


class Before:
    """Makes what the root asks for, in the account; a VPC and its subnets in two zones when the first one asks."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self._blocks = iter(range(256))

    def made(self, name: str, told: Mapping[str, Any]) -> str:
        """A value for a parameter of that name, as a template tells it; empty for one that asks for something else."""
        if name in _HOSTS:
            return _HOSTS[name]
        if user := _SECRET.fullmatch(name):
            text = json.dumps({"username": _USERS[user[1]], "password": secrets.token_urlsafe(24)})
            made = self.account.client("secretsmanager").create_secret(Name=f"rehearsal/{name}", SecretString=text)
            return str(made["ARN"])
        if ":kms:" in str(told.get("AllowedPattern", "")):
            return str(self.account.client("kms").create_key(Description=name)["KeyMetadata"]["Arn"])
        return self._of_network(name, str(told.get("Type")))

    def _of_network(self, name: str, kind: str) -> str:
        match kind:
            case "AWS::EC2::VPC::Id":
                return self._vpc
            case "List<AWS::EC2::Subnet::Id>":
                return ",".join(self._subnet(zone) for zone in "ab")
            case "AWS::EC2::SecurityGroup::Id":
                ec2, text = self.account.client("ec2"), f"Given as {name}"
                return str(ec2.create_security_group(GroupName=name, Description=text, VpcId=self._vpc)["GroupId"])
        return ""

    @cached_property
    def _vpc(self) -> str:
        ec2 = self.account.client("ec2")
        made = str(ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"])
        for name in ("EnableDnsSupport", "EnableDnsHostnames"):
            ec2.modify_vpc_attribute(VpcId=made, **{name: {"Value": True}})
        return made

    def _subnet(self, zone: str) -> str:
        told = self.account.client("ec2").create_subnet(
            VpcId=self._vpc,
            CidrBlock=f"10.0.{next(self._blocks)}.0/24",
            AvailabilityZone=f"{self.account.region}{zone}",
        )
        return str(told["Subnet"]["SubnetId"])


def database(folder: Path, root: str, given: Mapping[str, str]) -> Database | None:
    """The database that was there before, by what the root of a folder is given; `None` where it asks for none.

    By its usual port it is told whether it speaks as MySQL or as PostgreSQL; its name stands in the task definitions.
    """
    asked = yaml_data((folder / root).read_text(encoding="utf-8")).get("Parameters") or {}
    if "DatabasePort" not in asked:
        return None
    usual = int(asked["DatabasePort"]["Default"])
    texts = [file.read_text(encoding="utf-8") for file in sorted(folder.glob("*/*taskdef.json"))]
    names = [name for text in texts for name in _names(text)]
    return Database(
        host=given["DatabaseHost"],
        port=int(given.get("DatabasePort", usual)),
        name=names[0] if names else "",
        master=given.get("DatabaseMasterSecretArn", ""),
        engine="postgres" if usual == _POSTGRES_PORT else "mysql",
        reader_host=given.get("DatabaseReaderHost", ""),
        reader=given.get("DatabaseReaderSecretArn", ""),
        writer=given.get("DatabaseWriterSecretArn", ""),
    )


def _names(text: str) -> list[str]:
    containers = json.loads(text).get("containerDefinitions") or ()
    return [each["value"] for one in containers for each in one.get("environment") or () if each["name"] == "DB_NAME"]
