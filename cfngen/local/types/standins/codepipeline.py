"""CodePipeline: moto records pipelines well, and executions of which nothing happens. Whoever plays pipelines reports them."""

from __future__ import annotations

import datetime as dt
from typing import Any

from cfngen.local.types.standins.room import ApiError, Body, Room, Standins, Through

ROOM = Room("codepipeline")
ROOM.refuses(
    ("RetryStageExecution", "RollbackStage", "DisableStageTransition"),
    "Nothing does this to pipelines here",
)
_TRIGGERS = {"trigger": "StartPipelineExecution", "detail": "arn:aws:sts::{account}:assumed-role/caller"}


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _pipeline(name: str, through: Through) -> Body:
    found: Body = through("codepipeline", "GetPipeline", {"name": name})["pipeline"]
    return found


def _executions(self: Standins, pipeline: str) -> list[Body]:
    """Of a pipeline, the newest first."""
    return [each for each in reversed(self.records["execution"].values()) if each["pipelineName"] == pipeline]


def _execution(self: Standins, arguments: Body) -> Body:
    name = arguments["pipelineExecutionId"]
    message = f"The execution {name} does not exist"
    return self.find("execution", name, "PipelineExecutionNotFoundException", message)


@ROOM.operation("StartPipelineExecution")
def _start(self: Standins, arguments: Body, through: Through) -> Body:
    self.check_played("pipelines")
    told = _pipeline(arguments["name"], through)
    made = self.unique(f"execution {told['name']}")
    self.records["execution"][made] = {
        "pipelineName": told["name"],
        "pipelineVersion": told.get("version", 1),
        "pipelineExecutionId": made,
        "status": "InProgress",
        "startTime": _now(),
        "lastUpdateTime": _now(),
        "executionMode": told.get("executionMode", "SUPERSEDED"),
        "executionType": "STANDARD",
        "trigger": {
            "triggerType": _TRIGGERS["trigger"],
            "triggerDetail": _TRIGGERS["detail"].format(account=self.account),
        },
        "revisions": [],
        "actions": [],
        "is_taken": False,
    }
    return {"pipelineExecutionId": made}


@ROOM.operation("StopPipelineExecution")
def _stop(self: Standins, arguments: Body, through: Through) -> Body:
    """A person stops an execution: what runs of it ends first, or with `abandon` is left alone."""
    _pipeline(arguments["pipelineName"], through)
    run, is_abandoned = _execution(self, arguments), bool(arguments.get("abandon"))
    if run["status"] == "Stopping" and not is_abandoned:
        raise ApiError("DuplicatedStopRequestException", "The pipeline execution is already in a Stopping state")
    if run["status"] not in ("InProgress", "Stopping"):
        raise ApiError("PipelineExecutionNotStoppableException", f"The execution is {run['status']}")
    run |= {"status": "Stopping", "stop": "abandon" if is_abandoned else "wait", "lastUpdateTime": _now()}
    run |= {"statusSummary": arguments["reason"]} if arguments.get("reason") else {}
    return {"pipelineExecutionId": run["pipelineExecutionId"]}


_SUMMARY = ("pipelineExecutionId", "status", "statusSummary", "startTime", "lastUpdateTime", "trigger", "executionMode")


@ROOM.operation("ListPipelineExecutions")
def _list(self: Standins, arguments: Body, through: Through) -> Body:
    _pipeline(arguments["pipelineName"], through)  # is it there?
    found = [
        {key: each[key] for key in (*_SUMMARY, "executionType") if key in each} | {"sourceRevisions": each["revisions"]}
        for each in _executions(self, arguments["pipelineName"])
    ]
    return {"pipelineExecutionSummaries": found[: arguments.get("maxResults", 100)]}


@ROOM.operation("GetPipelineExecution")
def _get(self: Standins, arguments: Body, through: Through) -> Body:
    _pipeline(arguments["pipelineName"], through)
    told = _execution(self, arguments)
    keys = ("pipelineName", "pipelineVersion", *_SUMMARY, "executionType")
    kept = {key: told[key] for key in keys if key in told and key not in ("startTime", "lastUpdateTime")}
    revisions = [{"name": each["actionName"], "revisionId": each["revisionId"]} for each in told["revisions"]]
    return {"pipelineExecution": {**kept, "artifactRevisions": revisions}}


@ROOM.operation("ListActionExecutions")
def _list_actions(self: Standins, arguments: Body, through: Through) -> Body:
    _pipeline(arguments["pipelineName"], through)
    wanted = arguments.get("filter", {}).get("pipelineExecutionId")
    found = []
    for execution in _executions(self, arguments["pipelineName"]):
        if wanted in (None, execution["pipelineExecutionId"]):
            found += [_action_detail(execution, each) for each in reversed(execution["actions"])]
    return {"actionExecutionDetails": found}


def _action_detail(execution: Body, action: Body) -> Body:
    keys = ("actionExecutionId", "stageName", "actionName", "startTime", "lastUpdateTime", "status")
    result = {
        "externalExecutionId": action.get("externalExecutionId", ""),
        "externalExecutionSummary": action.get("summary", ""),
    }
    if "errorDetails" in action:
        result["errorDetails"] = action["errorDetails"]
    return {
        **{key: action[key] for key in keys},
        "pipelineExecutionId": execution["pipelineExecutionId"],
        "pipelineVersion": execution["pipelineVersion"],
        "input": action["input"],
        "output": {"executionResult": result, **action.get("output", {})},
    }


@ROOM.operation("GetPipelineState")
def _state(self: Standins, arguments: Body, through: Through) -> Body:
    """What each stage and action did last, or that it never ran; moto has no such operation."""
    told = _pipeline(arguments["name"], through)
    executions = _executions(self, told["name"])
    stages = []
    for stage in told["stages"]:
        name = stage["name"]
        of_stage = {"stageName": name, "inboundTransitionState": {"enabled": True}, "actionStates": []}
        for action in stage["actions"]:
            last = _last(executions, name, action["name"])
            of_action: Body = {"actionName": action["name"]}
            if last:
                of_action["latestExecution"] = _latest(last)
            of_stage["actionStates"].append(of_action)
        if run := next((each for each in executions if any(a["stageName"] == name for a in each["actions"])), None):
            of_stage["latestExecution"] = {
                "pipelineExecutionId": run["pipelineExecutionId"],
                "status": _of_stage(stage, run),
                "type": "STANDARD",
            }
        stages.append(of_stage)
    return {"pipelineName": told["name"], "pipelineVersion": told["version"], "stageStates": stages}


def _last(executions: list[Body], stage: str, action: str) -> Body | None:
    every = (each for run in executions for each in run["actions"])
    return next((each for each in every if (each["stageName"], each["actionName"]) == (stage, action)), None)


def _latest(action: Body) -> Body:
    keys = ("actionExecutionId", "status", "summary", "token", "externalExecutionId", "errorDetails")
    return {key: action[key] for key in keys if key in action} | {"lastStatusChange": action["lastUpdateTime"]}


def _of_stage(stage: Body, run: Body) -> str:
    seen = {each["actionName"]: each["status"] for each in run["actions"] if each["stageName"] == stage["name"]}
    if "Failed" in seen.values():
        return "Failed"
    every = all(seen.get(each["name"]) == "Succeeded" for each in stage["actions"])
    return "Succeeded" if every else "InProgress" if run["status"] == "InProgress" else str(run["status"])


@ROOM.operation("PutApprovalResult")
def _approve(self: Standins, arguments: Body, through: Through) -> Body:
    """A person says yes or no, with the token that GetPipelineState gave."""
    _pipeline(arguments["pipelineName"], through)
    place = (arguments["stageName"], arguments["actionName"])
    for run in _executions(self, arguments["pipelineName"]):
        for action in run["actions"]:
            if (action["stageName"], action["actionName"]) != place or "token" not in action:
                continue
            if action["token"] != arguments["token"]:
                raise ApiError("InvalidApprovalTokenException", "The approval token is not that of a pending approval")
            if action["status"] != "InProgress" or "result" in action:
                raise ApiError("ApprovalAlreadyCompletedException", "The approval has been given or refused already")
            action["result"] = dict(arguments["result"])
            return {"approvedAt": _now()}
    raise ApiError("ActionNotFoundException", f"Nobody is asked for an approval by {place[1]} of {place[0]}")


# What CodePipeline itself does, and whoever plays it reports


@ROOM.plays("TakeExecutions")
def _take(self: Standins, _: Body, __: Through) -> Body:
    new = [each for each in self.records["execution"].values() if not each["is_taken"]]
    for each in new:
        each["is_taken"] = True
    return {"executions": [{key: each[key] for key in ("pipelineName", "pipelineExecutionId")} for each in new]}


@ROOM.plays("ReportExecution")
def _report(self: Standins, arguments: Body, _: Through) -> Body:
    """Its status, trigger, or the revisions of its sources; answers whether a person stops it: `wait`, `abandon` or nothing."""
    found = _execution(self, arguments)
    found |= {key: arguments[key] for key in ("status", "statusSummary", "trigger", "revisions") if key in arguments}
    found["lastUpdateTime"] = _now()
    return {"stop": found.get("stop", "")}


@ROOM.plays("ReportAction")
def _report_action(self: Standins, arguments: Body, _: Through) -> Body:
    """An action begins (without an id), goes on or ends; gives its id, and the answer of an approval."""
    run, told = _execution(self, arguments), dict(arguments)
    known: Any = told.pop("actionExecutionId", "")
    del told["pipelineExecutionId"]
    if not known:
        known = self.unique("action")
        run["actions"].append({**told, "actionExecutionId": known, "startTime": _now(), "lastUpdateTime": _now()})
    action = next(each for each in run["actions"] if each["actionExecutionId"] == known)
    if {key: action.get(key) for key in told} != told:
        action |= {**told, "lastUpdateTime": _now()}
    run["lastUpdateTime"] = _now()
    return {"actionExecutionId": known, "result": action.get("result")}
