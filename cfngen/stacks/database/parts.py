"""What every kind of database is made with: its group, its subnets, and the secrets of its users."""

from __future__ import annotations

from typing import Any

from troposphere import ec2, rds, secretsmanager

from cfngen._frozen import dataclass
from cfngen.spec import Database, OffHours
from cfngen.spec.windows import Windows
from cfngen.stack import Stack
from cfngen.stacks.common import Common, given
from cfngen.stacks.database.engines import ENGINES, Engine
from cfngen.stacks.foundation import FoundationOutputs
from cfngen.stacks.network import NetworkOutputs
from cfngen.values import AlarmName, KeyArn, SecretArn, SecurityGroupId, Text


@dataclass(frozen=True)
class DatabaseOutputs:
    """Where the database is, who may come in, and which secret opens it as whom.

    It is an `instance` or a `cluster`, by its identifier, unless it was there before; then nobody here watches it by an
    `alarm`. `reader_host` is an address for those who only read, if there is one, and `key` what opens the secrets where it
    is not the application's.
    """

    host: Text
    port: Text
    instance: Text | None
    security_group: SecurityGroupId
    master_secret: SecretArn
    reader_secret: SecretArn
    writer_secret: SecretArn
    alarm: AlarmName | None
    engine_port: int | Text = ENGINES["mysql"].port
    cluster: Text | None = None
    reader_host: Text | None = None
    key: KeyArn | None = None


@dataclass(frozen=True)
class Wanted:
    """A database to make, and the stage that it is for."""

    common: Common
    foundation: FoundationOutputs
    network: NetworkOutputs
    database: Database
    engine_version: str
    off_hours: OffHours | None
    in_own_network: bool

    @property
    def engine(self) -> Engine:
        return ENGINES[self.database.engine]

    @property
    def key(self) -> KeyArn | None:
        """What it is encrypted with, unless it is AWS's key."""
        return self.common.key_for("database", self.foundation.key)

    @property
    def windows(self) -> Windows | None:
        """When it is backed up and maintained, unless RDS chooses: that may be at night, when it is stopped."""
        return self.database.windows(self.off_hours.awake if self.off_hours else None)

    @property
    def told_windows(self) -> dict[str, Any]:
        """The same as properties."""
        if not (windows := self.windows):
            return {}
        return {
            "PreferredBackupWindow": str(windows.backup),
            "PreferredMaintenanceWindow": str(windows.maintenance),
        }

    @property
    def master(self) -> dict[str, Any]:
        """The first user, as properties; RDS keeps its password in a secret (I2.6)."""
        return given(
            MasterUsername=self.engine.master,
            ManageMasterUserPassword=True,
            MasterUserSecret=rds.MasterUserSecret(KmsKeyId=self.key) if self.key else None,
        )


def security_group(stack: Stack, wanted: Wanted) -> ec2.SecurityGroup:
    """Who may come in stands with who comes: each service adds its own rule."""
    # The way out to nowhere closes the group, which would else allow every way out (J4.3); constant, so that it never
    # clashes with other rules (J4.4).
    nowhere = ec2.SecurityGroupRule(IpProtocol="-1", CidrIp="127.0.0.1/32", Description="nowhere")
    return stack.add(
        ec2.SecurityGroup(
            "SecurityGroup", GroupDescription="Database", VpcId=wanted.network.vpc, SecurityGroupEgress=[nowhere]
        )
    )


def subnet_group(stack: Stack, wanted: Wanted) -> rds.DBSubnetGroup:
    """The isolated subnets."""
    return stack.add(
        rds.DBSubnetGroup(
            "SubnetGroup", DBSubnetGroupDescription="Isolated subnets", SubnetIds=wanted.network.isolated_subnets
        )
    )


def secret(stack: Stack, wanted: Wanted, user: str) -> SecretArn:
    """What a user of the application logs in with."""
    protected = wanted.database.protected
    made = stack.add(
        secretsmanager.Secret(
            f"{user.capitalize()}Secret",
            DeletionPolicy="RetainExceptOnCreate" if protected else "Delete",
            UpdateReplacePolicy="Retain" if protected else "Delete",
            Description=f"The {user} of the application's database; the migration makes the user with this password",
            GenerateSecretString=secretsmanager.GenerateSecretString(
                SecretStringTemplate=f'{{"username": "{user}"}}',
                GenerateStringKey="password",
                PasswordLength=32,
                ExcludePunctuation=True,
            ),
            **given(KmsKeyId=wanted.key),
        )
    )
    return SecretArn(made.ref())
