"""`cfngen check`: every shared name broken in every file that has it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from breaking import (
    APPSPEC,
    BALANCERS,
    BOOTSTRAP,
    BUILD,
    BUILD_FILLS_IN,
    BUILDSPEC,
    CONTAINER,
    DEPLOY,
    MIGRATE,
    PIPELINE,
    SECOND,
    SERVICE,
    SOURCE,
    TASKDEF,
    TOLD,
    Edit,
    Files,
    assert_well_told,
    both,
    drop,
    found,
    properties,
    put,
    remove,
    rename,
    stage_of_coffee,
    swap,
)


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
    assert_well_told(told, check, tmp_path)


PLACEHOLDERS = sorted(
    (service, file, placeholder)
    for service in ("customer", "employee")
    for file in ("appspec.yaml", "migrate.taskdef.json", "taskdef.json")
    for placeholder in set(re.findall(r"\$\{(STACK_\w+)\}", stage_of_coffee("dev").get(f"{service}/{file}", "")))
)
VARIABLES = sorted(
    (service, name)
    for service in ("customer", "employee")
    for name in re.findall(r"Name: (STACK_\w+)", stage_of_coffee("dev")[f"pipeline-{service}.yaml"])
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
