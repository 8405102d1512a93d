"""Pushes that start pipelines, and a trigger machine that is asked whether they do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import botocore.session

from cfngen.simulate.machines import Machine, TaskFailedError
from cfngen.simulate.pipelines import Difference

from .conftest import Rendered

PUSHES = {
    "services/customer/app.js": {"customer"},
    "services/customer/views/deep/home.eta": {"customer"},
    "services/employee/migrate.js": {"employee"},
    "services/customer2/app.js": set(),
    "services/customer.md": set(),
    "other/services/customer/app.js": set(),
    "templates/coffee/prod/customer/taskdef.json": {"customer"},
    "templates/coffee/prod/employee/buildspec.yml": {"employee"},
    "templates/coffee/prod/network.yaml": set(),
    "templates/coffee/staging/customer/taskdef.json": set(),
    "services/coffee.py": set(),
    "README.md": set(),
}


def changed(*paths: str) -> list[Difference]:
    return [Difference(path, path) for path in paths]


class Play:
    """A service's trigger machine, and a repository that it asks."""

    def __init__(self, made: Rendered, service: str) -> None:
        self.definition = made.one(f"pipeline-{service}.yaml/Trigger")["Definition"]
        self.pipeline = made.pipeline(service)["Name"]

    def starts(self, *pages: list[Difference], new_branch: bool = False, broken: int = 0) -> bool:
        """Whether a push starts the pipeline; `broken` is how often GetDifferences fails."""
        self.asked: list[dict[str, Any]] = []
        self.started: list[str] = []
        failures = iter(range(broken))

        def differences(given: dict[str, Any]) -> dict[str, Any]:
            accepts("codecommit", "GetDifferences", given)
            self.asked.append(given)
            if next(failures, None) is not None:
                raise TaskFailedError("CodeCommit.CommitDoesNotExistException")
            number = int(given.get("NextToken", 0))
            more = {"NextToken": str(number + 1)} if number + 1 < len(pages) else {}
            return {"Differences": [change.told() for change in pages[number]], **more}

        def start(given: dict[str, Any]) -> dict[str, str]:
            accepts("codepipeline", "StartPipelineExecution", given)
            self.started.append(given["Name"])
            return {"PipelineExecutionId": "0a1b"}

        calls = {
            "aws-sdk:codecommit:getDifferences": differences,
            "aws-sdk:codepipeline:startPipelineExecution": start,
        }
        detail = {
            "event": "referenceCreated" if new_branch else "referenceUpdated",
            "repositoryName": "coffee",
            "referenceType": "branch",
            "referenceName": "main",
            "commitId": "2" * 40,
            **({} if new_branch else {"oldCommitId": "1" * 40}),
        }
        self.machine = Machine(self.definition, calls)
        self.machine.run({"source": "aws.codecommit", "detail": detail})
        assert self.started in ([], [self.pipeline])
        return bool(self.started)


def accepts(service: str, operation: str, given: Mapping[str, Any]) -> None:
    """Assert that an operation of AWS takes these arguments, as Step Functions spells them."""
    shape = botocore.session.get_session().get_service_model(service).operation_model(operation).input_shape
    known = {name.lower() for name in shape.members}
    assert {name.lower() for name in given} <= known
    assert {name.lower() for name in shape.required_members} <= {name.lower() for name in given}
    assert all(name[0].isupper() for name in given)
