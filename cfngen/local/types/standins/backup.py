"""AWS Backup: moto keeps vaults, has no selections, changes no plan, and takes no two plans of a name."""

from __future__ import annotations

import copy

from cfngen.local.types.standins.room import ApiError, Body, Room, Standins, Through

ROOM = Room("backup")
_RULE = {
    "ScheduleExpressionTimezone": "Etc/UTC",
    "ScheduleExpression": "cron(0 5 ? * * *)",
    "StartWindowMinutes": 480,
    "CompletionWindowMinutes": 10080,
}
"""What a rule has that does not say otherwise."""


def _missing(what: str) -> str:
    return f"Cannot find {what}"


def _told(document: Body) -> Body:
    return {**document, "Rules": [{**_RULE, **copy.deepcopy(rule)} for rule in document["Rules"]]}


def _check_vaults(document: Body, through: Through) -> None:
    for rule in document["Rules"]:
        through("backup", "DescribeBackupVault", {"BackupVaultName": rule["TargetBackupVaultName"]})


def _plan(self: Standins, made: str) -> Body:
    return self.find("backup plan", made, "ResourceNotFoundException", _missing(f"backup plan {made}"))


@ROOM.operation("CreateBackupPlan")
def _create_plan(self: Standins, arguments: Body, through: Through) -> Body:
    _check_vaults(arguments["BackupPlan"], through)
    made = self.unique("backup plan")
    arn = self.arn("backup", f"backup-plan:{made}")
    self.records["backup plan"][made] = {
        "BackupPlanId": made,
        "BackupPlanArn": arn,
        "VersionId": self.unique(made),
        "BackupPlan": _told(arguments["BackupPlan"]),
    }
    self.tags[arn] = dict(arguments.get("BackupPlanTags", {}))
    return {"BackupPlanId": made, "BackupPlanArn": arn}


@ROOM.operation("UpdateBackupPlan")
def _update_plan(self: Standins, arguments: Body, through: Through) -> Body:
    known = _plan(self, arguments["BackupPlanId"])
    _check_vaults(arguments["BackupPlan"], through)
    known |= {"BackupPlan": _told(arguments["BackupPlan"]), "VersionId": self.unique(known["BackupPlanId"])}
    return {name: known[name] for name in ("BackupPlanId", "BackupPlanArn", "VersionId")}


@ROOM.operation("GetBackupPlan")
def _get_plan(self: Standins, arguments: Body, _: Through) -> Body:
    return copy.deepcopy(_plan(self, arguments["BackupPlanId"]))


@ROOM.operation("ListBackupPlans")
def _list_plans(self: Standins, _: Body, __: Through) -> Body:
    shown = ("BackupPlanId", "BackupPlanArn", "VersionId")
    return {
        "BackupPlansList": [
            {**{name: each[name] for name in shown}, "BackupPlanName": each["BackupPlan"]["BackupPlanName"]}
            for each in self.records["backup plan"].values()
        ]
    }


@ROOM.operation("DeleteBackupPlan")
def _delete_plan(self: Standins, arguments: Body, _: Through) -> Body:
    known = _plan(self, arguments["BackupPlanId"])
    if _selections(self, known["BackupPlanId"]):
        message = "Related backup plan selections must be deleted prior to backup plan deletion"
        raise ApiError("InvalidRequestException", message)
    del self.records["backup plan"][known["BackupPlanId"]]
    return {name: known[name] for name in ("BackupPlanId", "BackupPlanArn", "VersionId")}


def _selections(self: Standins, plan: str) -> list[Body]:
    return [each for each in self.records["backup selection"].values() if each["BackupPlanId"] == plan]


def _selection(self: Standins, arguments: Body) -> Body:
    made = arguments["SelectionId"]
    return self.find("backup selection", made, "ResourceNotFoundException", _missing(f"backup selection {made}"))


@ROOM.operation("CreateBackupSelection")
def _create_selection(self: Standins, arguments: Body, _: Through) -> Body:
    plan, told = _plan(self, arguments["BackupPlanId"])["BackupPlanId"], arguments["BackupSelection"]
    if any(each["BackupSelection"]["SelectionName"] == told["SelectionName"] for each in _selections(self, plan)):
        raise ApiError("AlreadyExistsException", "Backup selection with the same name already exists")
    made = self.unique("backup selection")
    found = {"BackupPlanId": plan, "SelectionId": made, "BackupSelection": copy.deepcopy(told)}
    self.records["backup selection"][made] = found
    return {"BackupPlanId": plan, "SelectionId": made}


@ROOM.operation("GetBackupSelection")
def _get_selection(self: Standins, arguments: Body, _: Through) -> Body:
    return copy.deepcopy(_selection(self, arguments))


@ROOM.operation("ListBackupSelections")
def _list_selections(self: Standins, arguments: Body, _: Through) -> Body:
    found = _selections(self, arguments["BackupPlanId"])
    return {
        "BackupSelectionsList": [
            {
                "SelectionId": each["SelectionId"],
                "BackupPlanId": each["BackupPlanId"],
                "SelectionName": each["BackupSelection"]["SelectionName"],
                "IamRoleArn": each["BackupSelection"]["IamRoleArn"],
            }
            for each in found
        ]
    }


@ROOM.operation("DeleteBackupSelection")
def _delete_selection(self: Standins, arguments: Body, _: Through) -> Body:
    _selection(self, arguments)
    del self.records["backup selection"][arguments["SelectionId"]]
    return {}


@ROOM.operation("DescribeBackupVault")
def _describe_vault(self: Standins, arguments: Body, through: Through) -> Body:
    """The key is told as it was given, and none of a vault that has AWS's."""
    answer = through("backup", "DescribeBackupVault", arguments)
    return {**answer, **self.records["backup vault"].get(arguments["BackupVaultName"], {})}


@ROOM.operation("CreateBackupVault")
def _create_vault(self: Standins, arguments: Body, through: Through) -> Body:
    answer = through("backup", "CreateBackupVault", {**arguments, "BackupVaultTags": {}})
    kept = {name: arguments[name] for name in ("EncryptionKeyArn",) if name in arguments}
    self.records["backup vault"][arguments["BackupVaultName"]] = kept
    self.tags[answer["BackupVaultArn"]] = dict(arguments.get("BackupVaultTags", {}))
    return answer


@ROOM.operation("TagResource")
def _tag(self: Standins, arguments: Body, _: Through) -> Body:
    self.tags[arguments["ResourceArn"]] |= arguments["Tags"]
    return {}


@ROOM.operation("UntagResource")
def _untag(self: Standins, arguments: Body, _: Through) -> Body:
    for key in arguments["TagKeyList"]:
        self.tags[arguments["ResourceArn"]].pop(key, None)
    return {}


@ROOM.operation("ListTags")
def _list_tags(self: Standins, arguments: Body, _: Through) -> Body:
    return {"Tags": dict(self.tags[arguments["ResourceArn"]])}
