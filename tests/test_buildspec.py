"""The generated build, run: what it tests, pushes, waits for and hands on, and what stops it (statements 25, 32)."""

from __future__ import annotations

import ast
import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped,unused-ignore]
from buildspec_runner import SHELLS, Answer, Build, Fails, run

from buildspecs import COMPILED, compiled
from cfngen import (
    S3,
    App,
    CodeCommit,
    Container,
    Database,
    Pipeline,
    Service,
    Stack,
    Text,
    application_stack,
    plan,
    stage_files,
)
from cfngen.load import load

PROJECT = Path(__file__).parents[1]
REPOSITORY = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop-orders"
DIGEST = f"sha256:{'0123456789abcdef' * 4}"
REVISION = "arn:aws:ecs:eu-west-1:123456789012:task-definition/shop-dev-orders-migrate:7"
FINDINGS = "aws ecr describe-image-scan-findings"
STATUS = f"{FINDINGS} *imageScanStatus.status*"


def scanned(status: str) -> Mapping[str, Any]:
    return {"imageScanStatus": {"status": status}}


def counted(**counts: int) -> Mapping[str, Any]:
    return {"imageScanFindings": {"findings": [], "findingSeverityCounts": counts}}


ANSWERS: Mapping[str, Answer | Sequence[Answer]] = {
    "docker tests": "tested",
    "docker build *": "built",
    "aws ecr get-login-password": "a token",
    "docker login *": "Login Succeeded",
    "docker push *": "pushed",
    "aws ecr describe-images *": {"imageDetails": [{"imageDigest": DIGEST, "imageTags": ["0123456789ab-42"]}]},
    STATUS: [Fails("ScanNotFoundException"), scanned("PENDING"), scanned("IN_PROGRESS"), scanned("COMPLETE")],
    f"{FINDINGS} *": counted(MEDIUM=2, INFORMATIONAL=5),
    "aws ecs register-task-definition *": {"taskDefinition": {"taskDefinitionArn": REVISION}},
    "sleep *": "",
}
QUICK: Mapping[str, Answer | Sequence[Answer]] = {
    **ANSWERS,
    "aws ecr describe-images *": DIGEST,
    STATUS: "COMPLETE",
    f"{FINDINGS} *": "None\tNone",
    "aws ecs register-task-definition *": REVISION,
}
"""The same without a delay and in the words of the CLI, which saves time."""
ORDERS = Service(
    name="orders",
    migrate=("node", "migrate.js", "--all"),
    environment={"LOOKS": "${STACK_REGION} ${HOME} <b>", "QUEUE": Text.parameter("OrdersQueue")},
)
SHOP = App(
    name="shop",
    services=(ORDERS,),
    database=Database(name="shop", readers=(), writers=("orders",)),
    pipeline=Pipeline(source=CodeCommit(), test_command="docker tests", test_report="junit.xml"),
)
SMALL = replace(SHOP, services=(Service(name="orders"),), database=None)

Builder = Callable[..., Build]


def with_service(app: App = SMALL, **options: Any) -> App:
    return replace(app, services=(replace(app.services[0], **options),))


def with_pipeline(app: App = SMALL, **options: Any) -> App:
    assert app.pipeline
    return replace(app, pipeline=replace(app.pipeline, **options))


_FILES: dict[str, Mapping[str, str]] = {}
_VARIABLES: dict[str, dict[str, str]] = {}


def files_of(app: App) -> Mapping[str, str]:
    """What is generated, once for all builds of an application."""
    return _FILES.get(repr(app)) or _FILES.setdefault(repr(app), stage_files(app))


def variables(app: App) -> dict[str, str]:
    """What the build project of the stack puts into the environment, with values for what only the stack knows."""
    if found := _VARIABLES.get(repr(app)):
        return dict(found)
    root = Stack(app.name)
    application_stack(root, plan(app))
    project = root.templates()["pipeline-orders.yaml"]["Resources"]["BuildProject"]["Properties"]
    names = [each["Name"] for each in project["Environment"]["EnvironmentVariables"]]
    known = {"REPOSITORY_URI": REPOSITORY, "STACK_SUBNETS": "subnet-1,subnet-2", "STACK_SECURITY_GROUP": "sg-1"}
    _VARIABLES[repr(app)] = {name: known.get(name, f"the {name.lower()}") for name in names}
    return dict(_VARIABLES[repr(app)])


@pytest.fixture
def build(tmp_path: Path) -> Builder:
    """Build the service `orders` of an application, once; what is told replaces the usual."""

    def build(
        app: App = SMALL,
        answers: Mapping[str, Answer | Sequence[Answer]] | None = None,
        environment: Mapping[str, str] | None = None,
        shell: str = SHELLS[1],
        sources: Mapping[str, str] | None = None,
    ) -> Build:
        files = files_of(app)
        service = app.service("orders")
        sources = {
            f"{service.source_folder}/Dockerfile": "FROM scratch\n",
            **{f"{app.files}/{name}": text for name, text in files.items()},
            **(sources or {}),
        }
        for name, text in sources.items():
            path = tmp_path / "source" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        given = {
            "CODEBUILD_RESOLVED_SOURCE_VERSION": "0123456789abcdef0123456789abcdef01234567",
            "CODEBUILD_BUILD_NUMBER": "42",
            **variables(app),
            **(environment or {}),
        }
        told = {**QUICK, **(answers or {})}
        text = files["orders/buildspec.yml"]
        return run(text, tmp_path / "source", tmp_path / "build", given, told, shell)

    return build


def nothing_pushed(made: Build) -> bool:
    return not made.called("docker push") and not made.called("docker login") and not made.called("aws ecs")


# What a build that goes well hands on


@pytest.mark.parametrize("shell", SHELLS)
def test_a_build_hands_on_image_task_definition_and_appspec(shell: str, build: Builder, tmp_path: Path) -> None:
    made = build(SHOP, ANSWERS, shell=shell)
    assert not made.failed, made.log
    assert {name: set(files) for name, files in made.artifacts.items()} == {
        "Image": {"imageDetail.json"},
        "Defs": {"taskdef.json", "appspec.yaml"},
    }
    assert json.loads(made.artifacts["Image"]["imageDetail.json"]) == {"ImageURI": f"{REPOSITORY}@{DIGEST}"}
    assert made.exported == {
        "IMAGE_TAG": "0123456789ab-42",
        "IMAGE_DIGEST": DIGEST,
        "MIGRATION_TASK_DEFINITION": REVISION,
    }

    task = json.loads(made.artifacts["Defs"]["taskdef.json"])
    [container] = task["containerDefinitions"]
    assert container["image"] == "<IMAGE1_NAME>"
    assert task["executionRoleArn"] == "the stack_execution_role_arn"
    given = {each["name"]: each["value"] for each in container["environment"]}
    assert given == {
        "DB_HOST": "the stack_db_host",
        "DB_NAME": "shop",
        "DB_PORT": "the stack_db_port",
        "LOOKS": "${STACK_REGION} ${HOME} <b>",  # the user's own text
        "PORT": "8080",
        "QUEUE": "the stack_variable_queue",
    }
    assert {each["name"]: each["valueFrom"] for each in container["secrets"]} == {
        "DB_PASSWORD": "the stack_db_secret_arn:password::",
        "DB_USER": "the stack_db_secret_arn:username::",
    }

    [resource] = yaml.safe_load(made.artifacts["Defs"]["appspec.yaml"])["Resources"]
    told = resource["TargetService"]["Properties"]
    assert told["TaskDefinition"] == "<TASK_DEFINITION>"
    assert told["NetworkConfiguration"]["AwsvpcConfiguration"] == {
        "Subnets": ["subnet-1", "subnet-2"],
        "SecurityGroups": ["sg-1"],
        "AssignPublicIp": "DISABLED",
    }

    [registered] = made.called("aws ecs register-task-definition")
    path = registered.words[registered.words.index("--cli-input-json") + 1]
    migration = json.loads((tmp_path / "source" / path.removeprefix("file://")).read_text(encoding="utf-8"))
    assert migration["containerDefinitions"][0]["image"] == f"{REPOSITORY}@{DIGEST}"
    assert migration["containerDefinitions"][0]["command"] == ["node", "migrate.js", "--all"]
    for text in (*made.artifacts["Defs"].values(), json.dumps({**migration, "containerDefinitions": []})):
        assert not re.search(r"\$\{STACK_", text)


@pytest.mark.parametrize("shell", SHELLS)
def test_the_steps_come_in_their_order(shell: str, build: Builder) -> None:
    made = build(SHOP, ANSWERS, shell=shell)
    steps = [" ".join(call.words[:3]) for call in made.calls if call.words[0] != "sleep"]
    assert [*dict.fromkeys(steps)] == [
        "docker tests",
        "docker build --pull",
        "aws ecr get-login-password",
        "docker login --username",
        f"docker push {REPOSITORY}:0123456789ab-42",
        "aws ecr describe-images",
        "aws ecr describe-image-scan-findings",
        "aws ecs register-task-definition",
    ]
    [login] = made.called("docker login")
    assert login.words[2:] == ("--username", "AWS", "--password-stdin", REPOSITORY.partition("/")[0])
    assert login.stdin == "a token\n"


@pytest.mark.parametrize(
    ("options", "platform", "folder", "context"),
    [
        ({}, "linux/arm64", "services/orders", "services/orders"),
        ({"architecture": "X86_64"}, "linux/amd64", "services/orders", "services/orders"),
        ({"source": "apps/web"}, "linux/arm64", "apps/web", "apps/web"),
        ({"build_context": "."}, "linux/arm64", "services/orders", "."),
        ({"source": "apps/web", "shared": ("lib",), "build_context": "."}, "linux/arm64", "apps/web", "."),
        ({"source": "-odd/1.0"}, "linux/arm64", "./-odd/1.0", "./-odd/1.0"),
    ],
)
def test_the_image_is_built_from_its_folder(
    options: Mapping[str, Any], platform: str, folder: str, context: str, build: Builder, tmp_path: Path
) -> None:
    app = with_pipeline(with_service(**options), test_command="docker tests; pwd > where")
    made = build(app)
    assert not made.failed, made.log
    [call] = made.called("docker build")
    *flags, last = call.words[2:]
    flags.remove("--pull")
    assert dict(zip(flags[::2], flags[1::2], strict=True)) == {
        "--platform": platform,
        "--file": f"{folder}/Dockerfile",
        "--tag": f"{REPOSITORY}:0123456789ab-42",
    }
    assert last == context
    # With attestations the digest would be an index's, which a scan does not look into (E4.1).
    assert 'BUILDX_NO_DEFAULT_ATTESTATIONS="1"' in call.environment
    assert (tmp_path / "source" / folder / "where").read_text(
        encoding="utf-8"
    ) == f"{tmp_path}/source/{folder.removeprefix('./')}\n"
    # What is handed on was not there yet, so that no image has it in it.
    assert made.calls.index(call) < made.calls.index(made.called("docker push")[0])


CACHE = with_service(containers=(Container(name="page-cache", source="services/cache"),))


@pytest.mark.parametrize("shell", SHELLS)
def test_the_image_of_a_further_container_is_built_scanned_and_handed_on(shell: str, build: Builder) -> None:
    made = build(CACHE, shell=shell)
    assert not made.failed, made.log
    own, other = made.called("docker build")
    tag = f"{REPOSITORY}:0123456789ab-42"
    assert (other.words[-2:], other.words[2:5]) == ((f"{tag}-page-cache", "services/cache"), own.words[2:5])
    assert [call.words[-1] for call in made.called("docker push")] == [tag, f"{tag}-page-cache"]
    assert made.calls.index(other) < made.calls.index(made.called("docker push")[0])
    assert len(made.called(FINDINGS)) == 4  # each is waited for, and its findings are counted
    told = json.loads(made.artifacts["Image_page_cache"]["imageDetail.json"])
    assert told == {"ImageURI": f"{REPOSITORY}@{DIGEST}"}


def test_findings_in_a_further_image_stop_the_release(build: Builder) -> None:
    counts = ["None\tNone", "1\tNone"]
    made = build(CACHE, {f"{FINDINGS} *": counts})
    assert made.failed
    assert "42-page-cache counts CRITICAL, HIGH: 1" in made.log


@pytest.mark.parametrize("number", ["1", "43"])
def test_f3_each_build_of_a_commit_has_its_own_tag(number: str, build: Builder) -> None:
    made = build(environment={"CODEBUILD_BUILD_NUMBER": number})
    assert made.exported["IMAGE_TAG"] == f"0123456789ab-{number}"
    assert made.called("docker push")[0].words[-1] == f"{REPOSITORY}:0123456789ab-{number}"


@pytest.mark.parametrize(
    ("version", "tag"), [(".FLQ-scLIcfxSq_jsFJ.szUkmng2Yw6", "s3-FLQscLIcfxSq-42"), ("", "s3--42")]
)
def test_the_version_of_an_object_makes_a_tag_that_docker_takes(version: str, tag: str, build: Builder) -> None:
    made = build(with_pipeline(source=S3()), environment={"CODEBUILD_RESOLVED_SOURCE_VERSION": version})
    assert made.exported["IMAGE_TAG"] == tag
    assert made.called("docker push")[0].words[-1] == f"{REPOSITORY}:{tag}"


# What stops it


FAILING = ["false", "false; true", "false\ntrue", "true && false", "false | cat", "exit 3", 'x="$(exit 1)"\ntrue', "["]


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("command", FAILING)
def test_nothing_is_built_or_pushed_when_a_test_fails(command: str, shell: str, build: Builder) -> None:
    made = build(with_pipeline(test_command=command), shell=shell)
    assert made.failed == "pre_build"
    assert not made.calls
    assert not made.artifacts


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("step", "answer", "is_pushed"),
    [
        ("docker build *", Fails(), False),
        ("aws ecr get-login-password", Fails(), False),  # the login itself would take an empty token here
        ("docker login *", Fails(), False),
        ("docker push *", Fails("denied"), True),
        ("aws ecr describe-images *", Fails("ImageNotFoundException"), True),
        ("aws ecr describe-images *", {"imageDetails": []}, True),
        (STATUS, Fails("AccessDeniedException"), True),
        (f"{FINDINGS} *", Fails("AccessDeniedException"), True),
        (f"{FINDINGS} *", "", True),
        ("aws ecs register-task-definition *", Fails("ClientException"), True),
    ],
)
def test_a_step_that_fails_ends_the_build(
    step: str, answer: Answer, is_pushed: bool, shell: str, build: Builder
) -> None:
    made = build(SHOP, {STATUS: scanned("COMPLETE"), step: answer}, shell=shell)
    assert made.failed == "build"
    assert bool(made.called("docker push")) is is_pushed
    assert not made.artifacts
    assert "MIGRATION_TASK_DEFINITION" not in made.exported
    if step != "aws ecs register-task-definition *":
        assert not made.called("aws ecs")


# The scan (F7)


@pytest.mark.parametrize(
    ("threshold", "counts", "passes"),
    [
        ("HIGH", {}, True),
        ("HIGH", {"MEDIUM": 9, "LOW": 9, "UNDEFINED": 1}, True),
        ("HIGH", {"CRITICAL": 0, "HIGH": 0}, True),
        ("HIGH", {"HIGH": 1}, False),
        ("HIGH", {"CRITICAL": 10}, False),
        ("CRITICAL", {"HIGH": 3}, True),
        ("CRITICAL", {"CRITICAL": 1}, False),
        ("MEDIUM", {"LOW": 1}, True),
        ("MEDIUM", {"MEDIUM": 1}, False),
        ("LOW", {"INFORMATIONAL": 1}, True),
        ("LOW", {"LOW": 1}, False),
    ],
)
def test_f7_findings_at_or_above_the_threshold_stop_the_release(
    threshold: str, counts: Mapping[str, int], passes: bool, build: Builder
) -> None:
    app = with_pipeline(scan_threshold=threshold)
    made = build(app, {STATUS: scanned("COMPLETE"), f"{FINDINGS} *": counted(**counts)})
    if passes:
        assert not made.failed, made.log
        return
    assert made.failed == "build"
    assert f"at or above the threshold {threshold}; nothing is released" in made.log
    assert not made.artifacts


@pytest.mark.parametrize("shell", SHELLS)
def test_f7_findings_stop_the_migration_too(shell: str, build: Builder) -> None:
    made = build(SHOP, {STATUS: scanned("ACTIVE"), f"{FINDINGS} *": counted(HIGH=1)}, shell=shell)
    assert made.failed == "build"
    assert not made.called("aws ecs")


def test_f7_enhanced_scanning_ends_with_active(build: Builder) -> None:
    made = build(answers={STATUS: [scanned("PENDING"), scanned("ACTIVE")]})
    assert not made.failed, made.log
    assert [call.words for call in made.called("sleep")] == [("sleep", "5")]


@pytest.mark.parametrize(
    "status",
    [
        "FAILED",
        "UNSUPPORTED_IMAGE",
        "FINDINGS_UNAVAILABLE",
        "SCAN_ELIGIBILITY_EXPIRED",
        "LIMIT_EXCEEDED",
        "IMAGE_ARCHIVED",
    ],
)
def test_f7_what_could_not_be_scanned_is_not_released(status: str, build: Builder) -> None:
    made = build(answers={STATUS: scanned(status)})
    assert made.failed == "build"
    assert f"ended with {status}" in made.log
    assert len(made.called(FINDINGS)) == 1  # it does not wait for what is over


@pytest.mark.parametrize("shell", SHELLS)
def test_f7_only_a_scan_that_is_not_there_yet_is_waited_for(shell: str, build: Builder) -> None:
    denied = "An error occurred (AccessDeniedException): not authorized to perform: inspector2:ListFindings"
    made = build(answers={STATUS: [Fails("ScanNotFoundException"), Fails(denied), "COMPLETE"]}, shell=shell)
    assert made.failed == "build"
    assert denied in made.log
    assert len(made.called(FINDINGS)) == 2
    assert len(made.called("sleep")) == 1


def test_f7_the_wait_for_a_scan_ends(build: Builder) -> None:
    made = build(answers={STATUS: Fails("ScanNotFoundException: there is no scan")})
    assert made.failed == "build"
    assert "ended with PENDING" in made.log
    assert "there is no scan" in made.log
    waited = sum(int(call.words[1]) for call in made.called("sleep"))
    assert 300 <= waited <= 900
    assert SHOP.pipeline
    assert waited < SHOP.pipeline.build_timeout_minutes * 60


def test_without_a_threshold_nobody_waits_for_the_scan(build: Builder) -> None:
    made = build(with_pipeline(scan_threshold="NONE"), {f"{FINDINGS} *": counted(CRITICAL=9)})
    assert not made.failed, made.log
    assert not made.called(FINDINGS)


# What only the stack knows


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("value", [None, ""])
def test_a_placeholder_that_nobody_knows_stops_the_build(value: str | None, shell: str, build: Builder) -> None:
    folder = "templates/shop/dev/orders"
    text = stage_files(SMALL)["orders/taskdef.json"].replace("${STACK_LOG_GROUP}", "${STACK_LOG_GROUPS}")
    given = {} if value is None else {"STACK_LOG_GROUPS": value}
    made = build(environment=given, shell=shell, sources={f"{folder}/taskdef.json": text})
    assert made.failed == "build"
    assert f"Nothing is known of STACK_LOG_GROUPS in {folder}. Deploy the stack first, then release." in made.log
    assert nothing_pushed(made)
    assert not made.artifacts


def test_every_variable_of_the_project_is_needed(build: Builder) -> None:
    names = sorted(variables(SHOP).keys() - {"REPOSITORY_URI"})
    made = build(SHOP, environment=dict.fromkeys(names, ""))
    assert made.failed == "build"
    assert f"Nothing is known of {', '.join(names)} in " in made.log
    assert nothing_pushed(made)


ODD = [
    'a "quote"',
    "back\\slash \\n",
    "it's",
    "grün 😀",
    "${STACK_REGION}",
    "line\nline",
    "<IMAGE1_NAME>",
    "\\1 \\g<0>",
]


def test_values_are_filled_in_as_they_are(build: Builder) -> None:
    app = with_service(environment={f"V{n}": Text.parameter(f"Value{n}") for n in range(len(ODD))})
    made = build(app, environment={f"STACK_VARIABLE_V{n}": value for n, value in enumerate(ODD)})
    assert not made.failed, made.log
    [container] = json.loads(made.artifacts["Defs"]["taskdef.json"])["containerDefinitions"]
    given = {each["name"]: each["value"] for each in container["environment"]}
    assert [given[f"V{n}"] for n in range(len(ODD))] == ODD


def test_the_image_is_no_placeholder_of_a_service_without_migration(build: Builder) -> None:
    text = stage_files(SMALL)["orders/taskdef.json"].replace("<IMAGE1_NAME>", "${STACK_IMAGE}")
    made = build(sources={"templates/shop/dev/orders/taskdef.json": text})
    assert made.failed == "build"
    assert "Nothing is known of STACK_IMAGE " in made.log


def test_the_sources_own_modules_are_not_taken_for_pythons(build: Builder) -> None:
    made = build(sources=dict.fromkeys(("json.py", "re.py", "os.py", "pathlib.py"), "raise SystemExit('not me')\n"))
    assert not made.failed, made.log


# The texts


SAID = [
    'it\'s "quoted"',
    "key: value # no comment",
    "- dash",
    "{{ braces }} {% raw %} {x}",
    "$HOME `id` $(id) ${STACK_REGION} !",
    "\\ \\n \\u0041 %s",
    "line\nnext line\n\n  indented\n",
    "tab\tand spaces   ",
    "grün 日本 😀",
    "\x7f \x85 \u2028 \u2029 \ufeff \x9b",
    "'",
    "& ! * [a, b] @ ? | >",
]


@pytest.mark.parametrize("shell", SHELLS)
def test_a_test_command_is_run_as_it_was_written(shell: str, build: Builder, tmp_path: Path) -> None:
    command = "\n".join(f"printf %s {shlex.quote(said)} > said-{number}" for number, said in enumerate(SAID))
    made = build(with_pipeline(test_command=command), shell=shell)
    assert not made.failed, made.log
    folder = tmp_path / "source/services/orders"
    assert [(folder / f"said-{number}").read_bytes().decode() for number in range(len(SAID))] == SAID


def test_a_services_own_test_command_wins(build: Builder) -> None:
    made = build(with_service(test_command="docker build --own"))
    assert not made.called("docker tests")
    assert made.calls[0].words == ("docker", "build", "--own")


def test_a_service_may_have_no_tests(build: Builder) -> None:
    app = with_service(test_command="")
    made = build(app)
    assert not made.failed
    assert made.calls[0].words[:2] == ("docker", "build")
    assert "reports" not in yaml.safe_load(stage_files(app)["orders/buildspec.yml"])


def everything() -> dict[str, App]:
    odd = "npm test -- --grep 'it''s: # \"odd\"' && echo \"$HOME\" | cat;\ntrue"
    runtimes = {"nodejs": "22", "python": "3.10"}
    return {
        **{app.stage: app for app in load(PROJECT / "services/coffee.py")},
        "shop": with_pipeline(SHOP, scan_threshold="LOW", test_command=odd, runtimes=runtimes),
        "small": with_pipeline(SMALL, scan_threshold="NONE", test_command="", test_report=""),
        "unusual": with_service(source="-odd/1.0", build_context="."),
    }


APPS = everything()


def test_without_templates_of_ones_own_the_packaged_one_is_rendered_without_jinja2() -> None:
    stale = "buildspecs/buildspec.yml.j2 has changed; run: make buildspecs"
    assert ast.dump(ast.parse(compiled())) == ast.dump(ast.parse(COMPILED.read_text(encoding="utf-8"))), stale


@pytest.mark.parametrize("name", [*APPS, "inference", "php-monolith", "rails-shop"])
def test_jinja2_says_the_same_as_what_was_compiled(name: str, tmp_path: Path) -> None:
    stages = [APPS[name]] if name in APPS else load(PROJECT / f"examples/{name}/cfngen.yaml")
    for app in stages:
        assert stage_files(app, buildspecs=str(tmp_path)) == stage_files(app)


def commands(app: App) -> list[str]:
    found = []
    for service in app.services:
        spec = yaml.safe_load(stage_files(app)[f"{service.name}/buildspec.yml"])
        for body in spec["phases"].values():
            found += body.get("commands", [])
    return found


@pytest.mark.parametrize("name", APPS)
def test_commands_are_good_shell(name: str, tmp_path: Path) -> None:
    files = []
    for number, command in enumerate(dict.fromkeys(commands(APPS[name]))):
        files.append(tmp_path / str(number))
        files[-1].write_text(f"{command}\n", encoding="utf-8")
    shellcheck = str(Path(sys.executable).with_name("shellcheck"))
    for words in (*[[sh, "-n", file] for file in files for sh in ("sh", "bash")], [shellcheck, "--shell=bash", *files]):
        done = subprocess.run(words, capture_output=True, encoding="utf-8", check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("name", APPS)
def test_the_program_in_the_build_is_one_for_the_images_python(name: str) -> None:
    programs = [
        found[1] for each in commands(APPS[name]) if (found := re.search(r"<<'END'\n(.*\n)END\n", each, re.DOTALL))
    ]
    assert len(programs) == len(APPS[name].services)
    for program in programs:
        ast.parse(program, feature_version=(3, 9))


@pytest.mark.parametrize("name", APPS)
def test_what_looks_like_something_else_to_yaml_is_still_a_text(name: str) -> None:
    app = APPS[name]
    assert app.pipeline
    for service in app.services:
        spec = yaml.safe_load(stage_files(app)[f"{service.name}/buildspec.yml"])
        assert spec["phases"].get("install", {}).get("runtime-versions", {}) == app.pipeline.runtimes
        if app.pipeline.test_report:
            report = spec["reports"]["tests"]
            assert report["base-directory"] == service.source_folder
            assert report["files"] == [app.pipeline.test_report]
            assert report["file-format"] == "JUNITXML"


def test_coffees_tests_write_the_report_that_its_build_collects() -> None:
    for app in (APPS["dev"], APPS["prod"]):
        assert app.pipeline
        for service in app.services:
            package = json.loads((PROJECT / service.source_folder / "package.json").read_text(encoding="utf-8"))
            assert f"--test-reporter-destination={app.pipeline.test_report}" in package["scripts"]["test"].split()


def test_the_cli_takes_the_arguments_of_every_call(
    build: Builder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The AWS CLI parses and checks them; instead of sending a call, it hears that all went well."""
    from awscli.clidriver import create_clidriver  # type: ignore[import-untyped,unused-ignore]
    from botocore.awsrequest import AWSResponse

    answered: list[str] = []

    def answer(model: Any, **_: object) -> tuple[AWSResponse, dict[str, Any]]:
        answered.append(model.name)
        return AWSResponse("", 200, {}, None), {"ResponseMetadata": {}}

    def takes(*words: str) -> bool:
        driver = create_clidriver()
        driver.session.register("before-call.*.*", answer)
        return driver.main([*words]) == 0  # type: ignore[no-any-return]

    made = build(SHOP)
    monkeypatch.chdir(tmp_path / "source")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    calls = {call.words[1:] for call in made.called("aws ") if "get-login-password" not in call.words}
    assert len(calls) == 4
    for words in calls:
        assert takes(*words), words
    assert len(answered) == 4
    assert not takes("ecr", "describe-images", "--repository-name", "x", "--image-ids", "tag=x")


# The runner itself


def spec(phases: Mapping[str, Any], files: Sequence[str] = ()) -> str:
    return json.dumps({
        "version": 0.2,
        "env": {"shell": "bash", "exported-variables": ["A", "B"]},
        "phases": phases,
        "artifacts": {"files": list(files)},
    })  # fmt: skip


def play(phases: Mapping[str, Any], tmp_path: Path, shell: str, files: Sequence[str] = ()) -> Build:
    (tmp_path / "source").mkdir()
    return run(spec(phases, files), tmp_path / "source", tmp_path / "build", {}, {"docker *": ""}, shell)


@pytest.mark.parametrize("shell", SHELLS)
def test_the_runner_stops_where_codebuild_does(shell: str, tmp_path: Path) -> None:
    phases = {
        "install": {"commands": ["docker 1", "false\ndocker 2"]},
        "pre_build": {"commands": ["docker 3; exit 7", "docker 4"], "finally": ["docker 5"]},
        "build": {"commands": ["docker 6"], "finally": ["docker 7"]},
        "post_build": {"commands": ["docker 8"]},
    }
    made = play(phases, tmp_path, shell)
    assert made.failed == "pre_build"
    ran = [call.words[1] for call in made.calls]
    assert ran == ["1", "2", "3", "5"]


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("key", [{}, {"on-failure": "ABORT"}])
def test_the_runner_runs_post_build_after_a_failed_build(key: Mapping[str, str], shell: str, tmp_path: Path) -> None:
    phases = {"build": {"commands": ["false", "docker 1"], **key}, "post_build": {"commands": ["docker 2"]}}
    made = play(phases, tmp_path, shell)
    assert made.failed == "build"
    assert [call.words[1] for call in made.calls] == ([] if key else ["2"])


def test_the_runner_loses_what_is_not_exported(tmp_path: Path) -> None:
    phases = {"build": {"commands": ["set -e; cd /; A=1", "B=2; export B", 'false; docker "$PWD"']}}
    made = play(phases, tmp_path, SHELLS[1])
    assert not made.failed
    assert made.exported == {"B": "2"}
    assert made.calls[0].words == ("docker", "/")


@pytest.mark.parametrize("shell", SHELLS)
def test_the_runner_misses_an_artifact(shell: str, tmp_path: Path) -> None:
    made = play({"build": {"commands": ["true"]}}, tmp_path, shell, ["there"])
    assert made.failed == "UPLOAD_ARTIFACTS"
    shutil.rmtree(tmp_path / "source")
    shutil.rmtree(tmp_path / "build")
    made = play({"build": {"commands": ["echo yes > there"]}}, tmp_path, shell, ["there"])
    assert made.artifacts == {"": {"there": "yes\n"}}
