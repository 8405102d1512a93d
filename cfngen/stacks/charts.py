"""Charts of the dashboard, and the rows of workers and scheduled tasks."""

from __future__ import annotations

from typing import Any

from cfngen.stacks.scheduled import ScheduledOutputs
from cfngen.stacks.worker import WorkerOutputs


def chart(title: str, metrics: list[list[Any]], x: int, y: int, width: int = 5) -> dict[str, Any]:
    """One chart of metrics, whose words in ``${}`` the dashboard fills in."""
    return {
        "type": "metric",
        "x": x,
        "y": y,
        "width": width,
        "height": 6,
        "properties": {
            "title": title,
            "region": "${Region}",
            "view": "timeSeries",
            "stacked": False,
            "period": 60,
            "metrics": metrics,
        },
    }


def worker_row(worker: WorkerOutputs, key: str, y: int, known: dict[str, Any]) -> list[dict[str, Any]]:
    """The tasks of a worker and its queue; what only the deployment knows is added to `known`."""
    known[f"{key}Service"] = worker.ecs_service
    of_service = ["ClusterName", "${Cluster}", "ServiceName", f"${{{key}Service}}"]
    usage = [["AWS/ECS", f"{metric}Utilization", *of_service, {"label": metric}] for metric in ("CPU", "Memory")]
    running = [["ECS/ContainerInsights", "RunningTaskCount", *of_service, {"label": "tasks", "stat": "Average"}]]
    row = [
        chart(f"{worker.name}: running tasks", running, 0, y),
        chart(f"{worker.name}: CPU and memory %", usage, 5, y),
    ]
    if queue := worker.queue:
        known |= {f"{key}Queue": queue.queue_name, f"{key}Dead": queue.dead_letters}
        counted = {"waiting": "ApproximateNumberOfMessagesVisible", "at work": "ApproximateNumberOfMessagesNotVisible"}
        row += [
            chart(
                f"{worker.name}: messages",
                [_of_queue(f"{key}Queue", name, label, "Maximum") for label, name in counted.items()],
                10,
                y,
            ),
            chart(
                f"{worker.name}: age of the oldest message in seconds",
                [_of_queue(f"{key}Queue", "ApproximateAgeOfOldestMessage", "oldest", "Maximum")],
                15,
                y,
            ),
            chart(f"{worker.name}: dead letters", [_dead(f"{key}Dead")], 20, y, width=4),
        ]
    return row


def scheduled_row(task: ScheduledOutputs, key: str, y: int, known: dict[str, Any]) -> list[dict[str, Any]]:
    """The starts of a scheduled task, likewise."""
    known |= {f"{key}Group": task.group, f"{key}Dead": task.dead_letters}
    counted = {
        "starts": "InvocationAttemptCount",
        "refused": "TargetErrorCount",
        "given up": "InvocationDroppedCount",
    }
    starts = [
        ["AWS/Scheduler", name, "ScheduleGroup", f"${{{key}Group}}", {"label": label, "stat": "Sum"}]
        for label, name in counted.items()
    ]
    return [
        chart(f"{task.name}: starts", starts, 0, y, width=10),
        chart(f"{task.name}: dead letters", [_dead(f"{key}Dead")], 10, y),
    ]


def _of_queue(key: str, metric: str, label: str, statistic: str) -> list[Any]:
    return ["AWS/SQS", metric, "QueueName", f"${{{key}}}", {"label": label, "stat": statistic}]


def _dead(key: str) -> list[Any]:
    return _of_queue(key, "ApproximateNumberOfMessagesVisible", "dead letters", "Maximum")
