"""A database that is there already: the stage is told where it is, and changes nothing of it but who may come in."""

from __future__ import annotations

from cfngen.spec import Database
from cfngen.stacks.database.engines import ENGINES
from cfngen.stacks.database.parts import DatabaseOutputs
from cfngen.values import KeyArn, SecretArn, SecurityGroupId, Text

_SECRET = r"arn:[\w-]+:secretsmanager:.+"
_HOST = r"[A-Za-z0-9][A-Za-z0-9.-]{0,254}"


def existing_database(database: Database) -> DatabaseOutputs:
    """Root parameters for a database; the root declares those that services use."""
    port = Text.parameter(
        "DatabasePort",
        Description="Where the database listens",
        Default=str(ENGINES[database.engine].port),
        AllowedPattern=r"\d{1,5}",
    )
    reader_host = Text.parameter(
        "DatabaseReaderHost",
        Description="Host name of those of its instances that only read, without scheme or port",
        AllowedPattern=_HOST,
    )
    key = KeyArn.parameter(
        "DatabaseSecretsKeyArn",
        Description="Key that these secrets are encrypted with",
        AllowedPattern=r"arn:[\w-]+:kms:.+",
    )
    return DatabaseOutputs(
        host=Text.parameter(
            "DatabaseHost",
            Description="Host name of the database, without scheme or port",
            AllowedPattern=_HOST,
        ),
        port=port,
        instance=None,
        security_group=SecurityGroupId.parameter(
            "DatabaseSecurityGroupId", Description="Security group of the database; each service adds its own rule"
        ),
        master_secret=_secret("Master", "the user that may make users and tables, for migrations alone"),
        reader_secret=_secret("Reader", "the user that may only SELECT"),
        writer_secret=_secret("Writer", "the user that may change rows"),
        alarm=None,
        engine_port=port,
        reader_host=reader_host if database.has_reader_address else None,
        key=key if database.secrets_have_key else None,
    )


def _secret(user: str, whose: str) -> SecretArn:
    return SecretArn.parameter(
        f"Database{user}SecretArn",
        Description=f"Secret with username and password of {whose}",
        AllowedPattern=_SECRET,
    )
