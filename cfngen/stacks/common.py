"""What every stack of a stage shares: names, the permissions boundary, roles, log groups, tags."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from awacs.aws import (
    Action,
    Allow,
    ArnLike,
    AWSPrincipal,
    Condition,
    PolicyDocument,
    Principal,
    Statement,
    StringEquals,
    StringLike,
)
from awacs.sts import AssumeRole
from troposphere import AccountId, GetAtt, Sub, Tags, iam, logs

from cfngen._frozen import dataclass
from cfngen.spec import App
from cfngen.stack import Stack
from cfngen.values import KeyArn, PolicyArn, RoleArn, Text

Item = TypeVar("Item")

# Write-once resources take no tags, or a changed tag would write them again (design: updates never move traffic).
UNTAGGED = (
    "AWS::CloudFormation::Stack",
    "AWS::ECS::Service",
    "AWS::ECS::TaskDefinition",
    "AWS::ElasticLoadBalancingV2::ListenerRule",
    "AWS::ElasticLoadBalancingV2::TargetGroup",
)
TAGS = {
    "AWS::Backup::BackupPlan": "BackupPlanTags",
    "AWS::Backup::BackupVault": "BackupVaultTags",
    "AWS::Budgets::Budget": "ResourceTags",
    "AWS::Route53::HostedZone": "HostedZoneTags",
}
"""What tags are called where they are not called so."""


@dataclass(frozen=True)
class Common:
    """The stage that a stack belongs to, and what holds for all of its resources.

    `promotion_account` is the account of the stage that a build comes from or goes to, where it is another one;
    `promotes_to` the stage that a build goes to.
    """

    application: str
    stage: str
    log_retention_days: int = 30
    own_key_for: tuple[str, ...] = ()
    permissions_boundary: PolicyArn | None = None
    promotion_account: Text | None = None
    promotes_to: str = ""

    @classmethod
    def of(
        cls, app: App, permissions_boundary: PolicyArn | None = None, promotion_account: Text | None = None
    ) -> Common:
        own = (app.name, app.stage, app.log_retention_days, app.own_key_for)
        target = app.pipeline.promotes_to if app.pipeline else None
        return cls(*own, permissions_boundary, promotion_account, target.stage if target else "")

    @property
    def name(self) -> str:
        """The prefix of the few physical names."""
        return f"{self.application}-{self.stage}"

    def key_for(self, what: str, key: KeyArn) -> KeyArn | None:
        """The application's key, where the stage says that it encrypts this."""
        return key if what in self.own_key_for else None


def given(**properties: Any) -> dict[str, Any]:
    """Those properties that have a value, to be spread into a resource; the others stay out of the template."""
    return {name: value for name, value in properties.items() if value is not None}


def in_order(items: Iterable[Item]) -> list[Item]:
    """What a description gives as a set, in the one order in which it is written: texts first, then parameters."""
    return sorted(items, key=repr)


def trust(service: str, conditions: Iterable[Any] = ()) -> PolicyDocument:
    """A trust policy for one AWS service, guarded against the confused deputy where it supports that (M1)."""
    guarded = list(conditions)
    return PolicyDocument(
        Version="2012-10-17",
        Statement=[
            Statement(
                Effect=Allow,
                Action=[AssumeRole],
                Principal=Principal("Service", f"{service}.amazonaws.com"),
                **given(Condition=Condition(guarded) if guarded else None),
            )
        ],
    )


def from_this_account(source: str | None = None, **values: Any) -> list[Any]:
    """Conditions: the call comes from this account, and from a resource like `source` (``codedeploy:deploymentgroup:…``)."""
    account = StringEquals("aws:SourceAccount", AccountId)
    return [account] if source is None else [account, ArnLike("aws:SourceArn", arn(*source.split(":", 1), **values))]


def arn(service: str, resource: str, **values: Any) -> Sub:
    """The ARN of something of this account and region; `values` fill ``${Name}`` in `resource`."""
    text = f"arn:${{AWS::Partition}}:{service}:${{AWS::Region}}:${{AWS::AccountId}}:{resource}"
    return Sub(text, values) if values else Sub(text)


def allow(actions: Iterable[Action], resources: Any, *conditions: Any) -> Statement:
    """A statement that allows; a single resource need not be a list."""
    condition = Condition(list(conditions)) if conditions else None
    return Statement(
        Effect=Allow,
        Action=list(actions),
        Resource=resources if isinstance(resources, list) else [resources],
        **given(Condition=condition),
    )


def allow_stage(
    common: Common, stage: str, actions: Iterable[Action], resources: Any, *conditions: Any, sid: str = "Promotion"
) -> Statement:
    """A statement of a resource's policy: roles of another account may, if they are of that stage by their tags (D5.3).

    It names the account and none of its roles, so that either stage may be there first (D5.6); what a role's own policy
    does not allow, it may not.
    """
    of_stage = StringEquals({"aws:PrincipalTag/Application": common.application, "aws:PrincipalTag/Stage": stage})
    root = Sub("arn:${AWS::Partition}:iam::${Account}:root", Account=common.promotion_account)
    return Statement(
        Sid=sid,
        Effect=Allow,
        Principal=AWSPrincipal(root),
        Action=list(actions),
        Condition=Condition([of_stage, *conditions]),
        **given(Resource=resources),
    )


def pass_to(*services: str) -> StringEquals:
    """Condition of a pass-role statement (M2.3)."""
    hosts = [f"{service}.amazonaws.com" for service in services]
    return StringEquals("iam:PassedToService", hosts if len(hosts) > 1 else hosts[0])


def only_kms_via(*services: str) -> StringLike:
    """Condition: the key is used by these services on the role's behalf."""
    return StringLike("kms:ViaService", [f"{service}.*.amazonaws.com" for service in services])


def role(
    stack: Stack,
    name: str,
    common: Common,
    trusted: PolicyDocument,
    statements: Iterable[Statement] = (),
    *,
    wildcards: str = "",
    managed: Iterable[PolicyArn] = (),
) -> iam.Role:
    """Add a role with an inline policy, so that the role is there only with its rights (M2.2).

    `wildcards` is the reason for every ``*`` among the resources; it is written beside the role.
    `managed` are policies that the role has besides.
    """
    rights = list(statements)
    policies = (
        [iam.Policy(PolicyName="permissions", PolicyDocument=PolicyDocument(Version="2012-10-17", Statement=rights))]
        if rights
        else []
    )
    return stack.add(
        iam.Role(
            name,
            AssumeRolePolicyDocument=trusted,
            **given(
                Policies=policies or None,
                ManagedPolicyArns=list(managed) or None,
                PermissionsBoundary=common.permissions_boundary,
                Metadata={"Wildcards": wildcards} if wildcards else None,
            ),
        )
    )


def role_arn(made: iam.Role) -> RoleArn:
    """A role's ARN as a value."""
    return RoleArn(GetAtt(made, "Arn"))


def log_group(stack: Stack, name: str, common: Common, key: KeyArn) -> logs.LogGroup:
    """A log group with a retention; unnamed, so that what a deleted stage left behind is in nobody's way (K3.5)."""
    return stack.add(
        logs.LogGroup(
            name,
            DeletionPolicy="RetainExceptOnCreate",
            UpdateReplacePolicy="Retain",
            RetentionInDays=common.log_retention_days,
            **given(KmsKeyId=common.key_for("logs", key)),
        )
    )


def tag(stack: Stack, tags: Mapping[str, str]) -> None:
    """Tag everything in the tree that takes tags, but for what is write-once; a tag that a resource has stays."""
    tags = dict(sorted(tags.items()))
    for each in stack.walk():
        for resource in each.template.resources.values():
            name = TAGS.get(str(resource.resource_type), "Tags")
            if name in resource.props and resource.resource_type not in UNTAGGED:
                _tag(resource, name, tags)


def _tag(resource: Any, name: str, tags: Mapping[str, str]) -> None:
    merged = tags
    if had := resource.properties.get(name):
        own = {pair["Key"]: pair["Value"] for pair in had.to_dict()} if isinstance(had, Tags) else dict(had)
        merged = dict(sorted({**tags, **own}.items()))
    kind = resource.props[name][0]
    if isinstance(kind, list):  # of a class of its own
        setattr(resource, name, [kind[0](Key=key, Value=value) for key, value in merged.items()])
    else:
        setattr(resource, name, dict(merged) if kind is dict else Tags(merged))
