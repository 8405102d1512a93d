"""S3: buckets and their policies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from cfngen.local.types.entry import Body, Call, Context, Name, Part, Read, Type, physical
from cfngen.semantics.update import RefusedError


def _create(context: Context) -> str:
    name = str(context.properties["BucketName"])
    asked: dict[str, Any] = {"Bucket": name}
    if context.api.region != "us-east-1":
        asked["CreateBucketConfiguration"] = {"LocationConstraint": context.api.region}
    if context.properties.get("ObjectLockEnabled") in (True, "true"):
        asked["ObjectLockEnabledForBucket"] = True
    context.call("s3", "CreateBucket", **asked)
    return name


def _configuration(
    prop: str,
    write: str,
    argument: str,
    unset: str = "",
    told: Callable[[Any], Any] = lambda value: value,
    none: Any = None,
) -> Part:
    """One configuration of a bucket: a call that writes all of it, and one that takes it away, or writes `none`."""
    gone = Call(unset, given={"Bucket": physical}) if unset else Call(write, given={"Bucket": physical, argument: none})
    return Part(Call(write, (prop,), {prop: argument}, {prop: told}, {"Bucket": physical}), unset=gone)


def _encryption(value: Any) -> Any:
    rules = value["ServerSideEncryptionConfiguration"]
    return {
        "Rules": [
            _renamed(rule, {"ServerSideEncryptionByDefault": "ApplyServerSideEncryptionByDefault"}) for rule in rules
        ]
    }


def _renamed(told: Body, names: Mapping[str, str]) -> dict[str, Any]:
    return {names.get(key, key): value for key, value in told.items()}


def _lifecycle(value: Any) -> Any:
    told: dict[str, Any] = {"Rules": [_rule(rule) for rule in value["Rules"]]}
    return told


def _rule(rule: Body) -> dict[str, Any]:
    """CloudFormation has flat keys where the API has an expiration, a filter and transitions."""
    told = dict(rule)
    expiration = {
        inner: told.pop(outer)
        for outer, inner in (
            ("ExpirationInDays", "Days"),
            ("ExpirationDate", "Date"),
            ("ExpiredObjectDeleteMarker", "ExpiredObjectDeleteMarker"),
        )
        if outer in told
    }
    conditions: dict[str, Any] = {
        key: told.pop(key) for key in ("Prefix", "ObjectSizeGreaterThan", "ObjectSizeLessThan") if key in told
    }
    if "TagFilters" in told:
        conditions["Tags"] = told.pop("TagFilters")
    if "Transitions" in told:
        told["Transitions"] = [
            _renamed(each, {"TransitionInDays": "Days", "TransitionDate": "Date"}) for each in told["Transitions"]
        ]
    if "NoncurrentVersionTransitions" in told:
        names = {"TransitionInDays": "NoncurrentDays"}
        told["NoncurrentVersionTransitions"] = [_renamed(each, names) for each in told["NoncurrentVersionTransitions"]]
    if "NoncurrentVersionExpirationInDays" in told:
        told["NoncurrentVersionExpiration"] = {"NoncurrentDays": told.pop("NoncurrentVersionExpirationInDays")}
    if expiration:
        told["Expiration"] = expiration
    if len(conditions) > 1 or "Tags" in conditions:
        told["Filter"] = {"And": conditions}
    else:
        told["Filter"] = conditions or {"Prefix": ""}
    return told


def _notification(value: Any) -> Any:
    names = {
        "TopicConfigurations": ("TopicConfigurations", "Topic", "TopicArn"),
        "QueueConfigurations": ("QueueConfigurations", "Queue", "QueueArn"),
        "LambdaConfigurations": ("LambdaFunctionConfigurations", "Function", "LambdaFunctionArn"),
    }
    told: dict[str, Any] = {}
    for key, part in value.items():
        if key == "EventBridgeConfiguration":
            told[key] = {}
        elif key in names:
            target, old, new = names[key]
            told[target] = [_event(each, {old: new}) for each in part]
        else:
            raise RefusedError(f"AWS::S3::Bucket: NotificationConfiguration.{key} has no place in the API")
    return told


def _event(told: Body, names: Mapping[str, str]) -> dict[str, Any]:
    found = _renamed(told, names)
    found["Events"] = [found.pop("Event")]
    if "Filter" in found:
        rules = found["Filter"]["S3Key"]["Rules"]
        found["Filter"] = {"Key": {"FilterRules": rules}}
    return found


def _cors(value: Any) -> Any:
    names = {"Id": "ID", "MaxAge": "MaxAgeSeconds", "ExposedHeaders": "ExposeHeaders"}
    return {"CORSRules": [_renamed(rule, names) for rule in value["CorsRules"]]}


def _logging(value: Any) -> Any:
    names = {"DestinationBucketName": "TargetBucket", "LogFilePrefix": "TargetPrefix"}
    return {"LoggingEnabled": {"TargetPrefix": "", **_renamed(value, names)}}


def _website(value: Any) -> Any:
    told = dict(value)
    found: dict[str, Any] = {}
    if "IndexDocument" in told:
        found["IndexDocument"] = {"Suffix": told.pop("IndexDocument")}
    if "ErrorDocument" in told:
        found["ErrorDocument"] = {"Key": told.pop("ErrorDocument")}
    return {**found, **told}


_TAGS = Part(
    Call("PutBucketTagging", ("Tags",), {"Tags": "Tagging.TagSet"}, given={"Bucket": physical}),
    unset=Call("DeleteBucketTagging", given={"Bucket": physical}),
    whole=True,
)


def _optional(operation: str, path: str) -> Read:
    return Read(operation, {"Bucket": physical}, path)


def _domain(form: str) -> Callable[[Context], str]:
    return lambda context: form.format(bucket=context.physical, region=context.api.region)


TYPES = {
    "AWS::S3::Bucket": Type(
        "s3",
        _create,
        takes=("BucketName", "ObjectLockEnabled"),
        name=Name("BucketName", 63, is_lower=True),
        parts=(
            _configuration(
                "OwnershipControls", "PutBucketOwnershipControls", "OwnershipControls", "DeleteBucketOwnershipControls"
            ),
            _configuration(
                "PublicAccessBlockConfiguration",
                "PutPublicAccessBlock",
                "PublicAccessBlockConfiguration",
                "DeletePublicAccessBlock",
            ),
            _configuration(
                "VersioningConfiguration",
                "PutBucketVersioning",
                "VersioningConfiguration",
                none={"Status": "Suspended"},  # versioning that was on can only rest
            ),
            _configuration(
                "BucketEncryption",
                "PutBucketEncryption",
                "ServerSideEncryptionConfiguration",
                "DeleteBucketEncryption",
                _encryption,
            ),
            _configuration(
                "LifecycleConfiguration",
                "PutBucketLifecycleConfiguration",
                "LifecycleConfiguration",
                "DeleteBucketLifecycle",
                _lifecycle,
            ),
            _configuration("CorsConfiguration", "PutBucketCors", "CORSConfiguration", "DeleteBucketCors", _cors),
            _configuration("LoggingConfiguration", "PutBucketLogging", "BucketLoggingStatus", told=_logging, none={}),
            _configuration(
                "WebsiteConfiguration", "PutBucketWebsite", "WebsiteConfiguration", "DeleteBucketWebsite", _website
            ),
            _configuration(
                "NotificationConfiguration",
                "PutBucketNotificationConfiguration",
                "NotificationConfiguration",
                told=_notification,
                none={},
            ),
            _configuration(
                "AccelerateConfiguration",
                "PutBucketAccelerateConfiguration",
                "AccelerateConfiguration",
                told=lambda value: _renamed(value, {"AccelerationStatus": "Status"}),
                none={"Status": "Suspended"},
            ),
            _TAGS,
        ),
        delete=Call("DeleteBucket", given={"Bucket": physical}),  # refused by S3 while something is in it (D5.7)
        reads=(
            Read("ListBuckets", {"Prefix": physical}, "Buckets[0]"),
            _optional("GetBucketOwnershipControls", "OwnershipControls"),
            _optional("GetPublicAccessBlock", "PublicAccessBlockConfiguration"),
            _optional("GetBucketVersioning", "@"),
            _optional("GetBucketEncryption", "ServerSideEncryptionConfiguration"),
            _optional("GetBucketLifecycleConfiguration", "Rules"),
            _optional("GetBucketCors", "@"),
            _optional("GetBucketLogging", "@"),
            _optional("GetBucketWebsite", "@"),
            _optional("GetBucketNotificationConfiguration", "@"),
            _optional("GetBucketTagging", "TagSet"),
        ),
        attributes={
            "Arn": lambda context: f"arn:aws:s3:::{context.physical}",
            "DomainName": _domain("{bucket}.s3.amazonaws.com"),
            "RegionalDomainName": _domain("{bucket}.s3.{region}.amazonaws.com"),
            "DualStackDomainName": _domain("{bucket}.s3.dualstack.{region}.amazonaws.com"),
            "WebsiteURL": _domain("http://{bucket}.s3-website-{region}.amazonaws.com"),
        },
    ),
    "AWS::S3::BucketPolicy": Type(
        "s3",
        Call("PutBucketPolicy", names={"PolicyDocument": "Policy"}),
        "Bucket",
        parts=(
            Part(
                Call("PutBucketPolicy", ("PolicyDocument",), {"PolicyDocument": "Policy"}, given={"Bucket": physical}),
                is_update=True,
            ),
        ),
        delete=Call("DeleteBucketPolicy", given={"Bucket": physical}),
        reads=(Read("GetBucketPolicy", {"Bucket": physical}, "{Bucket: Bucket, PolicyDocument: Policy}"),),
    ),
}
