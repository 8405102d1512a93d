"""Lambda: the code of functions, which moto takes and gives to nobody. Whoever plays hooks asks for it."""

from __future__ import annotations

import base64

from cfngen.local.types.standins.room import Body, Room, Standins, Through

ROOM = Room("lambda")


def _keep(self: Standins, name: str, told: Body, through: Through) -> None:
    code = told.get("ZipFile")
    if code is None and "S3Bucket" in told:
        code = through("s3", "GetObject", {"Bucket": told["S3Bucket"], "Key": told["S3Key"]})["Body"].read()
    if code is not None:
        self.records["code"][name] = {"zip": base64.b64encode(code).decode()}


@ROOM.operation("CreateFunction")
def _create(self: Standins, arguments: Body, through: Through) -> Body:
    answer = through("lambda", "CreateFunction", arguments)
    _keep(self, answer["FunctionName"], arguments["Code"], through)
    return answer


@ROOM.operation("UpdateFunctionCode")
def _update(self: Standins, arguments: Body, through: Through) -> Body:
    answer = through("lambda", "UpdateFunctionCode", arguments)
    _keep(self, answer["FunctionName"], arguments, through)
    return answer


@ROOM.plays("Code")
def _code(self: Standins, arguments: Body, _: Through) -> Body:
    name = arguments["function"]
    return self.find("code", name, "ResourceNotFoundException", f"Function not found: {name}")
