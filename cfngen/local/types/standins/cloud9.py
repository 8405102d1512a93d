"""Cloud9: moto has none."""

from __future__ import annotations

from cfngen.local.types.standins.room import Body, Room, Standins, Through, pairs

ROOM = Room("cloud9")
ROOM.tags(is_map=False)


@ROOM.operation("CreateEnvironmentEC2")
def _create_environment(self: Standins, arguments: Body, _: Through) -> Body:
    told = dict(arguments)
    tags = told.pop("tags", None)
    made = self.unique(told["name"]).replace("-", "")
    arn = self.arn("cloud9", f"environment:{made}")
    self.records["environment"][made] = {
        "id": made,
        "arn": arn,
        "type": "ec2",
        "connectionType": "CONNECT_SSH",
        "ownerArn": f"arn:aws:iam::{self.account}:root",
        "lifecycle": {"status": "CREATED"},
        "description": "",
        **{name: told[name] for name in ("name", "description", "connectionType", "ownerArn") if name in told},
    }
    self.tags[arn] = pairs(tags)
    return {"environmentId": made}


def _environment(self: Standins, made: str) -> Body:
    return self.find("environment", made, "NotFoundException", f"Environment {made} not found.")


@ROOM.operation("DescribeEnvironments")
def _describe_environments(self: Standins, arguments: Body, _: Through) -> Body:
    return {"environments": [_environment(self, each) for each in arguments["environmentIds"]]}


@ROOM.operation("ListEnvironments")
def _list_environments(self: Standins, _: Body, __: Through) -> Body:
    return {"environmentIds": list(self.records["environment"])}


@ROOM.operation("UpdateEnvironment")
def _update_environment(self: Standins, arguments: Body, _: Through) -> Body:
    told: Body = {name: arguments[name] for name in ("name", "description") if name in arguments}
    _environment(self, arguments["environmentId"]).update(told)
    return {}


@ROOM.operation("DeleteEnvironment")
def _delete_environment(self: Standins, arguments: Body, _: Through) -> Body:
    _environment(self, arguments["environmentId"])
    del self.records["environment"][arguments["environmentId"]]
    return {}
