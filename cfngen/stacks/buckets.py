"""Buckets of S3: closed to the public, encrypted, versioned, reached by TLS only."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from awacs import s3 as s3_actions
from awacs.aws import Bool, Condition, Deny, PolicyDocument, Principal, Statement
from troposphere import AWSHelperFn, GetAtt, Select, Sub, s3

from cfngen.stack import Stack
from cfngen.stacks.common import given
from cfngen.values import BucketName


def encrypted(key: Any | None) -> s3.ServerSideEncryptionByDefault:
    """Encryption by KMS, under this key or AWS's own."""
    return s3.ServerSideEncryptionByDefault(SSEAlgorithm="aws:kms", **given(KMSMasterKeyID=key))


def closed_bucket(
    stack: Stack,
    name: str,
    encryption: s3.ServerSideEncryptionByDefault,
    days: int | None,
    *,
    old_days: int = 30,
    tells_events: bool = False,
) -> s3.Bucket:
    """A bucket whose objects go after `days`, if ever, and their older versions after `old_days`.

    `tells_events`: EventBridge hears of its objects.
    """
    rule = s3.LifecycleRule(
        Id="Expire",
        Status="Enabled",
        **given(ExpirationInDays=days),
        NoncurrentVersionExpiration=s3.NoncurrentVersionExpiration(NoncurrentDays=old_days),
        AbortIncompleteMultipartUpload=s3.AbortIncompleteMultipartUpload(DaysAfterInitiation=7),
    )
    events = s3.NotificationConfiguration(EventBridgeConfiguration=s3.EventBridgeConfiguration(EventBridgeEnabled=True))
    return stack.add(
        s3.Bucket(
            name,
            # A bucket with objects in it cannot be deleted (D5.7), not even when a creation fails and is rolled back,
            # and logs come early. Unnamed, it is in nobody's way afterwards.
            DeletionPolicy="Retain",
            UpdateReplacePolicy="Retain",
            BucketEncryption=s3.BucketEncryption(
                ServerSideEncryptionConfiguration=[
                    s3.ServerSideEncryptionRule(BucketKeyEnabled=True, ServerSideEncryptionByDefault=encryption)
                ]
            ),
            LifecycleConfiguration=s3.LifecycleConfiguration(Rules=[rule]),
            OwnershipControls=s3.OwnershipControls(
                Rules=[s3.OwnershipControlsRule(ObjectOwnership="BucketOwnerEnforced")]
            ),
            PublicAccessBlockConfiguration=s3.PublicAccessBlockConfiguration(
                BlockPublicAcls=True, BlockPublicPolicy=True, IgnorePublicAcls=True, RestrictPublicBuckets=True
            ),
            VersioningConfiguration=s3.VersioningConfiguration(Status="Enabled"),
            **given(NotificationConfiguration=events if tells_events else None),
        )
    )


def bucket_policy(stack: Stack, bucket: s3.Bucket, statements: Iterable[Statement]) -> s3.BucketPolicy:
    """Its policy: nobody comes without TLS, and what the statements say."""
    inside: list[str | AWSHelperFn] = [GetAtt(bucket, "Arn"), Sub(f"${{{bucket.title}.Arn}}/*")]
    tls_only = Statement(
        Sid="TlsOnly",
        Effect=Deny,
        Principal=Principal("*"),
        Action=[s3_actions.Action("*")],
        Resource=inside,
        Condition=Condition(Bool("aws:SecureTransport", False)),
    )
    policy = PolicyDocument(Version="2012-10-17", Statement=[tls_only, *statements])
    return stack.add(
        s3.BucketPolicy(
            f"{bucket.title}Policy",
            # The bucket stays, so what guards it does, and logs that are still on their way get in.
            DeletionPolicy="Retain",
            UpdateReplacePolicy="Retain",
            Bucket=bucket.ref(),
            PolicyDocument=policy,
        )
    )


def after_policy(policy: s3.BucketPolicy) -> BucketName:
    """A bucket's name, for those who may use it only once its policy is there (H14): the second item is never
    selected, but makes the value wait for the policy.
    """
    return BucketName(Select(0, [policy.Bucket, policy.ref()]))
