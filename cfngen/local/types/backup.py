"""AWS Backup: vaults, plans, and what a plan is for."""

from __future__ import annotations

from typing import Any

from cfngen.local.types.entry import Body, Call, Context, Part, Read, Type, arn, physical, update

_RULE_NAMES = {"TargetBackupVault": "TargetBackupVaultName"}


def _tags(name: str, kind: str) -> Part:
    def put(context: Context) -> None:
        where = context.arn("backup", f"{kind}:{context.physical}")
        old, new = context.old.get(name, {}), context.properties.get(name, {})
        if gone := [key for key in old if key not in new]:
            context.call("backup", "UntagResource", ResourceArn=where, TagKeyList=gone)
        if new:
            context.call("backup", "TagResource", ResourceArn=where, Tags=new)

    return Part(put, (name,), whole=True, is_update=True)


def _plan(properties: Body) -> Body:
    """A plan's rules are called otherwise in templates than in the API."""
    told = dict(properties.get("BackupPlan", {}))
    rules = told.pop("BackupPlanRule", [])
    renamed = [{_RULE_NAMES.get(name, name): value for name, value in rule.items()} for rule in rules]
    return {**properties, "BackupPlan": {**told, "Rules": renamed}}


def _selection(context: Context) -> Body:
    number, _, plan = context.physical.partition("_")
    return {"SelectionId": number, "BackupPlanId": plan}


def _delete_selection(context: Context) -> None:
    context.call("backup", "DeleteBackupSelection", **_selection(context))


def _read_selection(context: Context) -> Any:
    return context.call("backup", "GetBackupSelection", **_selection(context))


def _selection_id(_: Context, told: Body) -> str:
    return f"{told['SelectionId']}_{told['BackupPlanId']}"


TYPES = {
    "AWS::Backup::BackupVault": Type(
        "backup",
        Call("CreateBackupVault"),
        "BackupVaultName",
        parts=(_tags("BackupVaultTags", "backup-vault"),),
        delete=Call("DeleteBackupVault", given={"BackupVaultName": physical}),
        reads=(
            Read("DescribeBackupVault", {"BackupVaultName": physical}),
            Read("ListTags", {"ResourceArn": arn("backup", "backup-vault:{}")}, "{BackupVaultTags: Tags}"),
        ),
        attributes={"BackupVaultArn": "BackupVaultArn", "BackupVaultName": physical},
    ),
    "AWS::Backup::BackupPlan": Type(
        "backup",
        Call("CreateBackupPlan"),
        "BackupPlanId",
        folded=_plan,
        parts=(
            update("UpdateBackupPlan", "BackupPlan", given={"BackupPlanId": physical}),
            _tags("BackupPlanTags", "backup-plan"),
        ),
        delete=Call("DeleteBackupPlan", given={"BackupPlanId": physical}),
        reads=(
            Read("GetBackupPlan", {"BackupPlanId": physical}),
            Read("ListTags", {"ResourceArn": arn("backup", "backup-plan:{}")}, "{BackupPlanTags: Tags}"),
        ),
        attributes={"BackupPlanId": physical, "BackupPlanArn": "BackupPlanArn", "VersionId": "VersionId"},
    ),
    "AWS::Backup::BackupSelection": Type(
        "backup",
        Call("CreateBackupSelection"),
        _selection_id,
        delete=_delete_selection,
        reads=(_read_selection,),
        attributes={"Id": physical, "SelectionId": "SelectionId", "BackupPlanId": "BackupPlanId"},
    ),
}
