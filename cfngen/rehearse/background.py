"""What no balancer asks anything, read back from the account: workers with their queues, and scheduled tasks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cfngen.rehearse.account import Account
from cfngen.rehearse.deployed import task_definition

_LEAST_HIDDEN_SECONDS = 2


@dataclass(frozen=True)
class Worker:
    """An ECS service without a balancer; `short` is what people call it, its first container."""

    arn: str
    name: str
    cluster: str
    short: str
    desired: int
    task_definition: str


@dataclass(frozen=True)
class Scheduled:
    """A schedule that starts a task; `family` is that of its revisions, of which each run takes the newest."""

    name: str
    expression: str
    family: str

    def revision(self, account: Account) -> dict[str, Any]:
        """The newest revision."""
        return task_definition(account, self.family)

    def short(self, account: Account) -> str:
        """What people call it: its first container."""
        return str(self.revision(account)["containerDefinitions"][0]["name"])


@dataclass(frozen=True)
class Queue:
    """A queue of SQS with what happens to a message that comes back: after `receives` times it is in `dead_letters`."""

    url: str
    dead_letters: str
    receives: int
    visibility_seconds: int
    is_fifo: bool


def workers(account: Account) -> list[Worker]:
    """Every service that ECS itself releases and that no target group reaches, in the order of their names."""
    ecs = account.client("ecs")
    found = []
    for cluster in account.all("ecs", "list_clusters", "clusterArns"):
        for arn in account.all("ecs", "list_services", "serviceArns", cluster=cluster):
            told = ecs.describe_services(cluster=cluster, services=[arn])["services"][0]
            is_ecs = (told.get("deploymentController") or {}).get("type", "ECS") == "ECS"
            if is_ecs and not told.get("loadBalancers"):
                definition = task_definition(account, told["taskDefinition"])
                short = str(definition["containerDefinitions"][0]["name"])
                found.append(
                    Worker(arn, told["serviceName"], cluster, short, int(told["desiredCount"]), told["taskDefinition"])
                )
    return sorted(found, key=lambda each: each.short)


def scheduled(account: Account) -> list[Scheduled]:
    """Every schedule whose target is a task of ECS, in the order of their families."""
    scheduler, found = account.client("scheduler"), []
    for each in account.all("scheduler", "list_schedules", "Schedules"):
        told = scheduler.get_schedule(Name=each["Name"], GroupName=each["GroupName"])
        if told["State"] == "ENABLED" and (task := told["Target"].get("EcsParameters")):
            family = str(task["TaskDefinitionArn"]).rpartition("task-definition/")[2]
            found.append(Scheduled(told["Name"], told["ScheduleExpression"], family))
    return sorted(found, key=lambda each: each.family)


def queue_of(account: Account, definition: Mapping[str, Any]) -> Queue | None:
    """The queue that a revision names as its own, `QUEUE_URL`; `None` where it has none."""
    variables = definition["containerDefinitions"][0].get("environment") or ()
    url = next((each["value"] for each in variables if each["name"] == "QUEUE_URL"), "")
    if not url:
        return None
    sqs = account.client("sqs")
    told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    policy = json.loads(told.get("RedrivePolicy") or "{}")
    dead = str(policy.get("deadLetterTargetArn", ""))
    place = sqs.get_queue_url(QueueName=dead.rpartition(":")[2])["QueueUrl"] if dead else ""
    return Queue(
        url,
        place,
        int(policy.get("maxReceiveCount", 0)),
        int(told["VisibilityTimeout"]),
        told.get("FifoQueue") == "true",
    )


def hasten(account: Account, speed: float) -> None:
    """Let queues hide messages for shorter than on AWS; before anybody asks them, since who waits for a message keeps to what was so before."""
    sqs = account.client("sqs")
    for url in sqs.list_queues().get("QueueUrls", ()):
        told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])["Attributes"]
        seconds = max(_LEAST_HIDDEN_SECONDS, round(int(told["VisibilityTimeout"]) / speed))
        if seconds < int(told["VisibilityTimeout"]):
            sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": str(seconds)})


def pipeline_of(account: Account, worker: Worker) -> dict[str, Any] | None:
    """The pipeline whose state machine moves a worker; `None` where there is none."""
    for name in [each["name"] for each in account.all("codepipeline", "list_pipelines", "pipelines")]:
        told: dict[str, Any] = account.client("codepipeline").get_pipeline(name=name)["pipeline"]
        for machine in machines(told):
            states = json.loads(
                account.client("stepfunctions").describe_state_machine(stateMachineArn=machine)["definition"]
            )["States"]
            if any(
                (each.get("Arguments") or {}).get("Service") == worker.name
                for each in states.values()
                if isinstance(each.get("Arguments"), dict)
            ):
                return told
    return None


def machines(pipeline: Mapping[str, Any]) -> list[str]:
    """The state machines that a pipeline gives what was built."""
    actions = (action for stage in pipeline["stages"] for action in stage["actions"])
    told = [each.get("configuration") or {} for each in actions if each["actionTypeId"]["provider"] == "StepFunctions"]
    return [each["StateMachineArn"] for each in told if each.get("InputType") == "FilePath"]
