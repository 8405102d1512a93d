"""IAM: roles, policies, instance profiles."""

from __future__ import annotations

from typing import Any

from cfngen.local.types.entry import Call, Context, Name, Part, Read, Type, physical, tags, text, update


def _inline(context: Context) -> None:
    old, new = (
        {each["PolicyName"]: each for each in side.get("Policies", [])} for side in (context.old, context.properties)
    )
    for name in old:
        if name not in new:
            context.call("iam", "DeleteRolePolicy", RoleName=context.physical, PolicyName=name)
    for name, each in new.items():
        if old.get(name) != each:
            context.call(
                "iam",
                "PutRolePolicy",
                RoleName=context.physical,
                PolicyName=name,
                PolicyDocument=each["PolicyDocument"],
            )


def _inline_policies(context: Context) -> Any:
    role = context.physical
    names = context.call("iam", "ListRolePolicies", RoleName=role)["PolicyNames"]
    return [context.call("iam", "GetRolePolicy", RoleName=role, PolicyName=name) for name in names]


def _attached(context: Context) -> None:
    old, new = (side.get("ManagedPolicyArns", []) for side in (context.old, context.properties))
    for each in old:
        if each not in new:
            context.call("iam", "DetachRolePolicy", RoleName=context.physical, PolicyArn=each)
    for each in new:
        if each not in old:
            context.call("iam", "AttachRolePolicy", RoleName=context.physical, PolicyArn=each)


def _delete_role(context: Context) -> None:
    name = context.physical
    for each in context.call("iam", "ListRolePolicies", RoleName=name)["PolicyNames"]:
        context.call("iam", "DeleteRolePolicy", RoleName=name, PolicyName=each)
    for each in context.call("iam", "ListAttachedRolePolicies", RoleName=name)["AttachedPolicies"]:
        context.call("iam", "DetachRolePolicy", RoleName=name, PolicyArn=each["PolicyArn"])
    context.call("iam", "DeleteRole", RoleName=name)


# A policy of its own kind stands in each role, user and group that it names.

_HOLDERS = {"Roles": ("Role", "RoleName"), "Users": ("User", "UserName"), "Groups": ("Group", "GroupName")}


def _put_policy(context: Context) -> None:
    for holders, (kind, key) in _HOLDERS.items():
        old, new = context.old.get(holders, []), context.properties.get(holders, [])
        for each in old:
            if each not in new or context.old["PolicyName"] != context.properties["PolicyName"]:
                context.call("iam", f"Delete{kind}Policy", **{key: each}, PolicyName=context.old["PolicyName"])
        for each in new:
            document = text(context.properties["PolicyDocument"])
            asked: dict[str, Any] = {key: each, "PolicyName": context.properties["PolicyName"]}
            context.call("iam", f"Put{kind}Policy", **asked, PolicyDocument=document)


def _create_policy(context: Context) -> str:
    _put_policy(context)
    return f"{context.resource.stack.replace('/', '-')}-{context.resource.name}"


def _delete_policy(context: Context) -> None:
    for holders, (kind, key) in _HOLDERS.items():
        for each in context.properties.get(holders, []):
            context.call("iam", f"Delete{kind}Policy", **{key: each}, PolicyName=context.properties["PolicyName"])


def _managed_roles(context: Context) -> None:
    old, new = (side.get("Roles", []) for side in (context.old, context.properties))
    for each in old:
        if each not in new:
            context.call("iam", "DetachRolePolicy", RoleName=each, PolicyArn=context.physical)
    for each in new:
        if each not in old:
            context.call("iam", "AttachRolePolicy", RoleName=each, PolicyArn=context.physical)


def _managed_document(context: Context) -> None:
    """A managed policy keeps five versions; the one that is not used any more goes."""
    there = context.call("iam", "ListPolicyVersions", PolicyArn=context.physical)["Versions"]
    document = text(context.properties["PolicyDocument"])
    context.call("iam", "CreatePolicyVersion", PolicyArn=context.physical, PolicyDocument=document, SetAsDefault=True)
    for each in there:
        context.call("iam", "DeletePolicyVersion", PolicyArn=context.physical, VersionId=each["VersionId"])


def _managed_text(context: Context) -> Any:
    told = context.call("iam", "GetPolicy", PolicyArn=context.physical)["Policy"]
    asked = {"PolicyArn": context.physical, "VersionId": told["DefaultVersionId"]}
    return context.call("iam", "GetPolicyVersion", **asked)["PolicyVersion"]


def _delete_managed(context: Context) -> None:
    for each in context.properties.get("Roles", []):
        context.call("iam", "DetachRolePolicy", RoleName=each, PolicyArn=context.physical)
    context.call("iam", "DeletePolicy", PolicyArn=context.physical)


TYPES = {
    "AWS::IAM::Role": Type(
        "iam",
        Call("CreateRole"),
        "Role.RoleName",
        Name("RoleName", 64),
        parts=(
            update(
                "UpdateAssumeRolePolicy",
                "AssumeRolePolicyDocument",
                names={"AssumeRolePolicyDocument": "PolicyDocument"},
                given={"RoleName": physical},
            ),
            update(
                "UpdateRole",
                "Description",
                "MaxSessionDuration",
                given={"RoleName": physical},
                absent={"Description": "", "MaxSessionDuration": 3600},
            ),
            Part(
                Call("PutRolePermissionsBoundary", ("PermissionsBoundary",), given={"RoleName": physical}),
                unset=Call("DeleteRolePermissionsBoundary", given={"RoleName": physical}),
            ),
            Part(_inline, ("Policies",), whole=True),
            Part(_attached, ("ManagedPolicyArns",), whole=True),
            tags("TagRole", "UntagRole", "RoleName"),
        ),
        delete=_delete_role,
        reads=(
            Read("GetRole", {"RoleName": physical}, "Role"),
            _inline_policies,
            Read("ListAttachedRolePolicies", {"RoleName": physical}, "AttachedPolicies"),
        ),
        attributes={"Arn": "Arn", "RoleId": "RoleId"},
    ),
    "AWS::IAM::Policy": Type(
        "iam",
        _create_policy,
        takes=("PolicyName", "PolicyDocument", *_HOLDERS),
        parts=(Part(_put_policy, ("PolicyName", "PolicyDocument", *_HOLDERS), whole=True, is_update=True),),
        delete=_delete_policy,
        reads=(
            Read(
                "GetRolePolicy",
                {
                    "RoleName": lambda context: context.properties["Roles"][0],
                    "PolicyName": lambda context: context.properties["PolicyName"],
                },
                "{PolicyName: PolicyName, PolicyDocument: PolicyDocument, Roles: RoleName}",
            ),
        ),
        attributes={"Id": physical},
    ),
    "AWS::IAM::ManagedPolicy": Type(
        "iam",
        Call("CreatePolicy", names={"ManagedPolicyName": "PolicyName"}),
        "Policy.Arn",
        Name("ManagedPolicyName", 128),
        parts=(
            Part(_managed_document, ("PolicyDocument",), is_update=True),
            Part(_managed_roles, ("Roles",), whole=True),
        ),
        delete=_delete_managed,
        reads=(
            Read("GetPolicy", {"PolicyArn": physical}, "Policy"),
            Read("ListEntitiesForPolicy", {"PolicyArn": physical}),
            _managed_text,
        ),
        attributes={"PolicyArn": physical, "PolicyId": "PolicyId"},
    ),
}
