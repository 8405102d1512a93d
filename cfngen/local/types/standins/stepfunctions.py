"""Step Functions: moto records machines well, and executions of which nothing happens. Whoever plays machines reports them."""

from __future__ import annotations

import datetime as dt

from cfngen.local.types.standins.room import Body, Room, Standins, Through

ROOM = Room("stepfunctions")
ROOM.refuses(
    ("StartExecution", "StartSyncExecution", "StopExecution", "RedriveExecution"),
    "Only rules and pipelines start state machines here, and only where somebody plays them",
)
_LISTED = ("executionArn", "stateMachineArn", "name", "status", "startDate", "stopDate")


@ROOM.operation("ListExecutions")
def _list(self: Standins, arguments: Body, through: Through) -> Body:
    """The newest first."""
    machine, wanted = arguments.get("stateMachineArn"), arguments.get("statusFilter")
    through("stepfunctions", "DescribeStateMachine", {"stateMachineArn": machine})  # is it there?
    found = [
        {key: each[key] for key in _LISTED if key in each}
        for each in reversed(self.records["execution of a machine"].values())
        if each["stateMachineArn"] == machine and wanted in (None, each["status"])
    ]
    return {"executions": found}


def _execution(self: Standins, arguments: Body) -> Body:
    arn = arguments["executionArn"]
    message = f"Execution Does Not Exist: '{arn}'"
    return self.find("execution of a machine", arn, "ExecutionDoesNotExist", message)


@ROOM.operation("DescribeExecution")
def _describe(self: Standins, arguments: Body, _: Through) -> Body:
    return {key: value for key, value in _execution(self, arguments).items() if key != "visited"}


@ROOM.operation("GetExecutionHistory")
def _history(self: Standins, arguments: Body, _: Through) -> Body:
    """The states that were entered, between the start and the end."""
    told = _execution(self, arguments)
    start, end = told["startDate"], told.get("stopDate", told["startDate"])
    events: list[Body] = [{"type": "ExecutionStarted", "timestamp": start}]
    events += [
        {"type": f"{kind}StateEntered", "timestamp": start, "stateEnteredEventDetails": {"name": name}}
        for name, kind in told["visited"]
    ]
    if told["status"] == "SUCCEEDED":
        events.append({"type": "ExecutionSucceeded", "timestamp": end})
    elif told["status"] == "FAILED":
        details = {key: told[key] for key in ("error", "cause") if key in told}
        events.append({"type": "ExecutionFailed", "timestamp": end, "executionFailedEventDetails": details})
    return {"events": [{**each, "id": n, "previousEventId": n - 1} for n, each in enumerate(events, 1)]}


@ROOM.plays("BeginExecution")
def _begin(self: Standins, arguments: Body, _: Through) -> Body:
    machine, name = arguments["stateMachineArn"], self.unique("execution of a machine")
    arn = f"{machine.replace(':stateMachine:', ':execution:')}:{name}"
    self.records["execution of a machine"][arn] = {
        "executionArn": arn,
        "stateMachineArn": machine,
        "name": name,
        "status": "RUNNING",
        "input": arguments["input"],
        "startDate": dt.datetime.now(dt.UTC),
        "visited": [],
    }
    return {"executionArn": arn}


@ROOM.plays("EndExecution")
def _end(self: Standins, arguments: Body, _: Through) -> Body:
    """`visited` are pairs of a state and its type; an `error` says that it failed."""
    told = _execution(self, arguments)
    told |= {key: arguments[key] for key in ("output", "error", "cause") if arguments.get(key)}
    told |= {"status": "FAILED" if arguments.get("error") else "SUCCEEDED", "stopDate": dt.datetime.now(dt.UTC)}
    told["visited"] = arguments["visited"]
    return {}
