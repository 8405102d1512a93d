"""One parameter bounds every role that any option makes, and no role may make others that nothing bounds."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from breaking import found

from cfngen import (
    App,
    BackupPlan,
    Canary,
    CodeCommit,
    Database,
    OffHours,
    Pipeline,
    Queue,
    Release,
    ScheduledTask,
    Service,
    SmokeTest,
    Worker,
    WorkerScaling,
    stage_files,
)
from cfngen.checks import CHECKS
from cfngen.load import load
from cfngen.semantics.document import read_yaml

ROOT = Path(__file__).parents[1]
ALL_ROLES = App(
    name="shop",
    services=(
        Service(
            name="web",
            migrate=("migrate",),
            release=Release(strategy=Canary(), smoke_test=SmokeTest(path="/items", host="shop.example.com")),
        ),
    ),
    workers=(Worker(name="mailer", queue=Queue(), scaling=WorkerScaling(messages_per_task=9)),),
    scheduled_tasks=(
        ScheduledTask(name="nightly", schedule="rate(1 day)"),
        ScheduledTask(name="report", schedule="rate(1 day)", image_of="web", command=("report",)),
    ),
    database=Database(writers=("web", "mailer", "report"), backup_plan=BackupPlan()),
    pipeline=Pipeline(source=CodeCommit()),
    off_hours=OffHours(),
)
BOUNDARY = [each for each in CHECKS if each.id == "C409"]


def every_role() -> Iterator[Any]:
    yield pytest.param(ALL_ROLES, id="all-roles")
    for description in (ROOT / "services" / "coffee.py", *sorted((ROOT / "examples").glob("*/cfngen.yaml"))):
        if description.parent.name == "estate":  # fifty services of one kind show no role more
            continue
        *_, last = load(description)
        yield pytest.param(last, id=description.parent.name)


@pytest.mark.parametrize("app", [*every_role()])
def test_every_role_is_bounded_by_the_roots_parameter(app: App, tmp_path: Path) -> None:
    files = stage_files(replace(app, permissions_boundary=True))
    templates = {
        name: read_yaml(text).data for name, text in files.items() if name.endswith(".yaml") and "/" not in name
    }
    roles = {
        f"{name}/{logical}": each.get("Properties", {}).get("PermissionsBoundary")
        for name, template in templates.items()
        for logical, each in template["Resources"].items()
        if each["Type"] == "AWS::IAM::Role"
    }
    assert roles
    assert {place for place, given in roles.items() if given != {"Ref": "PermissionsBoundaryArn"}} == set()
    root = f"{app.name}.yaml"
    for name in {place.partition("/")[0] for place in roles}:
        assert given_to(templates[root], name) == {"Ref": "PermissionsBoundaryArn"}, name
    assert "Default" not in templates[root]["Parameters"]["PermissionsBoundaryArn"]
    assert found(tmp_path, files, BOUNDARY) == []


def given_to(root: Mapping[str, Any], file: str) -> Any:
    """What the root gives a nested stack as the boundary."""
    stacks = [each["Properties"] for each in root["Resources"].values() if each["Type"] == "AWS::CloudFormation::Stack"]
    [stack] = [each for each in stacks if each["TemplateURL"] == file]
    return stack["Parameters"]["PermissionsBoundaryArn"]


def test_roles_are_made_in_one_place() -> None:
    """Which gives each its boundary; a stack function that makes one elsewhere could forget it."""
    makers = [
        f"{path.name}:{node.lineno}"
        for path in sorted((ROOT / "cfngen" / "stacks").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in ("Role", "User")
    ]
    assert [each.partition(":")[0] for each in makers] == ["common.py"]
