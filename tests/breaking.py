"""Generated files, and how tests of checks break them in one place."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from cfngen import (
    checks,
    load,
    stage_files,
)
from cfngen._yaml import dump
from cfngen.checks import CHECKS, Finding
from cfngen.load import select
from cfngen.semantics.document import read_yaml

ROOT = Path(__file__).parents[1]
QUICK = [check for check in CHECKS if check.id != "C100"]
LINT, BUILD_FILLS_IN = ([check for check in CHECKS if check.id == name] for name in ("C100", "C306"))

Files = dict[str, str]
Edit = Callable[[Files], None]


@cache
def stage_of_coffee(stage: str) -> Mapping[str, str]:
    return stage_files(select(load.load(ROOT / "services" / "coffee.py"), stage)[0])


def found(folder: Path, files: Mapping[str, str], which: list[checks.Check] = QUICK) -> list[Finding]:
    for name, text in files.items():
        path = folder / "stage" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return checks.check(checks.generated(folder / "stage"), which)


# How tests break files: at a path of a template or JSON file, or in a text.


def put(file: str, *path: Any) -> Edit:
    """Another value, the last of `path`, at a path of a YAML or JSON file; a callable makes it from the old one."""
    *steps, value = path

    def edit(files: Files) -> None:
        data = data_of(files[file], file)
        inner = data
        for step in steps[:-1]:
            inner = inner[step]
        changed = value(inner[steps[-1]]) if callable(value) else value
        assert inner.get(steps[-1]) != changed if isinstance(inner, dict) else inner[steps[-1]] != changed
        inner[steps[-1]] = changed
        files[file] = text_of(data, file)

    return edit


def drop(file: str, *path: Any) -> Edit:
    def edit(files: Files) -> None:
        data = data_of(files[file], file)
        inner = data
        for step in path[:-1]:
            inner = inner[step]
        del inner[path[-1]]
        files[file] = text_of(data, file)

    return edit


def swap(file: str, old: str, new: str) -> Edit:
    """Another text in place of one that stands in the file just once."""

    def edit(files: Files) -> None:
        assert files[file].count(old) == 1, f"{old!r} stands {files[file].count(old)} times in {file}"
        files[file] = files[file].replace(old, new)

    return edit


def rename(file: str, old: str, new: str) -> Edit:
    """Another word wherever it stands in the file."""

    def edit(files: Files) -> None:
        files[file], number = re.subn(rf"\b{re.escape(old)}\b", new, files[file])
        assert number

    return edit


def remove(*names: str) -> Edit:
    def edit(files: Files) -> None:
        for name in names:
            del files[name]

    return edit


def add(file: str, text: str) -> Edit:
    def edit(files: Files) -> None:
        files[file] = text

    return edit


def both(*edits: Edit) -> Edit:
    def edit(files: Files) -> None:
        for each in edits:
            each(files)

    return edit


def data_of(text: str, file: str) -> Any:
    return json.loads(text) if file.endswith(".json") else copy.deepcopy(read_yaml(text).data)


def text_of(data: Any, file: str) -> str:
    return json.dumps(data, indent=2) + "\n" if file.endswith(".json") else dump(data)


def properties(name: str, *path: Any) -> tuple[Any, ...]:
    return "Resources", name, "Properties", *path


SERVICE, PIPELINE, CLUSTER = "service-employee.yaml", "pipeline-employee.yaml", "cluster.yaml"
TASKDEF, MIGRATE = "employee/taskdef.json", "employee/migrate.taskdef.json"
APPSPEC, BUILDSPEC = "employee/appspec.yaml", "employee/buildspec.yml"
CONTAINER = "containerDefinitions", 0
BOOTSTRAP = properties("BootstrapTaskDefinition", "ContainerDefinitions", 0)
BALANCERS = properties("Service", "LoadBalancers", 0)
STAGES = properties("Pipeline", "Stages")
SOURCE, BUILD, MIGRATION, DEPLOY = ((*STAGES, index, "Actions", 0) for index in range(4))
TOLD = (*DEPLOY, "Configuration")
SECOND = "artifacts", "secondary-artifacts"


def listener(**more: Any) -> dict[str, Any]:
    action = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}
    told = {"Port": 80, "Protocol": "HTTP", "LoadBalancerArn": {"Ref": "Balancer"}, "DefaultActions": [action], **more}
    return {
        "Parameters": {"Balancer": {"Type": "String"}},
        "Resources": {"Listener": {"Type": "AWS::ElasticLoadBalancingV2::Listener", "Properties": told}},
    }


def assert_well_told(told: list[Finding], check: str, folder: Path) -> None:
    level = next(each.level for each in CHECKS if each.id == check)
    for each in told:
        assert (each.level, each.line > 0, each.message.strip()) == (level, True, each.message)
        assert "\n" not in each.message
        assert each.file.startswith((folder / "stage").as_posix())
