"""What a stage stands on: its key, the topic that alerts go to, the buckets for logs and artifacts."""

from __future__ import annotations

from awacs import kms as kms_actions
from awacs import s3 as s3_actions
from awacs import sns as sns_actions
from awacs.aws import (
    Allow,
    ArnLike,
    AWSPrincipal,
    Bool,
    Condition,
    Deny,
    PolicyDocument,
    Principal,
    Statement,
    StringEquals,
)
from troposphere import AccountId, GetAtt, Sub, kms, s3, sns

from cfngen._frozen import dataclass
from cfngen.stack import Stack
from cfngen.stacks.buckets import after_policy, bucket_policy, closed_bucket, encrypted
from cfngen.stacks.budget import budget, may_encrypt, may_publish
from cfngen.stacks.common import Common, allow_stage, arn, only_kms_via
from cfngen.values import Arn, BucketName, KeyArn, TopicArn

_USE_KEY = (
    kms_actions.Decrypt,
    kms_actions.DescribeKey,
    kms_actions.Encrypt,
    kms_actions.Action("GenerateDataKey*"),
    kms_actions.Action("ReEncrypt*"),
)


@dataclass(frozen=True)
class FoundationOutputs:
    """`logs` is where balancers and networks write their logs; `artifacts` what pipelines hand on."""

    key: KeyArn
    alerts: TopicArn
    logs: BucketName
    artifacts: BucketName
    artifacts_arn: Arn


def foundation_stack(
    stack: Stack,
    common: Common,
    alarm_email: str | None = None,
    monthly_budget_usd: int | None = None,
    promoting_stage: str | None = None,
) -> FoundationOutputs:
    """The stage's own key, alert topic and buckets.

    `promoting_stage` is that of another account which encrypts what it promotes to this one.
    """
    has_budget = monthly_budget_usd is not None
    puts = [kms_actions.Decrypt, kms_actions.GenerateDataKey]
    promotion = (
        [allow_stage(common, promoting_stage, puts, ["*"], only_kms_via("s3"))]
        if promoting_stage and common.promotion_account
        else []
    )
    key = _key(stack, promotion, has_budget=has_budget)
    alerts, policy = _alerts(stack, key, alarm_email, has_budget=has_budget)
    if monthly_budget_usd is not None:
        budget(stack, common, alerts, policy, monthly_budget_usd)
    logs = _log_bucket(stack, common)
    artifacts = _artifact_bucket(stack, common, key)
    return FoundationOutputs(
        key=KeyArn(GetAtt(key, "Arn")),
        alerts=TopicArn(alerts.ref()),
        logs=after_policy(logs),
        artifacts=after_policy(artifacts),
        artifacts_arn=Arn(GetAtt("ArtifactBucket", "Arn")),
    )


def _key(stack: Stack, promotion: list[Statement], *, has_budget: bool) -> kms.Key:
    policy = PolicyDocument(
        Version="2012-10-17",
        Statement=[
            # IAM decides who uses the key; naming roles here would make a cycle key, role, key (D5.6).
            Statement(
                Sid="Account",
                Effect=Allow,
                Principal=AWSPrincipal(Sub("arn:${AWS::Partition}:iam::${AWS::AccountId}:root")),
                Action=[kms_actions.Action("*")],
                Resource=["*"],
            ),
            Statement(
                Sid="Logs",
                Effect=Allow,
                Principal=Principal("Service", Sub("logs.${AWS::Region}.${AWS::URLSuffix}")),
                Action=list(_USE_KEY),
                Resource=["*"],
                Condition=Condition(ArnLike("kms:EncryptionContext:aws:logs:arn", arn("logs", "*"))),  # L2.2
            ),
            # Alarms publish to the encrypted topic themselves; event rules do by a role (L2.9, L2.10).
            Statement(
                Sid="Alarms",
                Effect=Allow,
                Principal=Principal("Service", "cloudwatch.amazonaws.com"),
                Action=[kms_actions.Decrypt, kms_actions.GenerateDataKey],
                Resource=["*"],
                Condition=Condition(StringEquals("aws:SourceAccount", AccountId)),
            ),
            *([may_encrypt()] if has_budget else []),
            *promotion,
        ],
    )
    return stack.add(
        kms.Key(
            "Key",
            DeletionPolicy="RetainExceptOnCreate",
            UpdateReplacePolicy="Retain",
            Metadata={"Wildcards": "in a key's policy * is the key itself"},
            Description="Encrypts what the application keeps and tells",
            EnableKeyRotation=True,
            PendingWindowInDays=30,
            KeyPolicy=policy,
        )
    )


def _alerts(stack: Stack, key: kms.Key, email: str | None, *, has_budget: bool) -> tuple[sns.Topic, sns.TopicPolicy]:
    topic = stack.add(sns.Topic("AlertTopic", KmsMasterKeyId=GetAtt(key, "Arn")))
    statement = [
        Statement(
            Sid="Alarms",
            Effect=Allow,
            Principal=Principal("Service", "cloudwatch.amazonaws.com"),
            Action=[sns_actions.Publish],
            Resource=[topic.ref()],
            Condition=Condition(
                [ArnLike("aws:SourceArn", arn("cloudwatch", "alarm:*")), StringEquals("aws:SourceAccount", AccountId)]
            ),  # L2.8
        ),
        Statement(
            Sid="TlsOnly",
            Effect=Deny,
            Principal=Principal("*"),
            Action=[sns_actions.Publish],
            Resource=[topic.ref()],
            Condition=Condition(Bool("aws:SecureTransport", False)),
        ),
        *([may_publish(topic)] if has_budget else []),
    ]
    policy = stack.add(
        sns.TopicPolicy(
            "AlertTopicPolicy",
            Topics=[topic.ref()],
            PolicyDocument=PolicyDocument(Version="2012-10-17", Statement=statement),
        )
    )
    if email:
        stack.add(sns.SubscriptionResource("AlertEmail", TopicArn=topic.ref(), Protocol="email", Endpoint=email))
    return topic, policy


def _log_bucket(stack: Stack, common: Common) -> s3.BucketPolicy:
    # SSE-S3, because a balancer cannot write its logs under a key of KMS (H13).
    bucket = closed_bucket(
        stack,
        "LogBucket",
        s3.ServerSideEncryptionByDefault(SSEAlgorithm="AES256"),
        days=max(common.log_retention_days, 30),
    )
    own = Sub(f"${{{bucket.title}.Arn}}/*/AWSLogs/${{AWS::AccountId}}/*")
    delivery = [
        Statement(
            Sid="BalancerLogs",
            Effect=Allow,
            Principal=Principal("Service", "logdelivery.elasticloadbalancing.amazonaws.com"),
            Action=[s3_actions.PutObject],
            Resource=[own],
            Condition=Condition(ArnLike("aws:SourceArn", arn("elasticloadbalancing", "loadbalancer/*"))),
        ),
        Statement(
            Sid="FlowLogs",
            Effect=Allow,
            Principal=Principal("Service", "delivery.logs.amazonaws.com"),
            Action=[s3_actions.PutObject],
            Resource=[own],
            Condition=Condition(
                [StringEquals("aws:SourceAccount", AccountId), ArnLike("aws:SourceArn", arn("logs", "*"))]
            ),
        ),
        Statement(
            Sid="FlowLogsAsk",
            Effect=Allow,
            Principal=Principal("Service", "delivery.logs.amazonaws.com"),
            Action=[s3_actions.GetBucketAcl, s3_actions.ListBucket],
            Resource=[GetAtt(bucket, "Arn")],
            Condition=Condition(
                [StringEquals("aws:SourceAccount", AccountId), ArnLike("aws:SourceArn", arn("logs", "*"))]
            ),
        ),
    ]
    return bucket_policy(stack, bucket, delivery)


def _artifact_bucket(stack: Stack, common: Common, key: kms.Key) -> s3.BucketPolicy:
    own = GetAtt(key, "Arn") if "artifacts" in common.own_key_for else None
    bucket = closed_bucket(
        stack,
        "ArtifactBucket",
        encrypted(own),
        days=90,
    )
    return bucket_policy(stack, bucket, ())
