"""`cfngen check`: every check with a good and a bad example, and every shared name broken in every file that has it."""

from __future__ import annotations

import copy
import json
import os
import pty
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import apps

from cfngen import (
    App,
    Balancer,
    CodeCommit,
    Connection,
    Database,
    Network,
    Pipeline,
    Service,
    checks,
    load,
    stage_files,
    write,
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
def _coffee(stage: str) -> Mapping[str, str]:
    return stage_files(select(load.load(ROOT / "services" / "coffee.py"), stage)[0])


@pytest.fixture
def coffee() -> Files:
    """The files of coffee's dev stage, to be broken."""
    return dict(_coffee("dev"))


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
        data = _data(files[file], file)
        inner = data
        for step in steps[:-1]:
            inner = inner[step]
        changed = value(inner[steps[-1]]) if callable(value) else value
        assert inner.get(steps[-1]) != changed if isinstance(inner, dict) else inner[steps[-1]] != changed
        inner[steps[-1]] = changed
        files[file] = _text(data, file)

    return edit


def drop(file: str, *path: Any) -> Edit:
    def edit(files: Files) -> None:
        data = _data(files[file], file)
        inner = data
        for step in path[:-1]:
            inner = inner[step]
        del inner[path[-1]]
        files[file] = _text(data, file)

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


def _data(text: str, file: str) -> Any:
    return json.loads(text) if file.endswith(".json") else copy.deepcopy(read_yaml(text).data)


def _text(data: Any, file: str) -> str:
    return json.dumps(data, indent=2) + "\n" if file.endswith(".json") else dump(data)


def properties(name: str, *path: Any) -> tuple[Any, ...]:
    return "Resources", name, "Properties", *path


# The shared names, broken in one place at a time. All of them are in employee, which has a migration too.

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


def _wrong(text: str) -> str:
    return f"{text}x"


def _renamed(mapping: dict[str, Any]) -> dict[str, Any]:
    """With another first key."""
    (name, value), *others = mapping.items()
    return {f"{name}x": value, **dict(others)}


MUTANTS: dict[str, tuple[str, Edit]] = {
    "container name: service": ("C301", put(SERVICE, *BALANCERS, "ContainerName", _wrong)),
    "container name: bootstrap": ("C301", put(SERVICE, *BOOTSTRAP, "Name", _wrong)),
    "container name: taskdef": ("C301", put(TASKDEF, *CONTAINER, "name", _wrong)),
    "container name: appspec": ("C301", swap(APPSPEC, "ContainerName: employee", "ContainerName: employe")),
    "port: service": ("C302", put(SERVICE, *BALANCERS, "ContainerPort", 8081)),
    "port: bootstrap": ("C302", put(SERVICE, *BOOTSTRAP, "PortMappings", 0, "ContainerPort", 8081)),
    "port: bootstrap command": ("C302", swap(SERVICE, ".listen(8080)", ".listen(8081)")),
    "port: blue": ("C302", put(SERVICE, *properties("BlueTargetGroup", "Port", 8081))),
    "port: green": ("C302", put(SERVICE, *properties("GreenTargetGroup", "Port", 8081))),
    "port: taskdef": ("C302", put(TASKDEF, *CONTAINER, "portMappings", 0, "containerPort", 8081)),
    "port: appspec": ("C302", swap(APPSPEC, "ContainerPort: 8080", "ContainerPort: 8081")),
    **{
        f"port: {rule} {end}": ("C302", put(SERVICE, *properties(rule, end, 8081)))
        for rule in ("BalancerIngress", "BalancerEgress")
        for end in ("FromPort", "ToPort")
    },
    "port: variable": ("C310", put(TASKDEF, *CONTAINER, "environment", -1, {"name": "PORT", "value": "8081"})),
    "family: bootstrap": ("C303", put(SERVICE, *properties("BootstrapTaskDefinition", "Family", _wrong))),
    "family: taskdef": ("C303", put(TASKDEF, "family", _wrong)),
    "family: migration": ("C303", put(MIGRATE, "family", _wrong)),
    "family: migration's, without suffix": ("C303", put(MIGRATE, "family", "coffee-dev-employee")),
    "family: migration's role": ("C303", swap(PIPELINE, "employee_migrate:*", "employe_migrate:*")),
    "artifact: source, output": ("C304", put(PIPELINE, *SOURCE, "OutputArtifacts", 0, "Name", _wrong)),
    "artifact: build, input": ("C304", put(PIPELINE, *BUILD, "InputArtifacts", 0, "Name", _wrong)),
    "artifact: build, image": ("C304", put(PIPELINE, *BUILD, "OutputArtifacts", 0, "Name", _wrong)),
    "artifact: build, definitions": ("C304", put(PIPELINE, *BUILD, "OutputArtifacts", 1, "Name", _wrong)),
    "artifact: deploy, definitions": ("C304", put(PIPELINE, *DEPLOY, "InputArtifacts", 0, "Name", _wrong)),
    "artifact: deploy, image": ("C304", put(PIPELINE, *DEPLOY, "InputArtifacts", 1, "Name", _wrong)),
    "artifact: deploy, without the image": ("C304", drop(PIPELINE, *DEPLOY, "InputArtifacts", 1)),
    "artifact: buildspec, image": ("C304", put(BUILDSPEC, *SECOND, _renamed)),
    "artifact: buildspec, definitions": ("C304", swap(BUILDSPEC, "    Defs:", "    Definitions:")),
    "artifact: buildspec, a third": ("C304", put(BUILDSPEC, *SECOND, "More", {"files": ["more"]})),
    "artifact: buildspec, imageDetail.json": ("C304", put(BUILDSPEC, *SECOND, "Image", "files", 0, _wrong)),
    "artifact: buildspec, taskdef.json": ("C304", put(BUILDSPEC, *SECOND, "Defs", "files", 0, _wrong)),
    "artifact: buildspec, appspec.yaml": ("C304", put(BUILDSPEC, *SECOND, "Defs", "files", 1, _wrong)),
    **{
        f"artifact: deploy, {key}": ("C304", put(PIPELINE, *TOLD, key, _wrong))
        for key in (
            "AppSpecTemplateArtifact",
            "AppSpecTemplatePath",
            "Image1ArtifactName",
            "TaskDefinitionTemplateArtifact",
            "TaskDefinitionTemplatePath",
        )
    },
    "image placeholder: pipeline": ("C305", put(PIPELINE, *TOLD, "Image1ContainerName", _wrong)),
    "image placeholder: pipeline, with brackets": ("C305", put(PIPELINE, *TOLD, "Image1ContainerName", "<IMAGE1_NAME>")),
    "image placeholder: taskdef": ("C305", put(TASKDEF, *CONTAINER, "image", "<IMAGE_NAME>")),
    "image placeholder: taskdef, an image": ("C305", put(TASKDEF, *CONTAINER, "image", "nginx:1")),
    "placeholder: buildspec, image": ("C306", rename(BUILDSPEC, "export STACK_IMAGE", "export STACK_IMG")),
    "buildspec path: no such file": ("C307", swap(PIPELINE, "employee/buildspec.yml", "employee/buildspec.yaml")),
    "buildspec path: no such folder": ("C307", swap(PIPELINE, "employee/buildspec.yml", "employees/buildspec.yml")),
    "buildspec path: another service": ("C307", swap(PIPELINE, "employee/buildspec.yml", "customer/buildspec.yml")),
    "buildspec path: another stage": ("C307", swap(PIPELINE, "dev/employee/buildspec", "prod/employee/buildspec")),
    "buildspec path: the file is elsewhere": (
        "C307",
        both(lambda files: files.update({"employee/build.yml": files[BUILDSPEC]}), remove(BUILDSPEC)),
    ),
    "buildspec path: its files are another stage's": ("C307", swap(BUILDSPEC, "dev/employee taskdef", "prod/employee taskdef")),
    "buildspec path: not what starts the pipeline": (
        "C307",
swap(PIPELINE, r"dev\/employee)", r"prod\/employee)"),
    ),
    "migration variable: pipeline": ("C308", swap(PIPELINE, "#{Build.MIGRATION_TASK_", "#{Build.MIGRATE_TASK_")),
    "migration variable: namespace used": ("C308", swap(PIPELINE, "#{Build.", "#{Built.")),
    "migration variable: namespace given": ("C308", put(PIPELINE, *BUILD, "Namespace", _wrong)),
    "migration variable: buildspec, exported": ("C308", swap(BUILDSPEC, "- MIGRATION_TASK_DEFINITION\n", "- MIGRATE\n")),
    "migration variable: buildspec, set": ("C308", swap(BUILDSPEC, "- MIGRATION_TASK_DEFINITION=", "- MIGRATION_TASK=")),
    "migration file: registered": ("C311", swap(BUILDSPEC, "/migrate.taskdef.json", "/migration.taskdef.json")),
    "migration file: filled in": ("C311", swap(BUILDSPEC, " migrate.taskdef.json <<", " <<")),
    "migration file: there": ("C004", remove(MIGRATE)),
    "health path: blue": ("C309", put(SERVICE, *properties("BlueTargetGroup", "HealthCheckPath", _wrong))),
    "health path: green": ("C309", put(SERVICE, *properties("GreenTargetGroup", "HealthCheckPath", _wrong))),
    "health path: bootstrap": ("C309", swap(SERVICE, '"/admin/health"', '"/admin/alive"')),
    "repository: project": ("C312", swap(PIPELINE, "Name: REPOSITORY_URI", "Name: REPOSITORY")),
    "repository: buildspec": ("C312", swap(BUILDSPEC, '"${REPOSITORY_URI%%/*}"', '"${REPOSITORY_URL%%/*}"')),
}  # fmt: skip


def test_the_unbroken_stage_has_one_note(tmp_path: Path, coffee: Files) -> None:
    assert [each.check for each in found(tmp_path, coffee)] == ["C402"]


@pytest.mark.parametrize("name", MUTANTS)
def test_a_name_that_is_broken_in_one_file_is_found(name: str, tmp_path: Path, coffee: Files) -> None:
    check, edit = MUTANTS[name]
    edit(coffee)
    told = [each for each in found(tmp_path, coffee) if each.check == check]
    assert told
    _assert_well_told(told, check, tmp_path)


PLACEHOLDERS = sorted(
    (service, file, placeholder)
    for service in ("customer", "employee")
    for file in ("appspec.yaml", "migrate.taskdef.json", "taskdef.json")
    for placeholder in set(re.findall(r"\$\{(STACK_\w+)\}", _coffee("dev").get(f"{service}/{file}", "")))
)
VARIABLES = sorted(
    (service, name)
    for service in ("customer", "employee")
    for name in re.findall(r"Name: (STACK_\w+)", _coffee("dev")[f"pipeline-{service}.yaml"])
)


@pytest.mark.parametrize(("service", "file", "placeholder"), PLACEHOLDERS)
def test_a_placeholder_that_is_misspelt_in_a_file_is_found(
    service: str, file: str, placeholder: str, tmp_path: Path, coffee: Files
) -> None:
    name = f"{service}/{file}"
    rename(name, placeholder, f"{placeholder}X")(coffee)
    broken = found(tmp_path, coffee, BUILD_FILLS_IN)
    assert broken
    for each in broken:
        assert each.file.endswith(name)
        assert f"{placeholder}X" in coffee[name].splitlines()[each.line - 1]
        assert f"did you mean {placeholder!r}?" in each.message


@pytest.mark.parametrize(("service", "variable"), VARIABLES)
def test_a_placeholder_that_the_project_does_not_fill_is_found(
    service: str, variable: str, tmp_path: Path, coffee: Files
) -> None:
    rename(f"pipeline-{service}.yaml", variable, f"{variable}X")(coffee)
    broken = found(tmp_path, coffee, BUILD_FILLS_IN)
    assert broken
    assert all(each.file.rpartition("/")[0].endswith(service) for each in broken)


def test_a_single_wrong_place_is_the_one_that_is_named(tmp_path: Path, coffee: Files) -> None:
    put(SERVICE, *properties("GreenTargetGroup", "Port", 8081))(coffee)
    (finding,) = (each for each in found(tmp_path, coffee) if each.level == "error")
    line = coffee[SERVICE].splitlines()[finding.line - 1]
    assert (line.strip(), finding.path) == ("Port: 8081", "Resources/GreenTargetGroup/Properties/Port")
    assert finding.message == f"container port is 8081; {SERVICE} says 8080"


def test_what_only_the_deployment_knows_is_no_disagreement(tmp_path: Path, coffee: Files) -> None:
    put(SERVICE, *properties("BlueTargetGroup", "HealthCheckPath", {"Ref": "NetworkVpc"}))(coffee)
    assert [each.check for each in found(tmp_path, coffee)] == ["C402"]


def test_further_containers_do_not_matter(tmp_path: Path, coffee: Files) -> None:
    sidecar = {"name": "proxy", "image": "public.ecr.aws/proxy:1", "portMappings": [{"containerPort": 9000}]}
    put(TASKDEF, "containerDefinitions", lambda given: [sidecar, *given])(coffee)
    assert [each.check for each in found(tmp_path, coffee)] == ["C402"]


# Every check of the table, with a bad example beside the unbroken stage, which is good.


def _hook(files: Files) -> None:
    files[APPSPEC] += "Hooks:\n  - AfterAllowTestTrafic: some-function\n"


def _unseen(files: Files) -> None:
    ready = "DeploymentGroup", "BlueGreenDeploymentConfiguration", "DeploymentReadyOption", "ActionOnTimeout"
    put(SERVICE, *properties(*ready, "CONTINUE_DEPLOYMENT"))(files)


def _bulk(number: int) -> dict[str, Any]:
    return {f"Topic{index}": {"Type": "AWS::SNS::Topic"} for index in range(number)}


def _tree(numbers: list[int]) -> Files:
    """A root that nests templates with so many resources."""
    nested = {
        f"Part{index}": {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": f"part{index}.yaml"}}
        for index in range(len(numbers))
    }
    parts = {f"part{index}.yaml": dump({"Resources": _bulk(number)}) for index, number in enumerate(numbers)}
    return {"root.yaml": dump({"Resources": nested}), **parts}


def _balanced(groups: int, rules: int) -> Files:
    """A balancer in one nested stack, and rules in another, which reach its listener through the root."""
    kind = "AWS::ElasticLoadBalancingV2::"
    balancer = {
        "Resources": {
            "Balancer": {"Type": f"{kind}LoadBalancer"},
            "Listener": {"Type": f"{kind}Listener", "Properties": {"LoadBalancerArn": {"Ref": "Balancer"}}},
            "Other": {"Type": f"{kind}LoadBalancer"},
        },
        "Outputs": {"Listener": {"Value": {"Ref": "Listener"}}},
    }
    made: dict[str, Any] = {f"Group{index}": {"Type": f"{kind}TargetGroup"} for index in range(groups)}
    for index in range(rules):
        mine = [{"TargetGroupArn": {"Ref": f"Group{each}"}} for each in range(groups) if each % rules == index]
        told = {"ListenerArn": {"Ref": "Listener"}, "Actions": [{"ForwardConfig": {"TargetGroups": mine}}]}
        made[f"Rule{index}"] = {"Type": f"{kind}ListenerRule", "Properties": told}
    stack = "AWS::CloudFormation::Stack"
    parameters = {"Listener": {"Fn::GetAtt": ["Cluster", "Outputs.Listener"]}}
    root = {
        "Cluster": {"Type": stack, "Properties": {"TemplateURL": "cluster.yaml"}},
        "Shop": {"Type": stack, "Properties": {"TemplateURL": "./shop.yaml", "Parameters": parameters}},
    }
    shop = {"Parameters": {"Listener": {"Type": "String"}}, "Resources": made}
    return {"root.yaml": dump({"Resources": root}), "cluster.yaml": dump(balancer), "shop.yaml": dump(shop)}


def _entries(section: str, number: int) -> Edit:
    return put(CLUSTER, section, {f"Entry{index}": {"Type": "String", "Value": "a"} for index in range(number)})


EXAMPLES: dict[str, list[Edit]] = {
    "C002": [
        add("more.yaml", "Resources:\n  A: 1\n  A: 2\n"),
        add("more.yaml", "Resources: [\n"),
        add("more.yaml", "a: &a [*a]\n"),
        swap(TASKDEF, '"family"', '"cpu": "256", "family"'),
        swap(TASKDEF, '"FARGATE"', '"FARGATE",'),
        swap(APPSPEC, "version: 0.0", "version: 0.0\nversion: 0.0"),
        swap(BUILDSPEC, "version: 0.2", "version: 0.2: 1"),
    ],
    "C003": [remove("database.yaml"), swap("coffee.yaml", "database.yaml", "databases.yaml")],
    "C004": [remove(*names) for names in ([TASKDEF], [APPSPEC], [BUILDSPEC], [PIPELINE], [SERVICE], [MIGRATE])],
    "C201": [put(TASKDEF, *CONTAINER, "portMapping", []), put(MIGRATE, "cpus", "256"), put(TASKDEF, "tags", 0, "Key", "a")],
    "C202": [
        put(TASKDEF, *CONTAINER, "portMappings", 0, "containerPort", "8080"),
        put(TASKDEF, "cpu", 256),
        put(TASKDEF, *CONTAINER, "essential", "true"),
        put(TASKDEF, *CONTAINER, "stopTimeout", True),
        put(TASKDEF, *CONTAINER, "stopTimeout", "${STACK_REGION}"),
        put(TASKDEF, *CONTAINER, "secrets", {}),
        put(TASKDEF, *CONTAINER, "logConfiguration", "options", []),
        put(MIGRATE, "containerDefinitions", 0, None),
    ],
    "C203": [drop(TASKDEF, "family"), drop(TASKDEF, *CONTAINER, "secrets", 0, "valueFrom"), drop(MIGRATE, "containerDefinitions")],
    "C204": [
        put(TASKDEF, "networkMode", "awsvcp"),
        put(TASKDEF, *CONTAINER, "logConfiguration", "logDriver", "awslog"),
        put(TASKDEF, "tags", 0, "value", "50 % more"),
        put(TASKDEF, "tags", 0, "key", ""),
        put(TASKDEF, "tags", 0, "value", "a" * 257),
        put(TASKDEF, "tags", [{"key": f"key{index}", "value": "a"} for index in range(51)]),
    ],
    "C211": [
        _hook,
        swap(APPSPEC, "version: 0.0", "version: 0.1"),
        swap(APPSPEC, "AWS::ECS::Service", "AWS::Lambda::Function"),
        swap(APPSPEC, "ContainerPort: 8080", "ContainerPort: '8080'"),
        swap(APPSPEC, "        LoadBalancerInfo:", "        LoadBalancer:"),
        swap(APPSPEC, "Resources:", "Resource:"),
        swap(APPSPEC, "ContainerName: employee", "ContainerName:"),
    ],
    "C212": [swap(APPSPEC, "<TASK_DEFINITION>", "TASK_DEFINITION"), swap(APPSPEC, "<TASK_DEFINITION>", "employee:7")],
    "C213": [
        swap(APPSPEC, "        CapacityProviderStrategy:\n          - CapacityProvider: FARGATE\n            Base: 0\n            Weight: 1\n", ""),
        swap(APPSPEC, "- CapacityProvider:", "- Provider:"),
        swap(APPSPEC, "Weight: 1", "Weight: one"),
    ],
    "C214": [
        swap(APPSPEC, "            Subnets: [${STACK_SUBNETS}]\n", ""),
        swap(APPSPEC, "            SecurityGroups: [${STACK_SECURITY_GROUP}]\n", ""),
        swap(APPSPEC, "            AssignPublicIp: DISABLED\n", ""),
        swap(APPSPEC, "AssignPublicIp: DISABLED", "AssignPublicIp: false"),
        swap(APPSPEC, "[${STACK_SUBNETS}]", "${STACK_SUBNETS}"),
    ],
    "C221": [swap(BUILDSPEC, "version: 0.2", "version: 0.1"), swap(BUILDSPEC, "version: 0.2\n", "")],
    "C222": [
        swap(BUILDSPEC, "phases:", "phase:"),
        swap(BUILDSPEC, "  pre_build:", "  prebuild:"),
        swap(BUILDSPEC, "  exported-variables:", "  exported-variable:"),
        put(BUILDSPEC, "phases", "build", "command", []),
        put(BUILDSPEC, "phases", "build", "runtime-versions", {}),
        put(BUILDSPEC, *SECOND, "Image", "file", []),
    ],
    "C223": [
        swap(BUILDSPEC, '- docker push "$REPOSITORY_URI:$IMAGE_TAG"', "- echo release: made"),
        swap(BUILDSPEC, '- docker push "$REPOSITORY_URI:$IMAGE_TAG"', "- true"),
        put(BUILDSPEC, "phases", "build", "commands", "make"),
        put(BUILDSPEC, "phases", "build", "finally", [{}]),
    ],
    "C224": [drop(BUILDSPEC, "artifacts", "files"), put(BUILDSPEC, *SECOND, "Image", "files", []), put(BUILDSPEC, *SECOND, "Image", None)],
    "C401": [
        both(_unseen),
        both(drop(SERVICE, *properties("DeploymentGroup", "DeploymentConfigName")), _unseen),
        both(
            put(SERVICE, "Resources", "Config", {"Type": "AWS::CodeDeploy::DeploymentConfig"}),
            put(SERVICE, *properties("DeploymentGroup", "DeploymentConfigName", {"Ref": "Config"})),
            _unseen,
        ),
    ],
    "C403": [drop(SERVICE, "Resources", "DeployRole", "Metadata"), drop(PIPELINE, "Resources", "BuildRole", "Metadata", "Wildcards")],
    "C404": [
        put(TASKDEF, *CONTAINER, "environment", 0, "value", "eu-central-1"),
        put(TASKDEF, *CONTAINER, "environment", 0, "value", "us-gov-west-1a"),
        put(TASKDEF, *CONTAINER, "environment", 0, "value", "123456789012.dkr.ecr.x"),
        put(TASKDEF, "taskRoleArn", "arn:aws:iam::x:role/y"),
        put(TASKDEF, "taskRoleArn", "arn:aws-cn:iam::x:role/y"),
        swap(BUILDSPEC, "docker push", "docker push us-east-1"),
        put(CLUSTER, "Description", "for ap-southeast-2"),
        add("notes.txt", "account 123456789012"),
    ],
    "C405": [put(CLUSTER, "Resources", "A", {"Type": kind}) for kind in ("Custom::Empty", "AWS::CloudFormation::CustomResource")],
    "C406": [
        put(CLUSTER, "Outputs", "A", {"Value": "a", "Export": {"Name": "a"}}),
        put(SERVICE, *properties("BlueTargetGroup", "VpcId", {"Fn::ImportValue": "a"})),
        put(SERVICE, *properties("BlueTargetGroup", "VpcId", {"Fn::GetStackOutput": {"StackName": "a", "OutputName": "b"}})),
    ],
    "C407": [put(CLUSTER, "Transform", "AWS::LanguageExtensions"), put(SERVICE, *properties("BlueTargetGroup", "Tags", [{"Fn::Transform": {"Name": "a"}}]))],
    "C408": [remove(MIGRATE)],
    "C501": [put(CLUSTER, "Resources", _bulk(501))],
    "C502": [_entries(section, 201) for section in ("Parameters", "Outputs", "Mappings")],
    "C503": [put(CLUSTER, "Description", "a" * 1_000_000)],
    "C504": [lambda files: files.update(_tree([499] * 6))],
    "C505": [lambda files: files.update(_balanced(101, 10))],
    "C506": [lambda files: files.update(_balanced(10, 101))],
}  # fmt: skip


@pytest.mark.parametrize(
    ("check", "edit"),
    [pytest.param(name, edit, id=f"{name}-{i}") for name in EXAMPLES for i, edit in enumerate(EXAMPLES[name])],
)
def test_a_bad_example_is_found(check: str, edit: Edit, tmp_path: Path, coffee: Files) -> None:
    edit(coffee)
    bad = [each for each in found(tmp_path, coffee) if each.check == check]
    assert bad
    _assert_well_told(bad, check, tmp_path)


def _assert_well_told(told: list[Finding], check: str, folder: Path) -> None:
    level = next(each.level for each in CHECKS if each.id == check)
    for each in told:
        assert (each.level, each.line > 0, each.message.strip()) == (level, True, each.message)
        assert "\n" not in each.message
        assert each.file.startswith((folder / "stage").as_posix())


def test_every_check_has_a_bad_example_an_id_of_its_own_and_a_source() -> None:
    elsewhere = {"C001", "C100", "C402"}  # the tests named below
    assert {*EXAMPLES, *elsewhere, *(check for check, _ in MUTANTS.values())} == {check.id for check in CHECKS}
    assert len({check.id for check in CHECKS}) == len({check.sentence for check in CHECKS}) == len(CHECKS)
    assert all(check.source for check in CHECKS)
    assert [check.id for check in CHECKS] == sorted(check.id for check in CHECKS)


def test_unencrypted_traffic_is_a_note_and_encrypted_none(tmp_path: Path) -> None:
    assert [(each.check, each.level) for each in found(tmp_path / "dev", _coffee("dev"))] == [("C402", "info")]
    assert found(tmp_path / "prod", _coffee("prod")) == []


@pytest.mark.parametrize("edit", [
    put(SERVICE, *properties("DeploymentGroup", "DeploymentConfigName", "CodeDeployDefault.ECSCanary10Percent5Minutes")),
    lambda files: files.update({APPSPEC: files[APPSPEC] + "Hooks:\n  - AfterAllowTestTraffic: some-function\n"}),
])  # fmt: skip
def test_a_release_that_somebody_sees_first_is_no_warning(edit: Edit, tmp_path: Path, coffee: Files) -> None:
    _unseen(coffee)
    edit(coffee)
    assert [each.check for each in found(tmp_path, coffee)] == ["C402"]


@pytest.mark.parametrize(("check", "files"), [
    ("C501", {"a.yaml": dump({"Resources": _bulk(500)})}),
    ("C503", {"a.yaml": dump({"Resources": {}, "Description": "a" * 999_900})}),
    ("C504", _tree([499, 499, 499, 499, 499])),
    ("C505", _balanced(100, 10)),
    ("C506", _balanced(10, 100)),
])  # fmt: skip
def test_a_limit_may_be_reached(check: str, files: Files, tmp_path: Path) -> None:
    assert check not in {each.check for each in found(tmp_path, files)}


@pytest.mark.parametrize(("files", "message"), [
    (_tree([499] * 5 + [1]), "2,502 where 2,500 is the limit of resources a root with all that it nests"),
    (_balanced(102, 10), "102 where 100 is the limit of target groups a load balancer"),
    (_balanced(7, 150), "150 where 100 is the limit of rules a load balancer, over all its listeners"),
])  # fmt: skip
def test_a_limit_is_told_with_its_number(files: Files, message: str, tmp_path: Path) -> None:
    assert message in {each.message for each in found(tmp_path, files)}


def test_a_balancer_is_found_through_the_tree(tmp_path: Path) -> None:
    (finding,) = (each for each in found(tmp_path, _balanced(101, 2)) if each.check == "C505")
    assert (finding.file.rpartition("/")[2], finding.path) == ("cluster.yaml", "Resources/Balancer")


def test_a_template_nested_twice_counts_twice(tmp_path: Path) -> None:
    files = _tree([490, 490, 490])
    data = _data(files["root.yaml"], "root.yaml")
    data["Resources"] |= {f"Again{name}": body for name, body in data["Resources"].items()}
    files["root.yaml"] = dump(data)
    assert "C504" in {each.check for each in found(tmp_path, files)}


def test_a_template_that_nests_itself_ends(tmp_path: Path) -> None:
    files = _tree([1])
    files["part0.yaml"] = files["root.yaml"]
    found(tmp_path, files)


@pytest.mark.parametrize(("edit", "hint"), [
    (put(TASKDEF, *CONTAINER, "portMapping", []), "unknown key 'portMapping'; did you mean 'portMappings'?"),
    (put(TASKDEF, "networkMode", "awsvcp"), "networkMode is 'awsvcp'; did you mean 'awsvpc'?"),
    (put(TASKDEF, *CONTAINER, "stopTimeout", "30"), "stopTimeout is '30'; a whole number is wanted"),
    (drop(TASKDEF, *CONTAINER, "secrets", 0, "name"), "secrets[0] lacks 'name'"),
    (_hook, "unknown hook 'AfterAllowTestTrafic'; did you mean 'AfterAllowTestTraffic'?"),
    (swap(BUILDSPEC, "  pre_build:", "  prebuild:"), "unknown key 'prebuild'; did you mean 'pre_build'?"),
    (swap(BUILDSPEC, '- docker push "$REPOSITORY_URI:$IMAGE_TAG"', "- echo release: made"), "the colon makes a mapping of the command 'echo release: made'; put it in quotes, or after a |"),
    (swap(PIPELINE, "#{Build.MIGRATION_TASK_", "#{Build.MIGRATIO_TASK_"), "the buildspec does not export 'MIGRATIO_TASK_DEFINITION'; did you mean 'MIGRATION_TASK_DEFINITION'?"),
])  # fmt: skip
def test_a_finding_says_what_would_fit(edit: Edit, hint: str, tmp_path: Path, coffee: Files) -> None:
    edit(coffee)
    assert hint in [each.message for each in found(tmp_path, coffee)]


@pytest.mark.parametrize(
    ("database", "migrate", "finds"),
    [
        (
            {"readers": ("web",)},
            (),
            [("web/taskdef.json", "'web' logs in as a user of the database that nobody makes")],
        ),
        (
            {"writers": ("web",)},
            (),
            [("web/taskdef.json", "'web' logs in as a user of the database that nobody makes")],
        ),
        ({"writers": ("web",)}, ("node", "migrate.js"), []),
        ({}, (), []),
        (None, (), []),
    ],
)
def test_who_makes_the_databases_users(
    database: dict[str, Any] | None, migrate: tuple[str, ...], finds: list[tuple[str, str]], tmp_path: Path
) -> None:
    app = App(
        name="shop",
        services=(Service(name="web", migrate=migrate), Service(name="admin", paths=("/a/*",), health_path="/a/up")),
        database=None if database is None else Database(**database),
        pipeline=Pipeline(source=CodeCommit()),
    )
    told = [each for each in found(tmp_path, stage_files(app)) if each.check == "C408"]
    assert [each.file.removeprefix(f"{tmp_path.as_posix()}/stage/") for each in told] == [file for file, _ in finds]
    for each, (_, says) in zip(told, finds, strict=True):
        assert each.message.startswith(says)
        assert each.line > 1


@settings(max_examples=10)
@given(apps())
def test_what_cfngen_generates_agrees_with_itself(tmp_path_factory: pytest.TempPathFactory, app: Any) -> None:
    ids = {each.check for each in found(tmp_path_factory.mktemp("app"), stage_files(app))}
    # A user may want to release unseen and without HTTPS, and may name a secret by its ARN.
    assert ids <= {"C401", "C402", "C404", "C408"}


@settings(max_examples=50)
@given(st.data())
def test_no_check_fails_on_broken_files(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    files = dict(_coffee("dev"))
    name = data.draw(st.sampled_from(sorted(set(files) - {APPSPEC, "customer/appspec.yaml"})))
    inner = body = _data(files[name], name)
    while True:
        key = data.draw(st.sampled_from(sorted(inner) if isinstance(inner, dict) else range(len(inner))))
        if not inner[key] or not isinstance(inner[key], dict | list) or data.draw(st.integers(0, 4)) == 0:
            break
        inner = inner[key]
    inner[key] = data.draw(
        st.sampled_from([None, "", "text", 0, -1, True, [], {}, [None], {"a": {}}, [[]], {"Ref": 1}, {"Ref": "A"}])
    )
    files[name] = _text(body, name)
    found(tmp_path_factory.mktemp("broken"), files)


# cfn-lint, on small stages, because it takes its time.


def _listener(**more: Any) -> dict[str, Any]:
    action = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}
    told = {"Port": 80, "Protocol": "HTTP", "LoadBalancerArn": {"Ref": "Balancer"}, "DefaultActions": [action], **more}
    return {
        "Parameters": {"Balancer": {"Type": "String"}},
        "Resources": {"Listener": {"Type": "AWS::ElasticLoadBalancingV2::Listener", "Properties": told}},
    }


def _nesting(**parameters: str) -> str:
    told = {"TemplateURL": "child.yaml", "Parameters": parameters}
    kept = {"DeletionPolicy": "Delete", "UpdateReplacePolicy": "Delete"}
    return dump({"Resources": {"Child": {"Type": "AWS::CloudFormation::Stack", **kept, "Properties": told}}})


def test_the_linter_follows_nested_stacks_and_takes_packaging_for_granted(tmp_path: Path) -> None:
    child = dump(_listener())
    good = {"root.yaml": _nesting(Balancer="arn"), "child.yaml": child}
    bad = {"root.yaml": _nesting(Balance="arn"), "child.yaml": child}
    assert found(tmp_path / "good", good, LINT) == []
    assert {each.check for each in found(tmp_path / "bad", bad, LINT)} == {"E3043"}


def test_the_linter_tells_all_its_levels(tmp_path: Path) -> None:
    data = _listener(Protocol="HTP")
    data["Parameters"]["Unused"] = {"Type": "String"}
    data["Resources"]["Queue"] = {"Type": "AWS::SQS::Queue"}
    findings = found(tmp_path, {"a.yaml": dump(data)}, LINT)
    assert {each.check[0]: each.level for each in findings} == {"E": "error", "W": "warning", "I": "info"}
    lines = dump(data).splitlines()
    (wrong,) = (each for each in findings if each.level == "error")
    assert lines[wrong.line - 1].strip() == "Protocol: HTP"
    assert wrong.path == "Resources/Listener/Properties/Protocol"


def test_what_the_linter_says_of_many_regions_is_one_finding(tmp_path: Path) -> None:
    files = {"a.yaml": dump({"Resources": {"A": {"Type": "AWS::Nowhere::Thing"}}})}
    (finding,) = found(tmp_path, files, LINT)
    assert finding.check == "E3006"
    assert all(region in finding.message for region in Connection.regions)


@pytest.mark.parametrize("suffix", ["", ".yaml"])
def test_a_linter_configuration_of_the_place_changes_nothing(
    suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / f".cfnlintrc{suffix}").write_text("ignore_checks: [E]\n")
    assert found(tmp_path, {"a.yaml": dump(_listener(Protocol="HTP"))}, LINT)


def test_the_source_decides_the_regions(tmp_path: Path) -> None:
    def regions(name: str, files: Mapping[str, str]) -> set[str]:
        found(tmp_path / name, files, [])
        return set(checks.generated(tmp_path / name / "stage")[0].regions)

    files = dict(_coffee("dev"))
    assert regions("by commit", files) == set(CodeCommit.regions)
    for service in ("customer", "employee"):
        rename(f"pipeline-{service}.yaml", "CodeCommit", "CodeStarSourceConnection")(files)
    assert regions("by connection", files) == set(Connection.regions)
    assert regions("without", {"a.yaml": "Resources: {}\n"}) == set(Connection.regions)
    assert set(CodeCommit.regions) > set(Connection.regions)


@pytest.mark.parametrize(
    "options",
    [
        {"balancer": Balancer(domain="shop.example.com")},
        {"balancer": Balancer(domain="shop.example.com", https=False)},
        {"cloud9": True},
    ],
    ids=["a domain", "a domain without HTTPS", "an IDE"],
)
def test_what_an_option_adds_is_clean(options: Mapping[str, Any], tmp_path: Path) -> None:
    app = App(name="shop", services=(Service(name="web"),), **options)
    assert [str(each) for each in found(tmp_path, stage_files(app), list(CHECKS)) if each.level != "info"] == []


def test_three_zones_are_not_for_regions_that_have_two(tmp_path: Path) -> None:
    for zones, is_there in ((2, True), (3, False)):
        write(
            {
                tmp_path / f"{zones}": stage_files(
                    App(name="shop", services=(Service(name="web"),), network=Network(zones=zones))
                )
            }
        )
        assert ("us-west-1" in checks.generated(tmp_path / f"{zones}")[0].regions) is is_there


# The command.


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with coffee's description and what was generated from it."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "services").mkdir()
    shutil.copy(ROOT / "services" / "coffee.py", folder / "services")
    _python(folder, "generate")
    return folder


def _python(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cfngen", *arguments], cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(("stage", "notes"), [("dev", ["C402"]), ("prod", [])])
def test_coffee_passes(
    stage: str, notes: list[str], project: Path, cfngen: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    said = cfngen("check", "--stage", stage)
    assert re.findall(r"^\S+:\d+: info (\w+) ", said.out, re.MULTILINE) == notes
    assert (len(said.out.splitlines()), said.status) == (len(notes), 0)
    counted = f"errors: 0, warnings: 0, notes: {len(notes)}"
    assert re.fullmatch(rf"templates/coffee/{stage}; {counted} \([\d.]+ s\)\n", said.err)


def test_a_folder_is_checked_as_it_is_and_told_as_json(tmp_path: Path, project: Path, cfngen: Any) -> None:
    shutil.copytree(project / "templates" / "coffee" / "dev", tmp_path / "coffee" / "dev")
    broken = tmp_path / "coffee" / "dev" / TASKDEF
    broken.write_text(broken.read_text(encoding="utf-8").replace('"family"', '"familie"'), encoding="utf-8")
    said = cfngen("check", tmp_path, "--format", "json")
    findings = json.loads(said.out)
    assert said.status == 1
    assert {each["check"] for each in findings} == {"C201", "C203", "C303", "C402"}
    assert all(list(each) == ["check", "level", "file", "line", "path", "message"] for each in findings)
    assert next(each for each in findings if each["check"] == "C201") == {
        "check": "C201",
        "level": "error",
        "file": broken.as_posix(),
        "line": 2,
        "path": "familie",
        "message": "unknown key 'familie'; did you mean 'family'?",
    }
    assert [each["file"] for each in findings] == sorted(each["file"] for each in findings)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A folder that is soon checked: one note, C402, and a warning, W2001."""
    data = _listener()
    data["Parameters"]["Unused"] = {"Type": "String"}
    folder = tmp_path / "small"
    folder.mkdir()
    (folder / "cluster.yaml").write_text(dump(data))
    return folder


def test_a_warning_fails_unless_it_is_allowed(small: Path, cfngen: Any) -> None:
    plain, allowed = cfngen("check", small), cfngen("check", small, "--allow", "C403", "--allow", "W2001")
    assert (plain.status, allowed.status) == (1, 0)
    assert plain.out == allowed.out
    assert plain.out.splitlines() == sorted(plain.out.splitlines(), key=lambda line: int(line.split(":")[1]))
    assert {line.split()[1] for line in plain.out.splitlines()} == {"warning", "info"}


def test_an_error_fails_beside_an_allowed_warning(small: Path, cfngen: Any) -> None:
    (small / "more.yaml").write_text("Resources: [\n")
    assert cfngen("check", small, "--allow", "W2001").status == 1


@pytest.mark.parametrize(("allow", "hint"), [
    ("E3012", "an error cannot be allowed"),
    ("C301", "an error cannot be allowed"),
    ("W20011", "no check has this id; did you mean 'W2001'?"),
    ("c401", "no check has this id; did you mean 'C401'?"),
])  # fmt: skip
def test_only_a_warning_can_be_allowed(allow: str, hint: str, small: Path, cfngen: Any) -> None:
    said = cfngen("check", small, "--allow", allow)
    assert (said.status, said.out) == (2, "")
    assert f"--allow: {allow!r}; {hint}" in said.err


def test_a_description_whose_folder_is_missing_or_stale_is_told_the_command(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    files, only = _coffee("dev"), [check for check in CHECKS if check.id == "C001"]
    folder = Path("out/coffee/dev")

    def told(number: int) -> list[str]:
        stages = checks.rendered({folder: files}, tmp_path / str(number), "cfngen generate services/coffee.py")
        return [str(each) for each in checks.check(stages, only)]

    run = "run: cfngen generate services/coffee.py"
    assert told(1) == [f"out/coffee/dev:1: error C001 the folder is not there; {run}"]
    shutil.copytree(project / "templates" / "coffee" / "dev", folder)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    assert told(2) == []
    (folder / TASKDEF).write_text("{}")
    (folder / "old.yaml").write_text("")
    assert told(3) == [
        f"out/coffee/dev:1: error C001 the folder is not what the description says ({TASKDEF}, old.yaml); {run}"
    ]


def test_a_stale_folder_fails_the_command(
    project: Path, cfngen: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shutil.copytree(project / "services", tmp_path / "services")
    (tmp_path / "services" / "tiny.py").write_text(
        "from cfngen import App, Balancer, Service\n"
        "app = App(name='tiny', services=(Service(name='web'),), balancer=Balancer(https=False))\n"
    )
    monkeypatch.chdir(tmp_path)
    said = cfngen("check", "services/tiny.py", "--out", "out")
    assert (said.status, re.findall(r"(\w+) C001", said.out)) == (1, ["error"])
    assert said.out.startswith("out/tiny/dev:1: ")
    assert "run: cfngen generate services/tiny.py --out out\n" in said.out
    assert not Path("out").exists()
    assert said.err.count("\n") == 1


@pytest.mark.parametrize(("arguments", "told"), [
    (("nowhere.py",), "there is no such file"),
    (("empty",), "there are no templates in it"),
    (("empty", "--out", "x"), "belongs to APP"),
    (("some", "--stage", "dve"), "no stage in some; did you mean 'dev'?"),
    (("some", "--stage", "prod"), "there are no templates in it"),
    ((), "name the application's description"),
    (("--format", "xml"), "Invalid value for '--format'"),
    (("bad.py",), "assign a tuple of App objects"),
])  # fmt: skip
def test_wrong_input_is_refused(
    arguments: tuple[str, ...], told: str, cfngen: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, text in {"empty/notes.txt": "", "bad.py": "stages = 7\n", "some/dev/a.yaml": "Resources: {}\n"}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    for stage in ("dev", "prod"):
        (tmp_path / "some" / stage).mkdir(exist_ok=True)
        (tmp_path / "some" / stage / "ledger.json").write_text("{}")
    said = cfngen("check", *arguments)
    assert (said.status, said.out) == (2, "")
    assert told in said.err


def test_what_is_wrong_in_any_stage_is_told_at_once(
    cfngen: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.py").write_text(
        "from cfngen import App, Balancer, Service\n"
        "twice = tuple(Service(name=name, paths=('/*',)) for name in ('one', 'two'))\n"
        "stages = tuple(App(name='shop', stage=stage, services=twice) for stage in ('dev', 'prod'))\n"
    )
    said = cfngen("check", "app.py")
    assert (said.status, said.out, said.err.count("claims the same requests")) == (2, "", 1)


def test_hidden_folders_are_nobodys_stages(tmp_path: Path) -> None:
    for folder in ("dev", ".dev.old"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "ledger.json").write_text("{}")
        (tmp_path / folder / "a.yaml").write_text("Resources: {}\n")
    assert [each.name for each in checks.generated(tmp_path)] == [f"{tmp_path}/dev"]


def test_a_file_that_is_no_text_is_a_finding(tmp_path: Path, coffee: Files) -> None:
    found(tmp_path, coffee)
    (tmp_path / "stage" / TASKDEF).write_bytes(b"\xff\xfe")
    findings = checks.check(checks.generated(tmp_path / "stage"), QUICK)
    assert [each.check for each in findings if each.level == "error"] == ["C002"]


def test_a_missing_linter_is_told_with_its_remedy(small: Path) -> None:
    blocked = "import sys; sys.modules['cfnlint'] = None; from cfngen.__main__ import main; main()"
    made = subprocess.run(
        [sys.executable, "-c", blocked, "check", str(small)], capture_output=True, text=True, check=False
    )
    assert (made.returncode, made.stdout) == (2, "")
    assert made.stderr == "error: check needs cfnlint; run: make install, or pip install 'cfngen[check]'\n"


def test_other_commands_do_not_wait_for_the_linter() -> None:
    look = "import sys, cfngen.cli; print({'cfnlint', 'botocore', 'cfngen.checks'} & set(sys.modules))"
    made = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert made.stdout == "set()\n"


@pytest.mark.parametrize("no_colour", [False, True])
def test_a_terminal_gets_colours_and_progress(no_colour: bool, small: Path) -> None:
    outside, inside = pty.openpty()
    environment = {**os.environ, "TERM": "xterm"}
    environment.pop("NO_COLOR", None)
    made = subprocess.Popen(
        [sys.executable, "-m", "cfngen", "check", str(small)],
        stdout=inside,
        stderr=inside,
        env=environment | ({"NO_COLOR": "1"} if no_colour else {}),
    )
    os.close(inside)
    said = b""
    try:
        while part := os.read(outside, 4096):
            said += part
    except OSError:
        pass  # a terminal whose other end is closed ends so
    os.close(outside)
    assert made.wait() == 1
    assert b"1/1 cluster.yaml" in said
    assert (b"\x1b[33mwarning\x1b[0m" in said) is not no_colour
    assert (re.search(rb"\x1b\[[\d;]*m", said) is None) is no_colour
