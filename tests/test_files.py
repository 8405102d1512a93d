"""The files of a service: task definitions that ECS takes, an AppSpec, and whose buildspec they go with."""

from __future__ import annotations

import json
import re
import runpy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import botocore.session
import botocore.validate
import pytest
import yaml  # type: ignore[import-untyped,unused-ignore]
from conftest import Golden, Run
from resolve import Rendering, Symbol, rendered

from cfngen import (
    App,
    Arn,
    Balancer,
    CodeCommit,
    Connection,
    Container,
    Database,
    DescriptionError,
    HealthCheck,
    KeyArn,
    Network,
    Pipeline,
    PolicyArn,
    Release,
    RestartPolicy,
    ScheduledTask,
    Secret,
    SecretArn,
    Service,
    SsmParameter,
    Statement,
    Text,
    Worker,
    stage_files,
)
from cfngen.artifacts.buildspec import environment as templates
from cfngen.artifacts.buildspec import values_of

PROJECT = Path(__file__).parents[1]
COFFEE: tuple[App, ...] = runpy.run_path(str(PROJECT / "services/coffee.py"))["stages"]
WEB = Service(name="web", paths=("/web/*",), health_path="/web/health")
ORDERS = Service(
    name="orders",
    port=9000,
    paths=("/orders/*",),
    health_path="/orders/health",
    source="apps/orders",
    shared=("lib",),
    build_context=".",
    test_command="make test",
    cpu=1024,
    memory_mib=3072,
    architecture="X86_64",
    environment={
        "LOG_LEVEL": "info",
        "FORMAT": Text("json \"lines\" \\ 'grün'"),
        "QUEUE": Text.parameter("OrdersQueue"),
        "LOOKS": "${STACK_REGION} ${HOME}",
        "EMPTY": "",
    },
    secrets={
        "MAIL": Secret(arn=SecretArn.parameter("MailArn"), key="password", encrypted_with=KeyArn.parameter("MailKey")),
        "TOKEN": Secret(arn=SecretArn("arn:aws:secretsmanager:eu-west-1:123456789012:secret:token-AbCdEf")),
    },
    stop_timeout_seconds=60,
    user="65532",
    writable_paths=("/var/cache/app", "/run/app"),
    egress_ports=(443, 5671),
    release=Release(continue_within_minutes=60),
    migrate=("python", "-m", "shop.migrate", "${STACK_IMAGE}"),
)
EVERYTHING = App(
    name="shop",
    stage="prod",
    services=(ORDERS, WEB),
    network=Network(zones=3),
    database=Database(name="shop", writers=("orders",), readers=("web",)),
    pipeline=Pipeline(source=CodeCommit(), approval=True, files="deploy/prod"),
    tags={"Team": "shop", "CostCentre": "7"},
    permissions_boundary=True,
    own_key_for=("logs", "artifacts", "images", "database"),
)
PINNED = f"public.ecr.aws/nginx/nginx:1.27@sha256:{'0123456789abcdef' * 4}"
BESIDE = App(
    name="shop",
    services=(
        Service(
            name="web",
            memory_mib=1024,
            environment={"LEVEL": "info", "MODE": "web"},
            secrets={"TOKEN": Secret(arn=SecretArn.parameter("TokenArn"))},
            writable_paths=("/run/app",),
            containers=(
                Container(
                    name="template-cache",
                    source="services/cache",
                    command=("sh", "-c", "cp -r /templates/* /run/app"),
                    essential=False,
                    writable_paths=("/run/app", "/var/work"),
                ),
                Container(
                    name="proxy",
                    image=PINNED,
                    environment={"UPSTREAM": Text.parameter("UpstreamHost"), "LOOKS": "${STACK_REGION}"},
                    secrets={"KEY": Secret(arn=SecretArn.parameter("ProxyArn"), key="tls")},
                    health_check=HealthCheck(command=("nginx", "-t"), start_period_seconds=10),
                    restart_policy=RestartPolicy(ignored_exit_codes=(143, 0), restart_attempt_period_seconds=60),
                    memory_mib=128,
                    user="101",
                ),
                Container(
                    name="jobs",
                    command=("node", "jobs.js"),
                    environment={"MODE": "jobs"},
                    depends_on={"web": "HEALTHY"},
                ),
            ),
            depends_on={"template-cache": "SUCCESS", "proxy": "HEALTHY"},
            health_check=HealthCheck(command=("CMD-SHELL", "wget -q -O - localhost:8080/health"), retries=5),
            open_files=100_000,
            ephemeral_storage_gib=60,
        ),
    ),
    database=Database(readers=("web",)),
    pipeline=Pipeline(source=Connection(repository="acme/shop")),
)
STAGES = {**{f"coffee {app.stage}": app for app in COFFEE}, "everything": EVERYTHING, "containers": BESIDE}


def with_service(**options: Any) -> App:
    return App(name="shop", services=(replace(WEB, **options),), pipeline=Pipeline(source=CodeCommit()))


def taskdef(app: App, service: str = "web", file: str = "taskdef.json") -> Any:
    return json.loads(stage_files(app)[f"{service}/{file}"])


def container(app: App, service: str = "web", file: str = "taskdef.json") -> Any:
    [only] = taskdef(app, service, file)["containerDefinitions"]
    return only


def environment(body: Mapping[str, Any]) -> dict[str, str]:
    return {each["name"]: each["value"] for each in body["environment"]}


def secrets(body: Mapping[str, Any]) -> dict[str, str]:
    return {each["name"]: each["valueFrom"] for each in body["secrets"]}


def appspec(text: str) -> Any:
    """The target of an AppSpec, as its build fills it in."""
    known = {"STACK_SUBNETS": "subnet-1,subnet-2", "STACK_SECURITY_GROUP": "sg-1"}
    [resource] = yaml.safe_load(re.sub(r"\$\{(\w+)\}", lambda match: known[match[1]], text))["Resources"]
    return resource["TargetService"]["Properties"]


# Task definitions that ECS registers (D3.2)


def refused(body: Mapping[str, Any]) -> list[str]:
    """What RegisterTaskDefinition would not take, by botocore's model, and by rules that stand in no model."""
    operation = botocore.session.get_session().get_service_model("ecs").operation_model("RegisterTaskDefinition")
    shape = operation.input_shape
    report = botocore.validate.ParamValidator().validate(body, shape)
    found = [report.generate_report()] if report.has_errors() else list(_values(shape, body, ""))
    volumes = [each["name"] for each in body["volumes"]]
    all_names = [each["name"] for each in body["containerDefinitions"]]
    found += [f"{name} is there twice" for name in {name for name in all_names if all_names.count(name) > 1}]
    for each in body["containerDefinitions"]:
        names = [given["name"] for key in ("environment", "secrets") for given in each[key]]
        found += [f"{name} is there twice" for name in {name for name in names if names.count(name) > 1}]
        mounted = [mount["sourceVolume"] for mount in each["mountPoints"]]
        found += [f"{name} is no volume" for name in mounted if name not in volumes]
        waits = {wait["containerName"] for wait in each.get("dependsOn", ())}
        found += [f"{name} is no other container" for name in waits - (set(all_names) - {each["name"]})]
    found += [f"{name!r} is no name of a volume" for name in volumes if not re.fullmatch(r"[A-Za-z0-9_-]{1,255}", name)]
    return found + [f"{name} is there twice" for name in {name for name in volumes if volumes.count(name) > 1}]


def _values(shape: Any, value: Any, path: str) -> Iterator[str]:
    """Values that are not in an enum, do not match a pattern or are of a wrong length, which botocore lets pass."""
    if shape.type_name == "structure":
        for key, part in value.items():
            yield from _values(shape.members[key], part, f"{path}.{key}")
    elif shape.type_name == "list":
        for part in value:
            yield from _values(shape.member, part, f"{path}[]")
    elif shape.type_name == "map":
        for part in value.values():
            yield from _values(shape.value, part, f"{path}.*")
    elif shape.type_name == "string":
        rules = shape.metadata
        pattern = rules.get("pattern", ".*").replace(r"\p{L}\p{Z}\p{N}", r"\w\s")
        fits = not shape.enum or value in shape.enum
        fits = fits and bool(re.fullmatch(pattern, value, re.DOTALL))
        if not fits or not rules.get("min", 0) <= len(value) <= rules.get("max", 1_000_000):
            yield f"{path}: {value!r}"


def filled(text: str) -> Any:
    return json.loads(re.sub(r"\$\{STACK_\w+\}", "filled-in", text))


def definitions() -> list[tuple[str, str]]:
    return [
        (stage, file) for stage, app in STAGES.items() for file in stage_files(app) if file.endswith("taskdef.json")
    ]


@pytest.mark.parametrize(("stage", "file"), definitions())
def test_d3_2_ecs_takes_every_task_definition(stage: str, file: str) -> None:
    assert refused(filled(stage_files(STAGES[stage])[file])) == []


def _put(*path: Any, value: Any) -> Callable[[Any], None]:
    def put(body: Any) -> None:
        for step in path[:-1]:
            body = body[step]
        body[path[-1]] = value

    return put


ONLY = ("containerDefinitions", 0)


@pytest.mark.parametrize(
    "put",
    [
        _put("networkMode", value="awsVpc"),
        _put("runtimePlatform", "cpuArchitecture", value="ARM"),
        _put("requiresCompatibilities", 0, value="fargate"),
        _put(*ONLY, "logConfiguration", "logDriver", value="awslog"),
        _put("tags", 0, "value", value="a<b"),
        _put("tags", 0, "key", value=""),
        _put(*ONLY, "essential", value="yes"),
        _put(*ONLY, "stopTimeOut", value=3),
        _put(*ONLY, "mountPoints", 0, "sourceVolume", value="other"),
        _put("volumes", 0, "name", value="a b"),
        _put("volumes", 1, "name", value="run-app"),
        _put(*ONLY, "environment", 0, "name", value="MAIL"),
    ],
)
def test_ecs_would_refuse_these(put: Callable[[Any], None]) -> None:
    body = taskdef(EVERYTHING, "orders")
    put(body)
    assert refused(body)


def test_the_files_of_everything(golden: Golden) -> None:
    files = stage_files(EVERYTHING, source="services/shop.py")
    names = ("taskdef.json", "migrate.taskdef.json", "appspec.yaml")
    golden("files", {name: files[f"orders/{name}"] for name in names})
    beside = stage_files(BESIDE, source="services/shop.py")
    golden("containers", {name: beside[f"web/{name}"] for name in ("taskdef.json", "buildspec.yml")})


def test_each_container_gets_what_is_its_own() -> None:
    web, jobs, proxy, cache = taskdef(BESIDE)["containerDefinitions"]
    assert [each["image"] for each in (web, jobs, proxy, cache)] == [
        "<IMAGE1_NAME>",
        "<IMAGE1_NAME>",
        PINNED,
        "<IMAGE_template_cache_NAME>",
    ]
    assert environment(jobs) == environment(web) | {"MODE": "jobs"}
    assert secrets(jobs) == secrets(web)
    assert environment(proxy) == {"UPSTREAM": "${STACK_CONTAINER_proxy_VARIABLE_UPSTREAM}", "LOOKS": "${STACK_REGION}"}
    assert secrets(proxy) == {"KEY": "${STACK_CONTAINER_proxy_SECRET_KEY}:tls::"}
    assert "\\u0024{STACK_REGION}" in stage_files(BESIDE)["web/taskdef.json"]
    assert (environment(cache), secrets(cache)) == ({}, {})


def test_what_tasks_may_do_and_which_parameters_they_get() -> None:
    statement = Statement(
        actions=("s3:GetObject", "s3:Put*"),
        resources=("arn:${AWS::Partition}:s3:::pictures/*", Arn.parameter("QueueArn")),
    )
    named = SsmParameter(name="/shop/mail", encrypted_with=KeyArn.parameter("SettingsKey"))
    app = with_service(
        secrets={"MAIL": named, "PLAIN": SsmParameter(name="plain")},
        containers=(Container(name="jobs", command=("jobs",), secrets={"OTHER": SsmParameter(name="/shop/other")}),),
        statements=(statement,),
        policies=("AmazonS3ReadOnlyAccess", PolicyArn.parameter("OwnPolicy")),
    )
    resources = yaml_resources(stage_files(app)["service-web.yaml"])
    here = "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter"
    rights = resources["ExecutionRole"]["Policies"][0]["PolicyDocument"]["Statement"]
    assert rights[-2] == {
        "Effect": "Allow",
        "Action": ["ssm:GetParameters"],
        "Resource": [f"{here}/shop/mail", f"{here}/plain", f"{here}/shop/other"],
    }
    assert rights[-1]["Resource"] == ["SettingsKey"]
    assert rights[-1]["Condition"] == {"StringLike": {"kms:ViaService": ["ssm.*.amazonaws.com"]}}
    task = resources["TaskRole"]
    [given] = task["Policies"][0]["PolicyDocument"]["Statement"]
    assert given["Resource"] == ["arn:${AWS::Partition}:s3:::pictures/*", "QueueArn"]
    assert task["ManagedPolicyArns"] == ["arn:${AWS::Partition}:iam::aws:policy/AmazonS3ReadOnlyAccess", "OwnPolicy"]
    assert secrets(taskdef(app)["containerDefinitions"][0])["PLAIN"] == "${STACK_SECRET_PLAIN}"
    environment = yaml_resources(stage_files(app)["pipeline-web.yaml"])["BuildProject"]["Environment"]
    told = {each["Name"]: each["Value"] for each in environment["EnvironmentVariables"]}
    assert told["STACK_SECRET_PLAIN"] == f"{here}/plain"
    assert told["STACK_CONTAINER_jobs_SECRET_OTHER"] == f"{here}/shop/other"


def test_every_key_of_a_parameter_that_two_containers_get_is_allowed() -> None:
    """Whichever of them names it: without its key, the task would not start."""
    mail = {key: SsmParameter(name="/shop/mail", encrypted_with=KeyArn.parameter(key)) for key in ("OldKey", "NewKey")}
    for own, beside, keys in (
        (mail["OldKey"], SsmParameter(name="shop/mail"), ["OldKey"]),
        (SsmParameter(name="/shop/mail"), mail["NewKey"], ["NewKey"]),
        (mail["OldKey"], mail["NewKey"], ["OldKey", "NewKey"]),
    ):
        app = with_service(
            secrets={"MAIL": own}, containers=(Container(name="jobs", command=("jobs",), secrets={"MAIL": beside}),)
        )
        role = yaml_resources(stage_files(app)["service-web.yaml"])["ExecutionRole"]
        *_, parameters, decrypt = role["Policies"][0]["PolicyDocument"]["Statement"]
        assert len(parameters["Resource"]) == 1
        assert decrypt["Resource"] == keys


def yaml_resources(text: str) -> dict[str, Any]:
    """The properties of a template's resources; of a function, its argument alone."""

    class Loader(yaml.SafeLoader):  # type: ignore[misc,unused-ignore]
        pass

    def plain(loader: Any, _tag: str, node: Any) -> Any:
        if isinstance(node, yaml.ScalarNode):
            return loader.construct_scalar(node)
        deep = isinstance(node, yaml.SequenceNode)
        return loader.construct_sequence(node, deep=True) if deep else loader.construct_mapping(node, deep=True)

    Loader.add_multi_constructor("!", plain)
    read = yaml.load(text, Loader)  # noqa: S506  (a SafeLoader)
    return {name: each.get("Properties") for name, each in read["Resources"].items()}


def test_the_pipeline_fills_in_the_images_that_it_built() -> None:
    made = rendered(BESIDE).tree
    [pipeline] = made.of_type("AWS::CodePipeline::Pipeline", "pipeline-web.yaml").values()
    stages = {stage["Name"]: stage["Actions"][0] for stage in pipeline["Properties"]["Stages"]}
    built, used = stages["Build"]["OutputArtifacts"], stages["Deploy"]["InputArtifacts"]
    assert sorted(each["Name"] for each in built) == sorted(each["Name"] for each in used)
    told = stages["Deploy"]["Configuration"]
    assert (told["Image2ArtifactName"], told["Image2ContainerName"]) == (
        "Image_template_cache",
        "IMAGE_template_cache_NAME",
    )
    role = repr(made.resources["service-web.yaml/ExecutionRole"])
    assert "TokenArn" in role
    assert "ProxyArn" in role


def test_no_file_speaks_of_facts_that_users_do_not_have() -> None:
    connected = replace(EVERYTHING, pipeline=Pipeline(source=Connection(repository="acme/shop")), cloud9=True)
    for app in (
        *STAGES.values(),
        connected,
        replace(EVERYTHING, balancer=Balancer(https=False, domain="a.example.com")),
    ):
        for name, text in stage_files(app).items():
            assert not re.findall(r"\([A-Z]\d{1,2}(?:\.\d+)?\b|\b[A-Z]\d{1,2}\.\d{1,2}\b", text), name


# One name in all files (statement 25)


@pytest.mark.parametrize("stage", STAGES)
def test_bootstrap_and_releases_agree(stage: str) -> None:
    made: Rendering = rendered(STAGES[stage])
    for service in STAGES[stage].services:
        name = service.name
        stack = {key.rpartition("/")[2]: each["Properties"] for key, each in made.tree.resources.items() if key.startswith(f"service-{name}.yaml/")}  # fmt: skip
        first, live = stack["BootstrapTaskDefinition"], stack["Service"]
        [born] = first["ContainerDefinitions"]
        [project] = made.tree.of_type("AWS::CodeBuild::Project", f"pipeline-{name}.yaml").values()
        known = {each["Name"]: each["Value"] for each in project["Properties"]["Environment"]["EnvironmentVariables"]}

        def given(text: str, known: Mapping[str, Any] = known) -> Any:
            match = re.fullmatch(r"\$\{(STACK_\w+)\}", text)
            return known[match[1]] if match else text

        task = taskdef(STAGES[stage], name)
        body, *_ = task["containerDefinitions"]
        [port] = body["portMappings"]
        assert (born["Name"], born["PortMappings"][0]["ContainerPort"]) == (body["name"], port["containerPort"])
        assert (first["Family"], first["NetworkMode"]) == (task["family"], task["networkMode"])
        assert first["RequiresCompatibilities"] == task["requiresCompatibilities"]
        assert first["ExecutionRoleArn"] == given(task["executionRoleArn"])
        assert first["TaskRoleArn"] == given(task["taskRoleArn"])
        options, told = born["LogConfiguration"]["Options"], body["logConfiguration"]["options"]
        for key in ("awslogs-group", "awslogs-region", "mode", "max-buffer-size"):
            assert options[key] == given(told[key]), key
        assert options["awslogs-stream-prefix"] != told["awslogs-stream-prefix"]

        properties = appspec(made.files[f"{name}/appspec.yaml"])
        [balanced] = live["LoadBalancers"]
        assert properties["LoadBalancerInfo"] == {
            "ContainerName": balanced["ContainerName"],
            "ContainerPort": balanced["ContainerPort"],
        }
        assert (balanced["ContainerName"], balanced["ContainerPort"]) == (body["name"], port["containerPort"])
        assert properties["CapacityProviderStrategy"] == live["CapacityProviderStrategy"]
        network = properties["NetworkConfiguration"]["AwsvpcConfiguration"]
        at_birth = live["NetworkConfiguration"]["AwsvpcConfiguration"]
        assert network == {
            "Subnets": ["subnet-1", "subnet-2"],
            "SecurityGroups": ["sg-1"],
            "AssignPublicIp": "DISABLED",
        }
        assert at_birth["AssignPublicIp"] == "DISABLED"
        assert [known["STACK_SECURITY_GROUP"]] == at_birth["SecurityGroups"]
        assert isinstance(known["STACK_SUBNETS"], Symbol)
        assert set(at_birth["Subnets"]) <= set(known["STACK_SUBNETS"].parts[1:])


@pytest.mark.parametrize("name", ["on", "off", "yes", "no", "y", "n", "true", "false", "null", "e1", "x0"])
def test_a_container_may_be_called_what_yaml_misreads(name: str) -> None:
    made = appspec(stage_files(with_service(name=name))[f"{name}/appspec.yaml"])
    assert made["LoadBalancerInfo"]["ContainerName"] == name


# What a container is given


def test_what_only_the_deployment_knows_is_a_placeholder() -> None:
    body = container(EVERYTHING, "orders")
    given = environment(body)
    assert given["QUEUE"] == "${STACK_VARIABLE_QUEUE}"
    assert (given["LOG_LEVEL"], given["FORMAT"], given["EMPTY"]) == ("info", "json \"lines\" \\ 'grün'", "")
    assert secrets(body)["MAIL"] == "${STACK_SECRET_MAIL}:password::"
    assert secrets(body)["TOKEN"] == "${STACK_SECRET_TOKEN}"


def test_what_looks_like_a_placeholder_is_the_users_own_text() -> None:
    """It is no placeholder for the build, which reads the file as a text, but the text itself for ECS."""
    for file in ("taskdef.json", "migrate.taskdef.json"):
        text = stage_files(EVERYTHING)[f"orders/{file}"]
        assert environment(container(EVERYTHING, "orders", file))["LOOKS"] == "${STACK_REGION} ${HOME}"
        assert "${STACK_REGION} " not in text
    assert container(EVERYTHING, "orders", "migrate.taskdef.json")["command"][-1] == "${STACK_IMAGE}"
    text = json.dumps(filled(stage_files(EVERYTHING)["orders/migrate.taskdef.json"]))
    assert re.findall(r"\$\{STACK_\w+\}", text) == ["${STACK_REGION}", "${STACK_IMAGE}"]


@pytest.mark.parametrize("text", ["<IMAGE1_NAME>", "see <IMAGE1_NAME>!"])
@pytest.mark.parametrize("value", [str, Text])
def test_what_the_deploy_action_would_replace_is_refused(text: str, value: Callable[[str], Any]) -> None:
    with pytest.raises(DescriptionError, match=r"environment\['LINK'\].*IMAGE1_NAME"):
        with_service(environment={"LINK": value(text)})


@pytest.mark.parametrize("value", ["a<b", "x" * 257, "a,b", "<IMAGE1_NAME>"])
def test_a_tag_that_ecs_does_not_take_is_refused(value: str) -> None:
    with pytest.raises(DescriptionError, match=r"tags\['Team'\]"):
        App(name="shop", services=(WEB,), tags={"Team": value})


def test_a_tag_may_be_named_as_python_names_its_arguments() -> None:
    files = stage_files(App(name="shop", services=(WEB,), tags={"self": "x", "args": "y"}))
    assert files["network.yaml"].count("Key: self") == files["network.yaml"].count("Key: args") > 0


DATABASE = {"DB_HOST", "DB_PORT", "DB_NAME"}
LOGIN = {"DB_USER", "DB_PASSWORD"}
OTHERS = {f"DB_{who}_{what}" for who in ("ADMIN", "READER", "WRITER") for what in ("USER", "PASSWORD")}


@pytest.mark.parametrize("access", ["readers", "writers", None])
@pytest.mark.parametrize("migrate", [(), ("node", "migrate.js")])
def test_only_who_opens_the_database_is_told_how(access: str | None, migrate: tuple[str, ...]) -> None:
    database = Database(**({access: ("web",)} if access else {}))
    app = replace(with_service(), services=(replace(WEB, migrate=migrate),), database=database)
    body = container(app)
    assert {name for name in environment(body) if name.startswith("DB_")} == (DATABASE if access else set())
    assert set(secrets(body)) == (LOGIN if access else set())
    assert all(value.startswith("${STACK_DB_SECRET_ARN}:") for value in secrets(body).values())
    if migrate:
        body = container(app, file="migrate.taskdef.json")
        assert set(environment(body)) >= DATABASE
        assert set(secrets(body)) == OTHERS
        assert {value.partition("}")[0] for name, value in secrets(body).items() if "ADMIN" in name} == {
            "${STACK_DB_MASTER_SECRET_ARN"
        }
        assert body["image"] == "${STACK_IMAGE}"
        assert body["command"] == list(migrate)
        assert "portMappings" not in body
    else:
        assert "web/migrate.taskdef.json" not in stage_files(app)


POOLER = Container(name="pooler", image=PINNED, database=True, environment={"A": "1", "Z": "2"})


@pytest.mark.parametrize("file", ["web/taskdef.json", "mailer/taskdef.json", "web/report.taskdef.json"])
def test_a_further_container_opens_the_database_as_its_task_does(file: str) -> None:
    """By what the task's execution role may read already: the roles stay as they are."""
    name = {"web/report.taskdef.json": "report"}.get(file, file.partition("/")[0])

    def generated(*containers: Container) -> Mapping[str, str]:
        return stage_files(
            App(
                name="shop",
                services=(Service(name="web", containers=containers),),
                workers=(Worker(name="mailer", containers=containers),),
                scheduled_tasks=(
                    ScheduledTask(
                        name="report", schedule="rate(1 day)", image_of="web", command=("r",), containers=containers
                    ),
                ),
                database=Database(readers=("web", "report"), writers=("mailer",)),
                pipeline=Pipeline(source=CodeCommit()),
            )
        )

    with_it, without = generated(POOLER, replace(POOLER, name="other", database=False)), generated()
    own, other, pooler = json.loads(with_it[file])["containerDefinitions"]
    database = {key: value for key, value in environment(own).items() if key.startswith("DB_")}
    assert environment(pooler) == {"A": "1", **database, "Z": "2"}
    assert [each["name"] for each in pooler["environment"]] == sorted({"A", "Z", *DATABASE})
    assert secrets(pooler) == secrets(own)
    assert set(secrets(own)) == LOGIN
    assert (set(environment(other)), secrets(other)) == ({"A", "Z"}, {})
    for stack in (f"service-{name}.yaml", f"worker-{name}.yaml", f"scheduled-{name}.yaml"):
        assert with_it.get(stack) == without.get(stack)


PATHS = ["/tmp", "/a-b", "/a/b", "/a.b", "/a_b", "/_", "/-", "/.x", "/...", "/a--b", "/A", "/1", f"/{'x' * 300}"]  # noqa: S108


@pytest.mark.parametrize("path", PATHS)
def test_a_writable_path_is_a_volume_that_ecs_takes_or_is_refused(path: str) -> None:
    for paths in ((path,), (path, "/a-b", "/data"), (path, "/a/b"), (path, path)):
        try:
            app = with_service(writable_paths=paths)
        except DescriptionError as error:
            assert "writable_paths" in str(error)  # noqa: PT017
            continue
        body = taskdef(app)
        assert refused(body) == []
        mounts = body["containerDefinitions"][0]["mountPoints"]
        assert sorted(each["containerPath"] for each in mounts) == sorted(paths)
        assert len({each["sourceVolume"] for each in mounts}) == len(paths)


# One's own buildspecs


def own(folder: Path, **templates: str) -> str:
    for name, text in templates.items():
        (folder / f"{name}.yml.j2").write_text(text, encoding="utf-8")
    return str(folder)


def buildspecs(folder: str) -> dict[str, str]:
    files = stage_files(EVERYTHING, buildspecs=folder)
    return {name: files[f"{name}/buildspec.yml"] for name in ("orders", "web")}


def test_ones_own_buildspec_wins_and_a_services_own_wins_over_that(tmp_path: Path) -> None:
    packaged = buildspecs(str(tmp_path))
    assert "docker push" in packaged["orders"]
    # Each comes to win in the same process, and goes.
    assert buildspecs(own(tmp_path, orders="own {{ service.name }}\n")) == {**packaged, "orders": "own orders\n"}
    own(tmp_path, buildspec="all {{ service.name }} {{ files }} {{ 'a b' | quoted }} {{ 'a: b' | yaml_string }}\n")
    assert buildspecs(str(tmp_path)) == {"orders": "own orders\n", "web": "all web deploy/prod/web 'a b' \"a: b\"\n"}
    (tmp_path / "orders.yml.j2").unlink()
    assert buildspecs(str(tmp_path))["orders"].startswith("all orders deploy/prod/orders")
    own(tmp_path, buildspec="other\n")
    assert set(buildspecs(str(tmp_path)).values()) == {"other\n"}
    (tmp_path / "buildspec.yml.j2").unlink()
    assert buildspecs(str(tmp_path)) == packaged


def test_ones_own_buildspec_may_add_to_the_packaged_one(tmp_path: Path) -> None:
    text = own(tmp_path, web='{% include "buildspec.yml.j2" %}# and more\n')
    assert buildspecs(text)["web"] == f"{buildspecs(str(tmp_path / 'none'))['web']}# and more\n"


@pytest.mark.parametrize(("name", "asked"), [("migrate", "migrates"), ("health_path", "is_service")])
def test_what_only_services_have_is_asked_for_first(name: str, asked: str, tmp_path: Path) -> None:
    app = replace(EVERYTHING, workers=(Worker(name="mailer"),))
    folder = own(tmp_path, buildspec=f"{{{{ service.{name} }}}}\n")
    with pytest.raises(DescriptionError) as refused:
        stage_files(app, buildspecs=folder)
    [problem] = refused.value.problems
    assert str(problem).endswith(
        f"only services have {name}, and this template is for a Worker too; ask {{% if {asked} %}} first"
    )
    own(tmp_path, buildspec=f"{{% if {asked} %}}{{{{ service.{name} }}}}{{% endif %}}\n")
    assert stage_files(app, buildspecs=folder)["mailer/buildspec.yml"] == ""


def test_the_page_names_what_templates_know() -> None:
    page = (PROJECT / "docs" / "buildspecs.md").read_text(encoding="utf-8")
    assert EVERYTHING.pipeline
    known = values_of(EVERYTHING, EVERYTHING.service("web"), EVERYTHING.pipeline, "shop.py")
    assert re.findall(r"^\| `(\w+)` \|", page.partition("## Filters")[0], re.MULTILINE) == sorted(known)
    own_filters = {"quoted", "path", "yaml_string"}
    assert set(re.findall(r"^\| `(\w+)` \|", page.partition("## Filters")[2], re.MULTILINE)) == own_filters
    assert own_filters <= set(templates(None).filters)


def test_the_folder_is_that_of_the_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one", "two"):
        (tmp_path / name / "buildspecs").mkdir(parents=True)
        own(tmp_path / name / "buildspecs", buildspec=f"{name}\n")
    for name in ("one", "two"):
        monkeypatch.chdir(tmp_path / name)
        assert buildspecs("buildspecs")["web"] == f"{name}\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a\n{% if %}\n", r"web\.yml\.j2:2: buildspec of 'web'"),
        (
            "a\n\n{{ servise.name }}\n",
            r"web\.yml\.j2:3: buildspec of 'web': 'servise' is undefined; did you mean 'service'\?; docs/buildspecs\.md",
        ),
        ("{{ service.nam }}\n", r"web\.yml\.j2:1: .*'nam'; did you mean 'name'\?"),
        ("{{ pipeline.aproval }}\n", r"web\.yml\.j2:1: .*; did you mean 'approval'\?"),
        ("{{ {}.nothing }}\n", r"web\.yml\.j2:1: .*'nothing'; mend the template"),
        ("{% include 'more.j2' %}\n", r"web\.yml\.j2:1: .*more\.j2"),
        ("\n{{ 1 + 'a' }}\n", r"web\.yml\.j2:2: "),
        ("\udcff\n", r"buildspecs: buildspec of 'web': .*utf-8"),
        (
            "\n{{ 1 / 0 }}\n",
            r"web\.yml\.j2:2: buildspec of 'web': ZeroDivisionError: division by zero; mend the template",
        ),
        ("{{ app.service('nope').cpu }}\n", r"web\.yml\.j2:1: buildspec of 'web': KeyError: 'nope';"),
        ("{{ [].pop() }}\n", r"web\.yml\.j2:1: buildspec of 'web': IndexError: pop from empty list;"),
        ("{% include 'web.yml.j2' %}\n", r"web\.yml\.j2:1: buildspec of 'web': RecursionError: "),
        ("{% extends 'web.yml.j2' %}\n", r"buildspec of 'web': RecursionError: "),
        (
            "{% macro m() %}{{ m() }}{% endmacro %}\n{{ m() }}\n",
            r"web\.yml\.j2:1: buildspec of 'web': RecursionError: ",
        ),
        ("{{ app.pipeline.source(1) }}\n", r"web\.yml\.j2:1: buildspec of 'web': TypeError: "),
        ("{{ '%c' | format(55296) }}\n", r"buildspecs: buildspec of 'web': UnicodeEncodeError: "),
        ("{{ service.environment.KEY }}\n", r"web\.yml\.j2:1: buildspec of 'web': Text is known only at deployment"),
    ],
)
def test_a_buildspec_that_cannot_be_rendered_is_told_with_its_place(
    text: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cfngen: Run
) -> None:
    (tmp_path / "buildspecs").mkdir()
    (tmp_path / "buildspecs/web.yml.j2").write_bytes(text.encode(errors="surrogateescape"))
    (tmp_path / "shop.py").write_text(
        "from cfngen import App, CodeCommit, Pipeline, Service, Text\n"
        "web = Service(name='web', environment={'KEY': Text('x')})\n"
        "app = App(name='shop', services=(web,), pipeline=Pipeline(source=CodeCommit()))\n",
        encoding="utf-8",
    )
    monkeypatch.chdir(tmp_path)
    done = cfngen("generate", "shop.py")
    assert done.status == 2
    assert re.search(told, done.err), done.err
    assert done.err.count("\n") == 1
    assert not (tmp_path / "templates").exists()
