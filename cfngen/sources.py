"""Where the source of an application lives, and the regions that have all that it needs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import ClassVar

from cfngen._frozen import dataclass
from cfngen.arns import KEY, wrong_arn
from cfngen.describe import Description, Finding, is_folder
from cfngen.values import KeyArn

# Commercial regions in which every resource type that cfngen renders exists (cfn-lint's registry schemas, E3006).
_WITH_CONNECTIONS = (
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-north-1",
    "eu-south-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "me-south-1",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
)
TWO_ZONES = ("us-west-1",)
"""Regions that give a new account two availability zones; a third subnet cannot be made there."""
WITHOUT_BUDGETS = ("af-south-1", "ap-east-1", "ap-northeast-3", "eu-north-1", "eu-south-1", "il-central-1")
"""Regions whose registry has no AWS::Budgets::Budget, likewise."""
_WITH_CODECOMMIT = tuple(sorted({*_WITH_CONNECTIONS, "ap-east-1", "ap-northeast-3"}))
_LONGEST_PREFIX = 900
"""An object's key has 1,024 characters, a value of an action's settings 1,000 (D1.13)."""
_WITH_PIPELINES = tuple(sorted({*_WITH_CODECOMMIT, "af-south-1", "il-central-1"}))


@dataclass(frozen=True, kw_only=True)
class CodeCommit(Description):
    """A CodeCommit repository. A push starts just the pipelines whose folders it changed.

    `create`: make the repository with this stage; else the root parameter SourceRepositoryName names one
    that exists, such as the one that another stage made. CodeCommit takes new customers again since
    November 2025 (O3).
    """

    regions: ClassVar[tuple[str, ...]] = _WITH_CODECOMMIT

    branch: str = "main"
    create: bool = False

    def checks(self) -> Iterator[Finding]:
        yield from _branch(self.branch)


@dataclass(frozen=True, kw_only=True)
class Connection(Description):
    """A repository at GitHub, GitLab or Bitbucket, by an AWS CodeConnections connection.

    `repository` is ``owner/name`` as the provider spells it. The connection's ARN is the root parameter
    SourceConnectionArn, because a connection needs a handshake by a person once (D2.3).
    """

    regions: ClassVar[tuple[str, ...]] = _WITH_CONNECTIONS

    repository: str
    branch: str = "main"

    def checks(self) -> Iterator[Finding]:
        if not re.fullmatch(r"[\w.-]+(/[\w.-]+)+", self.repository, re.ASCII):
            yield "repository", "owner/name, as in 'acme/coffee'"
        yield from _branch(self.branch)


@dataclass(frozen=True, kw_only=True)
class S3(Description):
    """A zip file for each service in a bucket of S3. A new one starts just that service's pipeline.

    It holds files of the repository by their paths: all of them, or the service's folders and its generated files.
    `create`: make the bucket with this stage; else the root parameter SourceBucketName names one of this account and
    region, which keeps versions and tells EventBridge of its objects. `prefix` is the folder in it, by default
    ``<application>/<stage>``, so that a service's object is ``<application>/<stage>/<service>.zip``. `key` is your own
    key of KMS, where such a key encrypts the bucket that exists.
    """

    regions: ClassVar[tuple[str, ...]] = _WITH_PIPELINES

    create: bool = False
    prefix: str = ""
    key: KeyArn | None = None

    def checks(self) -> Iterator[Finding]:
        if self.prefix and (not is_folder(self.prefix) or len(self.prefix) > _LONGEST_PREFIX):
            yield "prefix", f"a folder in the bucket, as in 'shop/dev', at most {_LONGEST_PREFIX} characters"
        if fits := wrong_arn(self.key, KEY):
            yield "key", fits
        if self.create and self.key:
            yield (
                "key",
                "none with create=True; the stage's own key encrypts the bucket where own_key_for says 'artifacts'",
            )


@dataclass(frozen=True, kw_only=True)
class Promotion(Description):
    """What another stage built and released: this one builds nothing, but copies each image by its digest and releases it.

    `stage` is that other stage of the application, whose pipeline says `promotes_to`, in the same region. `other_account`:
    it is of another account, which the root parameter PromotionAccountId names. This one makes the bucket in which the other puts, for each service, a zip file with this stage's files of the
    same commit and the digests of what it built; a new one starts just that service's pipeline.
    """

    regions: ClassVar[tuple[str, ...]] = _WITH_PIPELINES

    stage: str
    other_account: bool = False

    def checks(self) -> Iterator[Finding]:
        yield from _stage(self.stage)


@dataclass(frozen=True, kw_only=True)
class PromotionTarget(Description):
    """The stage that gets what this one built, once this one has released it.

    `stage` is that stage of the application, whose pipelines have a `Promotion` as their source; it is deployed first, for
    its outputs PromotionBucketName and PromotionKeyArn are root parameters of this one. `files` is the folder, from the
    source's root, with what `cfngen generate` wrote for that stage, by default ``templates/<application>/<stage>``.
    `other_account`: that stage is of another account, which the root parameter PromotionAccountId names.
    """

    stage: str
    files: str = ""
    other_account: bool = False

    def checks(self) -> Iterator[Finding]:
        yield from _stage(self.stage)
        if self.files and not is_folder(self.files):
            yield "files", "a folder relative to the source's root, as in 'templates/coffee/prod'"


Source = CodeCommit | Connection | S3 | Promotion


def _stage(stage: str) -> Iterator[Finding]:
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", stage, re.ASCII):
        yield "stage", "the name of a stage of the application, as in 'dev'"


def _branch(branch: str) -> Iterator[Finding]:
    if not re.fullmatch(r"[\w./-]{1,255}", branch, re.ASCII):
        yield "branch", "the name of one branch: letters, digits and . _ / -, without wildcards"
