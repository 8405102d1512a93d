"""CodePipeline: moto records pipelines well, and executions of which nothing happens."""

from __future__ import annotations

from cfngen.local.types.standins.room import Body, Room, Standins, Through

ROOM = Room("codepipeline")
ROOM.refuses(
    ("RetryStageExecution", "RollbackStage", "StartPipelineExecution"),
    "Nothing runs pipelines here, so none can be started",
)


@ROOM.operation("GetPipelineState")
def _state(_: Standins, arguments: Body, through: Through) -> Body:
    """A pipeline that has never run; moto has no such operation."""
    told = through("codepipeline", "GetPipeline", arguments)["pipeline"]
    stages = [
        {
            "stageName": stage["name"],
            "inboundTransitionState": {"enabled": True},
            "actionStates": [{"actionName": action["name"]} for action in stage["actions"]],
        }
        for stage in told["stages"]
    ]
    return {"pipelineName": told["name"], "pipelineVersion": told["version"], "stageStates": stages}


@ROOM.operation("ListPipelineExecutions")
def _executions(_: Standins, arguments: Body, through: Through) -> Body:
    through("codepipeline", "GetPipeline", {"name": arguments["pipelineName"]})  # is it there?
    return {"pipelineExecutionSummaries": []}
