"""KMS: keys and their aliases."""

from __future__ import annotations

from typing import Any

from cfngen.local.types.entry import Call, Context, Part, Read, Type, arn, physical, property_, tags, update


def _rotation(context: Context) -> None:
    is_on = str(context.properties.get("EnableKeyRotation", False)).lower() == "true"
    if is_on:
        period = context.properties.get("RotationPeriodInDays")
        more = {} if period is None else {"RotationPeriodInDays": period}
        context.call("kms", "EnableKeyRotation", KeyId=context.physical, **more)
    else:
        context.call("kms", "DisableKeyRotation", KeyId=context.physical)


def _enabled(context: Context) -> None:
    is_on = str(context.properties.get("Enabled", True)).lower() == "true"
    context.call("kms", "EnableKey" if is_on else "DisableKey", KeyId=context.physical)


def _alias(context: Context) -> Any:
    there = context.call("kms", "ListAliases")["Aliases"]
    return next((each for each in there if each["AliasName"] == context.physical), None)


TYPES = {
    "AWS::KMS::Key": Type(
        "kms",
        Call("CreateKey", names={"KeyPolicy": "Policy"}),
        "KeyMetadata.KeyId",
        parts=(
            update(
                "PutKeyPolicy",
                "KeyPolicy",
                names={"KeyPolicy": "Policy"},
                given={"KeyId": physical, "PolicyName": "default"},
            ),
            update("UpdateKeyDescription", "Description", given={"KeyId": physical}, absent={"Description": ""}),
            Part(_rotation, ("EnableKeyRotation", "RotationPeriodInDays"), whole=True),
            Part(_enabled, ("Enabled",), whole=True),
            tags("TagResource", "UntagResource", "KeyId"),
        ),
        delete=Call(
            "ScheduleKeyDeletion",
            given={"KeyId": physical, "PendingWindowInDays": property_("PendingWindowInDays", 30)},
        ),
        reads=(
            Read("DescribeKey", {"KeyId": physical}, "KeyMetadata"),
            Read("GetKeyPolicy", {"KeyId": physical, "PolicyName": "default"}, "{KeyPolicy: Policy}"),
            Read(
                "GetKeyRotationStatus",
                {"KeyId": physical},
                "{EnableKeyRotation: KeyRotationEnabled, RotationPeriodInDays: RotationPeriodInDays}",
            ),
            Read("ListResourceTags", {"KeyId": physical}, "Tags[].{Key: TagKey, Value: TagValue}"),
        ),
        attributes={"Arn": "Arn", "KeyId": "KeyId"},
        dropped={"PendingWindowInDays": "is sent when the key is deleted"},
    ),
    "AWS::KMS::Alias": Type(
        "kms",
        Call("CreateAlias"),
        "AliasName",
        parts=(update("UpdateAlias", "TargetKeyId", given={"AliasName": physical}),),
        delete=Call("DeleteAlias", given={"AliasName": physical}),
        reads=(_alias,),
        attributes={"AliasName": physical, "AliasArn": arn("kms", "{}")},
    ),
}
