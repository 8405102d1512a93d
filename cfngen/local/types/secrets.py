"""Secrets Manager and the Parameter Store."""

from __future__ import annotations

import json

from cfngen.local.types.entry import Call, Context, Name, Part, Read, Type, arn, changed, pairs, physical, tags, update


def _secret(context: Context) -> str:
    told = {
        name: context.properties[name]
        for name in ("Name", "Description", "KmsKeyId", "Type")
        if name in context.properties
    }
    if "ReplicaRegions" in context.properties:
        told["AddReplicaRegions"] = context.properties["ReplicaRegions"]
    return str(context.call("secretsmanager", "CreateSecret", **told, SecretString=_value(context))["ARN"])


def _value(context: Context) -> str:
    wanted = context.properties.get("GenerateSecretString")
    if wanted is None:
        return str(context.properties.get("SecretString", ""))
    rules = {name: value for name, value in wanted.items() if name not in ("SecretStringTemplate", "GenerateStringKey")}
    password = context.call("secretsmanager", "GetRandomPassword", **rules)["RandomPassword"]
    if "SecretStringTemplate" not in wanted:
        return str(password)
    return json.dumps({**json.loads(wanted["SecretStringTemplate"]), wanted["GenerateStringKey"]: password})


def _write_secret(context: Context) -> None:
    """A change of how the secret is generated makes a new one, as on AWS; a description or key leaves it alone."""
    differing = set(changed(context.old, context.properties))
    told = {"Description": context.properties.get("Description", "")}
    if "KmsKeyId" in differing:
        told["KmsKeyId"] = context.properties.get("KmsKeyId", "alias/aws/secretsmanager")
    if differing & {"GenerateSecretString", "SecretString"}:
        told["SecretString"] = _value(context)
    context.call("secretsmanager", "UpdateSecret", SecretId=context.physical, **told)


def _tag_parameter(context: Context) -> None:
    old, new = pairs(context.old.get("Tags")), pairs(context.properties.get("Tags"))
    where = {"ResourceType": "Parameter", "ResourceId": context.physical}
    if gone := [key for key in old if key not in new]:
        context.call("ssm", "RemoveTagsFromResource", **where, TagKeys=gone)
    if new:
        told = [{"Key": key, "Value": value} for key, value in new.items()]
        context.call("ssm", "AddTagsToResource", **where, Tags=told)


_PARAMETER = ("Value", "Type", "Description", "AllowedPattern", "Tier", "Policies", "DataType")

TYPES = {
    "AWS::SecretsManager::Secret": Type(
        "secretsmanager",
        _secret,
        takes=("Name", "Description", "KmsKeyId", "Type", "ReplicaRegions", "SecretString", "GenerateSecretString"),
        name=Name("Name", 500),
        parts=(
            Part(
                _write_secret,
                ("Description", "KmsKeyId", "SecretString", "GenerateSecretString"),
                whole=True,
                is_update=True,
            ),
            tags("TagResource", "UntagResource", "SecretId"),
        ),
        delete=Call("DeleteSecret", given={"SecretId": physical, "ForceDeleteWithoutRecovery": True}),
        reads=(Read("DescribeSecret", {"SecretId": physical}),),
        attributes={"Id": "ARN"},
        unseen={
            "GenerateSecretString": "makes the value, once; no call tells how a value was made",
            "SecretString": "is the value; only GetSecretValue tells it",
        },
    ),
    "AWS::SSM::Parameter": Type(
        "ssm",
        Call("PutParameter"),
        "Name",
        Name("Name", 1011),
        parts=(
            update(
                "PutParameter",
                *_PARAMETER,
                given={"Name": physical, "Overwrite": True},
                absent={"Description": "", "Policies": ""},
            ),
            Part(_tag_parameter, ("Tags",), whole=True),
        ),
        delete=Call("DeleteParameter", given={"Name": physical}),
        reads=(
            Read("DescribeParameters", {"ParameterFilters": [{"Key": "Name", "Values": [physical]}]}, "Parameters[0]"),
            Read("GetParameter", {"Name": physical}, "Parameter"),
            Read("ListTagsForResource", {"ResourceType": "Parameter", "ResourceId": physical}),
        ),
        attributes={
            "Type": lambda context: context.properties["Type"],
            "Value": lambda context: context.properties["Value"],
            "Arn": arn("ssm", "parameter/{}"),
        },
    ),
}
