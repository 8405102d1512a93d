"""What a deletion leaves in the account, and the commands that remove it for good."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from cfngen.deploy.deployed import Fate, fate
from cfngen.operate.finding import command
from cfngen.operate.state import NESTED_STACK, Resource, Stack

_COMMANDS: Mapping[str, Callable[[str], tuple[str, ...]]] = {
    "AWS::DynamoDB::Table": lambda name: ("aws", "dynamodb", "delete-table", "--table-name", name),
    "AWS::ECS::TaskDefinition": lambda arn: ("aws", "ecs", "deregister-task-definition", "--task-definition", arn),
    "AWS::ECR::Repository": lambda name: ("aws", "ecr", "delete-repository", "--repository-name", name, "--force"),
    "AWS::KMS::Key": lambda key: ("aws", "kms", "schedule-key-deletion", "--key-id", key),
    "AWS::Logs::LogGroup": lambda name: ("aws", "logs", "delete-log-group", "--log-group-name", name),
    "AWS::SQS::Queue": lambda url: ("aws", "sqs", "delete-queue", "--queue-url", url),
    "AWS::SecretsManager::Secret": lambda arn: ("aws", "secretsmanager", "delete-secret", "--secret-id", arn),
}  # fmt: skip
DATABASES = {
    "AWS::RDS::DBCluster": ("cluster", "db-cluster", "DBCluster"),
    "AWS::RDS::DBInstance": ("instance", "db-instance", "DB"),
}
"""Databases: what they are called in the names of log groups, in commands, and before Snapshots in answers."""
BUCKET = "AWS::S3::Bucket"
_VERSIONS = "{Objects: [Versions, DeleteMarkers][].{Key: Key, VersionId: VersionId}}"
"""What `delete-objects` takes, of what `list-object-versions` answers."""
_LAST = "AWS::KMS::Key"
"""What others are encrypted with goes last."""


@dataclass(frozen=True)
class Left:
    """One resource that stays. `remove` is the command that removes it; empty where AWS's pages say how."""

    place: str
    type: str
    physical_id: str
    fate: Fate
    remove: str = ""


@dataclass(frozen=True)
class Going:
    """What a deletion does to one stack: how many resources go, and what of it stays. `databases`: place, and what the
    names of its log groups begin with.
    """

    stack: str
    deleted: int
    left: tuple[Left, ...]
    databases: tuple[tuple[str, str], ...] = ()


def of_stack(stack: Stack, template: Mapping[str, Any], *, is_kept: bool = False) -> Going:
    """What becomes of a stack's resources, by its deployed template; `is_kept`: the whole nested stack stays."""
    left, deleted = [], 0
    for each in stack.resources:
        if each.type == NESTED_STACK or not each.physical_id:
            continue
        resource = template.get(each.logical_id)
        becomes: Fate = "kept" if is_kept else fate(resource) if resource else "deleted"
        if becomes == "deleted":
            deleted += 1
        else:
            left.append(_left(stack, each, becomes))
    databases = (
        (f"{stack.path}/{each.logical_id}".strip("/"), f"/aws/rds/{names[0]}/{each.physical_id}/")
        for kind, names in DATABASES.items()
        for each in stack.of_type(kind)
    )
    return Going(stack.path, deleted, tuple(left), tuple(databases))


def in_order(every: Iterable[Left]) -> list[Left]:
    """As they may be removed: keys after what they encrypt."""
    return sorted(every, key=lambda each: (each.type == _LAST, each.place))


def _left(stack: Stack, each: Resource, becomes: Fate) -> Left:
    place = f"{stack.path}/{each.logical_id}".strip("/")
    if becomes == "kept as a snapshot":
        return Left(place, each.type, each.physical_id, becomes, _snapshots(each))
    if line := _LINES.get(each.type):
        return Left(place, each.type, each.physical_id, becomes, line(each.physical_id))
    words = _COMMANDS.get(each.type)
    return Left(place, each.type, each.physical_id, becomes, command(*words(each.physical_id)) if words else "")


def bucket_away(name: str) -> str:
    """The command that removes a bucket with all that is in it: it goes when it is empty, and
    `rb --force` leaves old versions and delete markers in it.

    S3 takes a thousand at a time, and answers what it could not delete; then it would go on for ever.
    """
    of = ("--bucket", name)
    remove = command("aws", "s3", "rb", f"s3://{name}")
    every = command(
        "aws", "s3api", "list-object-versions", *of, "--no-paginate", "--output", "json", "--query", _VERSIONS
    )
    delete = command(
        "aws", "s3api", "delete-objects", *of, "--delete", "file:///dev/stdin", "--output", "json", "--query", "Errors"
    )
    return f"until {remove}; do ! {every} | {delete} 2>&1 | grep -v '^null$' || break; done"


def _repository(number: str) -> str:
    """CloudFormation knows a repository by its number, and deleting takes its name."""
    query = f"repositories[?repositoryId=='{number}'].repositoryName"
    named = command("aws", "codecommit", "list-repositories", "--query", query, "--output", "text")
    return f'aws codecommit delete-repository --repository-name "$({named})"'


def _vault(name: str) -> str:
    """A vault goes when nothing is in it, and what is in it takes a moment to go: five minutes at most are waited."""
    vault = ("--backup-vault-name", name)
    query = ("--query", "RecoveryPoints[].RecoveryPointArn", "--output", "text")
    every = command("aws", "backup", "list-recovery-points-by-backup-vault", *vault, *query)
    delete = command("aws", "backup", "delete-recovery-point", *vault, "--recovery-point-arn")
    remove = command("aws", "backup", "delete-backup-vault", *vault)
    removed = f"for n in $(seq 30); do {remove} && break; [ $n -lt 30 ] && sleep 10; done"
    return f'for point in $({every}); do {delete} "$point"; done; {removed}'


def _snapshots(each: Resource) -> str:
    """The name of a final snapshot is AWS's choice, so it has to be asked for."""
    _, named, told = DATABASES[each.type]
    query = f"{told}Snapshots[?SnapshotType=='manual'].{told}SnapshotIdentifier"
    kind = "describe-db-cluster-snapshots" if named == "db-cluster" else "describe-db-snapshots"
    return command("aws", "rds", kind, f"--{named}-identifier", each.physical_id, "--query", query)


_LINES: Mapping[str, Callable[[str], str]] = {
    BUCKET: bucket_away,
    "AWS::Backup::BackupVault": _vault,
    "AWS::CodeCommit::Repository": _repository,
}
"""What takes more than one command."""
