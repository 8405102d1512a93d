"""Facts of tasks: bootstrap revision, sizes, fields of a task definition, secrets, service options (C, G)."""

from __future__ import annotations

import http.client
import json
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cfngen import (
    App,
    Database,
    DescriptionError,
    KeyArn,
    Secret,
    SecretArn,
    Text,
)

from .conftest import PLAIN, SMALL, Generated, Render, changed

TASK = "ECS::TaskDefinition"


def plain(rendered: Render, **options: Any) -> Generated:
    """The small application with other options of its service `plain`."""
    return rendered(changed(SMALL, "plain", **options))


def every_text(given: Generated) -> str:
    return "".join(given.texts.values())


# The bootstrap revision (C)


def free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        port: int = asked.getsockname()[1]
        return port


@contextmanager
def running(command: list[str], port: int, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command until the block ends, once it takes connections on the port."""
    node = shutil.which(command[0])
    assert node
    with subprocess.Popen([node, *command[1:]], cwd=folder, env={}, stdin=subprocess.DEVNULL) as process:
        try:
            limit = time.monotonic() + 20
            while True:
                assert process.poll() is None, "the bootstrap command ended"
                try:
                    socket.create_connection(("127.0.0.1", port), timeout=1).close()
                    break
                except OSError:
                    assert time.monotonic() < limit, "nothing listens on the container's port"
                    time.sleep(0.05)
            yield process
        finally:
            process.terminate()
            process.wait(timeout=10)


def status(port: int, path: str, method: str = "GET") -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()


@pytest.mark.parametrize("health_path", ["/health", "/plain/-alive_1.txt", "/~x%20y+z"])
def test_c1_1_bootstrap_answers_the_health_path_on_the_port_and_404_elsewhere(
    health_path: str, rendered: Render, tmp_path: Path
) -> None:
    port = free_port()
    made = plain(rendered, port=port, health_path=health_path)
    (group, _) = made.resolved("service-plain", "ElasticLoadBalancingV2::TargetGroup").values()
    asked = group["Properties"]["HealthCheckPath"]
    assert asked == health_path
    with running(made.bootstrap("plain")["Command"], port, tmp_path):
        assert status(port, asked) == 200
        assert status(port, f"{asked}?deep=1") == 200
        assert status(port, asked, "HEAD") == 200
        for path in ("/", "/elsewhere", f"{asked}/", f"{asked}x", f"/x{asked}", asked.upper()):
            assert status(port, path) == 404
    # It needs nothing of its surroundings and leaves nothing behind, as on a read-only root.
    assert list(tmp_path.iterdir()) == []


def test_c1_1_bootstrap_image_is_public_and_of_both_architectures(stage: Generated, service: str) -> None:
    assert stage.bootstrap(service)["Image"] == "public.ecr.aws/docker/library/node:22-alpine"
    # Neither architecture is asked for, so the switch of the releases never touches it.
    assert "RuntimePlatform" not in stage.only(f"service-{service}", TASK)


def test_c1_1_bootstrap_image_stays_what_it_was_born_with(rendered: Render) -> None:
    before = rendered(SMALL)
    older = json.loads(before.texts["ledger.json"].replace("node:22-alpine", "node:20-alpine"))
    made = rendered(SMALL, type(before.ledger).read(json.dumps(older)))
    assert made.bootstrap("plain")["Image"] == "public.ecr.aws/docker/library/node:20-alpine"


@pytest.mark.parametrize("ports", [(), (8443,)])
def test_c1_1_tasks_that_could_not_reach_the_registry_are_refused(ports: tuple[int, ...]) -> None:
    """Images, secrets and logs go by HTTPS through the task's own group; without it the first stack never ends."""
    with pytest.raises(DescriptionError, match="egress_ports"):
        replace(PLAIN, egress_ports=ports)


def test_c1_1_bootstrap_is_hardened_like_a_release(stage: Generated, service: str) -> None:
    first, task = stage.bootstrap(service), stage.container(service)
    assert first["User"] == task["user"] == "1000:1000"
    assert first["ReadonlyRootFilesystem"] is task["readonlyRootFilesystem"] is True
    for name in ("Environment", "Secrets", "MountPoints", "HealthCheck"):
        assert name not in first


@pytest.mark.parametrize("port", [1024, 3000, 65535])
def test_c2_3_group_bootstrap_service_and_files_agree_on_port_and_path(port: int, rendered: Render) -> None:
    made = plain(rendered, port=port, health_path="/alive")
    groups = made.resolved("service-plain", "ElasticLoadBalancingV2::TargetGroup").values()
    assert {(each["Properties"]["Port"], each["Properties"]["HealthCheckPath"]) for each in groups} == {(port, "/alive")}  # fmt: skip
    first, task = made.bootstrap("plain"), made.container("plain")
    assert [each["ContainerPort"] for each in first["PortMappings"]] == [port]
    assert f".listen({port})" in first["Command"][-1]
    assert '"/alive"' in first["Command"][-1]
    assert [each["containerPort"] for each in task["portMappings"]] == [port]
    assert {"name": "PORT", "value": str(port)} in task["environment"]
    (attached,) = made.only("service-plain", "ECS::Service")["LoadBalancers"]
    assert attached["ContainerPort"] == made.target("plain")["LoadBalancerInfo"]["ContainerPort"] == port
    stack = "service-plain"
    for kind in ("EC2::SecurityGroupIngress", "EC2::SecurityGroupEgress"):
        name = f"Balancer{kind.removeprefix('EC2::SecurityGroup')}"
        opened = made.resolved(stack, kind)[name]["Properties"]
        assert (opened["FromPort"], opened["ToPort"]) == (port, port)


def test_c2_3_a_port_variable_that_says_otherwise_is_refused() -> None:
    assert replace(PLAIN, environment={"PORT": "8080"}).port == 8080
    with pytest.raises(DescriptionError, match="PORT"):
        replace(PLAIN, environment={"PORT": "9090"})


def test_c2_3_what_cannot_be_in_a_request_is_no_health_path() -> None:
    with pytest.raises(DescriptionError, match="health_path"):
        replace(PLAIN, health_path="/gesünd")


def test_c2_4_the_container_is_called_the_same_everywhere(stage: Generated, service: str) -> None:
    (attached,) = stage.only(f"service-{service}", "ECS::Service")["LoadBalancers"]
    names = {
        stage.bootstrap(service)["Name"],
        stage.container(service)["name"],
        attached["ContainerName"],
        stage.target(service)["LoadBalancerInfo"]["ContainerName"],
    }
    assert names == {service}


def test_c2_5_the_first_release_replaces_an_ordinary_task_set(stage: Generated, service: str) -> None:
    """Same family, same roles, same log, and nothing in the deployment group that knows of a first release."""
    first = stage.only(f"service-{service}", TASK)
    variables = stage.build_variables(service)
    assert first["Family"] == stage.taskdef(service)["family"] == f"coffee-{stage.app.stage}-{service}"
    assert first["ExecutionRoleArn"] == variables["STACK_EXECUTION_ROLE_ARN"]
    assert first["TaskRoleArn"] == variables["STACK_TASK_ROLE_ARN"]
    (container,) = first["ContainerDefinitions"]
    assert container["LogConfiguration"]["Options"]["awslogs-group"] == variables["STACK_LOG_GROUP"]
    assert len(stage.resolved(f"service-{service}", "CodeDeploy::DeploymentGroup")) == 1


def test_c2_6_an_init_process_hears_the_stop_signal(stage: Generated, service: str) -> None:
    assert stage.bootstrap(service)["LinuxParameters"]["InitProcessEnabled"] is True
    for name, file, _ in stage.tasks():
        assert stage.container(name, file)["linuxParameters"]["initProcessEnabled"] is True


# Sizes of Fargate, section G1

SIZES = {
    256: [512, 1024, 2048],
    512: range(1024, 4096 + 1, 1024),
    1024: range(2048, 8192 + 1, 1024),
    2048: range(4096, 16384 + 1, 1024),
    4096: range(8192, 30720 + 1, 1024),
    8192: range(16384, 61440 + 1, 4096),
    16384: range(32768, 122880 + 1, 8192),
}


@pytest.mark.parametrize("cpu", SIZES)
def test_g1_the_sizes_of_fargate_and_no_others(cpu: int, rendered: Render) -> None:
    for memory in SIZES[cpu]:
        assert replace(PLAIN, cpu=cpu, memory_mib=memory).memory_mib == memory
    near = {each + step for each in SIZES[cpu] for step in (-1024, -512, 1, 512, 1024)} - set(SIZES[cpu])
    for memory in sorted(near)[:3] + sorted(near)[-3:]:
        with pytest.raises(DescriptionError, match="memory_mib"):
            replace(PLAIN, cpu=cpu, memory_mib=memory)
    task = plain(rendered, cpu=cpu, memory_mib=SIZES[cpu][-1]).taskdef("plain")
    assert (task["cpu"], task["memory"]) == (str(cpu), str(SIZES[cpu][-1]))


@pytest.mark.parametrize("cpu", [0, 128, 300, 32768])
def test_g1_1_units_that_the_linter_or_fargate_refuse_are_refused(cpu: int) -> None:
    with pytest.raises(DescriptionError, match="cpu"):
        replace(PLAIN, cpu=cpu, memory_mib=61440)


# Fields of a task definition (G2)


def test_g2_4_tasks_have_addresses_of_their_own_and_no_host_port(stage: Generated, service: str) -> None:
    first = stage.only(f"service-{service}", TASK)
    assert first["NetworkMode"] == "awsvpc"
    assert first["RequiresCompatibilities"] == ["FARGATE"]
    assert not any("HostPort" in each for each in stage.bootstrap(service)["PortMappings"])
    for name, file, task in stage.tasks():
        assert task["networkMode"] == "awsvpc"
        assert task["requiresCompatibilities"] == ["FARGATE"]
        assert not any("hostPort" in each for each in stage.container(name, file).get("portMappings", []))


def test_g2_5_ports_have_names(stage: Generated, service: str) -> None:
    (mapping,) = stage.container(service)["portMappings"]
    assert mapping == {"name": service, "containerPort": 8080, "protocol": "tcp"}
    assert mapping["name"] == mapping["name"].lower()


def test_g2_5_the_port_of_the_bootstrap_revision_has_a_name_too(stage: Generated, service: str) -> None:
    (mapping,) = stage.bootstrap(service)["PortMappings"]
    assert mapping["Name"] == service


@pytest.mark.parametrize("architecture", ["ARM64", "X86_64"])
def test_g2_6_tasks_and_the_machine_that_builds_them_are_of_one_kind(
    architecture: str, generated: dict[str, Generated], rendered: Render
) -> None:
    made = rendered(changed(generated["dev"].app, "employee", architecture=architecture))
    for file in ("taskdef.json", "migrate.taskdef.json"):
        platform = made.taskdef("employee", file)["runtimePlatform"]
        assert platform == {"cpuArchitecture": architecture, "operatingSystemFamily": "LINUX"}
    machine = made.only("pipeline-employee", "CodeBuild::Project")["Environment"]["Type"]
    assert machine == {"ARM64": "ARM_CONTAINER", "X86_64": "LINUX_CONTAINER"}[architecture]


def test_g2_6_arm_unless_said_otherwise() -> None:
    assert PLAIN.architecture == "ARM64"


def logging(given: Generated) -> Iterator[tuple[str, dict[str, Any]]]:
    """The log driver and its options of every container of a stage, the bootstrap's included."""
    for service in given.services:
        own = given.bootstrap(service)["LogConfiguration"]
        yield own["LogDriver"], own["Options"]
    for service, file, _ in given.tasks():
        own = given.container(service, file)["logConfiguration"]
        yield own["logDriver"], own["options"]


def test_g2_7_logs_go_by_awslogs(stage: Generated) -> None:
    assert [driver for driver, _ in logging(stage)] == ["awslogs"] * 5


def test_g2_8_group_region_and_prefix_are_given_and_the_group_is_the_stacks(stage: Generated, service: str) -> None:
    for _, options in logging(stage):
        assert {"awslogs-group", "awslogs-region", "awslogs-stream-prefix"} <= set(options)
        assert "awslogs-create-group" not in options
    variables = stage.build_variables(service)
    assert variables["STACK_LOG_GROUP"] == stage.ref(f"service-{service}", "LogGroup")
    assert stage.container(service)["logConfiguration"]["options"]["awslogs-group"] == "${STACK_LOG_GROUP}"
    group = stage.only(f"service-{service}", "Logs::LogGroup")
    assert group["RetentionInDays"] == stage.app.log_retention_days
    for role in ("ExecutionRole", *(["MigrationExecutionRole"] if service == "employee" else [])):
        allowed = stage.actions(f"service-{service}", role)
        assert allowed["logs:CreateLogStream"] == [stage.ref(f"service-{service}", "LogGroup", "Arn")]
        assert allowed["logs:PutLogEvents"] == [stage.ref(f"service-{service}", "LogGroup", "Arn")]
        assert "logs:CreateLogGroup" not in allowed


def test_g2_8_streams_of_a_service_tell_their_tasks_apart(generated: dict[str, Generated]) -> None:
    made = generated["dev"]
    prefixes = [
        made.bootstrap("employee")["LogConfiguration"]["Options"]["awslogs-stream-prefix"],
        *(made.container("employee", file)["logConfiguration"]["options"]["awslogs-stream-prefix"] for file in ("taskdef.json", "migrate.taskdef.json")),
    ]  # fmt: skip
    assert prefixes == ["bootstrap", "employee", "employee-migrate"]


def test_g2_9_how_logs_are_delivered_is_said(stage: Generated) -> None:
    for _, options in logging(stage):
        assert (options["mode"], options["max-buffer-size"]) == ("non-blocking", "25m")


def test_g2_11_no_log_router_is_emitted(stage: Generated) -> None:
    assert not any(word in every_text(stage).lower() for word in ("firelens", "fluent"))
    assert all(len(task["containerDefinitions"]) == 1 for _, _, task in stage.tasks())


def test_g2_12_writable_paths_are_volumes_of_the_task(generated: dict[str, Generated], rendered: Render) -> None:
    paths = ("/var/cache/app", "/tmp")  # noqa: S108  (in a container)
    made = rendered(changed(generated["dev"].app, "employee", writable_paths=paths))
    for file in ("taskdef.json", "migrate.taskdef.json"):
        task, container = made.taskdef("employee", file), made.container("employee", file)
        assert container["readonlyRootFilesystem"] is True
        assert task["volumes"] == [{"name": "tmp"}, {"name": "var-cache-app"}]
        assert container["mountPoints"] == [
            {"sourceVolume": "tmp", "containerPath": "/tmp", "readOnly": False},  # noqa: S108
            {"sourceVolume": "var-cache-app", "containerPath": "/var/cache/app", "readOnly": False},
        ]


def test_g2_12_without_writable_paths_there_is_no_volume(stage: Generated) -> None:
    for service, file, task in stage.tasks():
        assert task["volumes"] == []
        assert stage.container(service, file)["mountPoints"] == []


@pytest.mark.parametrize("paths", [("/data", "/data"), ("/dåta",), ("data",), ("/a/../b",), ("/",)])
def test_g2_12_what_is_no_folder_or_stands_there_twice_is_refused(paths: tuple[str, ...]) -> None:
    with pytest.raises(DescriptionError, match="writable_paths"):
        replace(PLAIN, writable_paths=paths)


@pytest.mark.parametrize("paths", [("/data/a", "/data-a"), ("/data.a", "/data_a"), ("/data/a", "/data_a")])
def test_g2_12_no_two_folders_share_a_volume(paths: tuple[str, ...], rendered: Render) -> None:
    try:
        task = plain(rendered, writable_paths=paths).taskdef("plain")
    except DescriptionError as refused:
        assert "writable_paths" in str(refused)  # noqa: PT017  (one of two ways to keep the promise)
        return
    names = [each["name"] for each in task["volumes"]]
    assert len(set(names)) == 2
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,255}", name) for name in names)
    mounts = {each["containerPath"]: each["sourceVolume"] for each in task["containerDefinitions"][0]["mountPoints"]}
    assert sorted(mounts) == sorted(paths)
    assert sorted(mounts.values()) == sorted(names)


def test_g2_13_exec_is_not_emitted_since_it_needs_a_writable_root(stage: Generated) -> None:
    assert all(stage.container(service, file)["readonlyRootFilesystem"] is True for service, file, _ in stage.tasks())
    for service in stage.services:
        assert "EnableExecuteCommand" not in stage.only(f"service-{service}", "ECS::Service")
    assert "EnableExecuteCommand" not in every_text(stage)


def test_g2_14_no_role_may_open_a_session(stage: Generated) -> None:
    assert "ssmmessages" not in every_text(stage)
    assert "Configuration" not in stage.only("cluster", "ECS::Cluster")
    for service in stage.services:
        assert stage.statements(f"service-{service}", "TaskRole") == []


def test_g2_15_the_balancers_check_is_the_gate(stage: Generated) -> None:
    for service in stage.services:
        assert "HealthCheck" not in stage.bootstrap(service)
    for service, file, _ in stage.tasks():
        assert "healthCheck" not in stage.container(service, file)


@pytest.mark.parametrize("seconds", [2, 30, 120])
def test_g2_16_stop_timeout_is_written_down(seconds: int, rendered: Render) -> None:
    assert plain(rendered, stop_timeout_seconds=seconds).container("plain")["stopTimeout"] == seconds


@pytest.mark.parametrize("seconds", [0, 1, 121])
def test_g2_16_a_stop_timeout_that_fargate_does_not_take_is_refused(seconds: int) -> None:
    with pytest.raises(DescriptionError, match="stop_timeout_seconds"):
        replace(PLAIN, stop_timeout_seconds=seconds)


def test_g2_16_connections_drain_no_longer_than_tasks_take_to_stop(stage: Generated, service: str) -> None:
    (group, _) = stage.resolved(f"service-{service}", "ElasticLoadBalancingV2::TargetGroup").values()
    (drain,) = (int(each["Value"]) for each in group["Properties"]["TargetGroupAttributes"])
    grace = stage.only(f"service-{service}", "ECS::Service")["HealthCheckGracePeriodSeconds"]
    assert drain <= stage.container(service)["stopTimeout"] + grace


def test_g2_17_tasks_run_as_an_unprivileged_user(stage: Generated, service: str) -> None:
    assert stage.bootstrap(service)["User"] == "1000:1000"
    for name, file, _ in stage.tasks():
        assert stage.container(name, file)["user"] == "1000:1000"
        assert stage.container(name, file)["linuxParameters"]["capabilities"] == {"drop": ["ALL"]}


@pytest.mark.parametrize("user", ["0", "0:0", "root", "node", "1000:0", "0:1000", "", "1000:"])
def test_g2_17_root_and_names_that_may_be_root_are_refused(user: str) -> None:
    with pytest.raises(DescriptionError, match="user"):
        replace(PLAIN, user=user)


@pytest.mark.parametrize("port", [0, 80, 1023, 65536])
def test_g2_17_a_port_that_only_root_opens_is_refused(port: int) -> None:
    with pytest.raises(DescriptionError, match="port"):
        replace(PLAIN, port=port)


# Secrets, section G4

TOKEN, KEY = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:token-AbCdEf", "arn:aws:kms:eu-central-1:123456789012:key/1"  # fmt: skip
SECRETS = {
    "WHOLE": Secret(arn=SecretArn(TOKEN)),
    "PART": Secret(arn=SecretArn.parameter("PartArn"), key="part", encrypted_with=KeyArn(KEY)),
}


@pytest.fixture(scope="session")
def secretive(coffee: dict[str, App], rendered: Render) -> Generated:
    """Coffee whose employee has secrets of its own besides the database's."""
    return rendered(changed(coffee["dev"], "employee", secrets=SECRETS))


def secrets(given: Generated, service: str, file: str = "taskdef.json") -> dict[str, str]:
    every = given.container(service, file)["secrets"]
    found = {each["name"]: each["valueFrom"] for each in every}
    assert len(found) == len(every)
    return found


def test_g4_1_a_json_key_stands_between_the_arn_and_two_colons(secretive: Generated) -> None:
    variables = secretive.build_variables("employee")
    assert secrets(secretive, "employee") == {
        "WHOLE": "${STACK_SECRET_WHOLE}",
        "PART": "${STACK_SECRET_PART}:part::",
        "DB_USER": "${STACK_DB_SECRET_ARN}:username::",
        "DB_PASSWORD": "${STACK_DB_SECRET_ARN}:password::",
    }
    assert variables["STACK_SECRET_WHOLE"] == TOKEN
    assert variables["STACK_SECRET_PART"] == secretive.tree.resolve("coffee.yaml", {"Ref": "PartArn"})
    with pytest.raises(DescriptionError, match="key"):
        Secret(arn=SecretArn(TOKEN), key="a:b")


def test_g4_1_secrets_and_variables_share_no_name() -> None:
    """ECS refuses a task definition with a name on both sides; PORT and the database's names are cfngen's."""
    one = {"TOKEN": Secret(arn=SecretArn(TOKEN))}
    with pytest.raises(DescriptionError, match="TOKEN"):
        replace(PLAIN, environment={"TOKEN": "1"}, secrets=one)
    with pytest.raises(DescriptionError, match="PORT"):
        replace(PLAIN, secrets={"PORT": one["TOKEN"]})


@pytest.mark.parametrize("name", ["DB_ADMIN_USER", "DB_READER_PASSWORD", "DB_HOST"])
def test_g4_1_a_migration_has_names_of_its_own_as_well(name: str, coffee: dict[str, App]) -> None:
    database = Database(name="coffee")  # which the service does not use, but its migration does
    services = (replace(coffee["dev"].service("employee"), environment={name: "1"}),)
    with pytest.raises(DescriptionError, match=name):
        replace(coffee["dev"], services=services, database=database)


def test_g4_2_a_task_is_started_with_just_its_own_secrets(secretive: Generated) -> None:
    allowed = secretive.actions("service-employee", "ExecutionRole")
    part = secretive.tree.resolve("coffee.yaml", {"Ref": "PartArn"})
    assert allowed["secretsmanager:GetSecretValue"] == [part, TOKEN, secretive.ref("database", "WriterSecret")]
    assert allowed["kms:Decrypt"] == [KEY]
    assert "ssm:GetParameters" not in allowed
    customer = secretive.actions("service-customer", "ExecutionRole")
    assert customer["secretsmanager:GetSecretValue"] == [secretive.ref("database", "ReaderSecret")]


def test_g4_2_the_roles_open_what_the_task_definitions_name(stage: Generated) -> None:
    for service, file, _ in stage.tasks():
        variables = stage.build_variables(service)
        named = {value.split("}")[0].removeprefix("${") for value in secrets(stage, service, file).values()}
        role = "ExecutionRole" if file == "taskdef.json" else "MigrationExecutionRole"
        allowed = stage.actions(f"service-{service}", role)["secretsmanager:GetSecretValue"]
        assert sorted(map(str, allowed)) == sorted(str(variables[name]) for name in named)


def test_g4_2_an_own_key_is_used_by_way_of_secrets_manager_only(generated: dict[str, Generated], service: str) -> None:
    made = generated["prod"]
    (statement,) = [each for each in made.statements(f"service-{service}", "ExecutionRole") if "kms:Decrypt" in each["Action"]]  # fmt: skip
    assert statement["Resource"] == [made.ref("foundation", "Key", "Arn")]
    assert statement["Condition"] == {"StringLike": {"kms:ViaService": ["secretsmanager.*.amazonaws.com"]}}
    for secret in made.every("SecretsManager::Secret"):
        assert secret["KmsKeyId"] == made.ref("foundation", "Key", "Arn")
    assert "kms:Decrypt" not in generated["dev"].actions(f"service-{service}", "ExecutionRole")


def test_g4_3_nothing_rotates_under_a_running_task(stage: Generated) -> None:
    assert not stage.every("SecretsManager::RotationSchedule")
    master = stage.ref("database", "Instance", "MasterUserSecret.SecretArn")
    for service in stage.services:
        # RDS rotates the master's password every week, so no service is given it.
        assert stage.build_variables(service).get("STACK_DB_SECRET_ARN") != master
        assert master not in stage.actions(f"service-{service}", "ExecutionRole")["secretsmanager:GetSecretValue"]


def test_g4_4_each_service_has_an_application_users_secret(stage: Generated) -> None:
    users = {"customer": "Reader", "employee": "Writer"}
    for service, user in users.items():
        secret = stage.build_variables(service)["STACK_DB_SECRET_ARN"]
        assert secret == stage.ref("database", f"{user}Secret")
    made = stage.resolved("database", "SecretsManager::Secret")
    for user in users.values():
        generating = made[f"{user}Secret"]["Properties"]["GenerateSecretString"]
        assert json.loads(generating["SecretStringTemplate"]) == {"username": user.lower()}


def test_g4_5_the_address_comes_from_the_instance_and_not_from_a_secret(stage: Generated, service: str) -> None:
    variables = stage.build_variables(service)
    assert variables["STACK_DB_HOST"] == stage.ref("database", "Instance", "Endpoint.Address")
    assert variables["STACK_DB_PORT"] == stage.ref("database", "Instance", "Endpoint.Port")
    for name, file, _ in stage.tasks():
        given = {each["name"]: each["value"] for each in stage.container(name, file)["environment"]}
        assert given["DB_HOST"] == "${STACK_DB_HOST}"
        assert given["DB_PORT"] == "${STACK_DB_PORT}"
        assert given["DB_NAME"] == stage.only("database", "RDS::DBInstance")["DBName"]
        assert not {"DB_HOST", "DB_PORT", "DB_NAME"} & set(secrets(stage, name, file))


def test_g4_6_every_key_that_is_asked_for_is_in_its_secret(stage: Generated) -> None:
    keys = {str(stage.ref("database", "Instance", "MasterUserSecret.SecretArn")): {"username", "password"}}  # G4.5
    for name, secret in stage.resolved("database", "SecretsManager::Secret").items():
        generating = secret["Properties"]["GenerateSecretString"]
        inside = {*json.loads(generating["SecretStringTemplate"]), generating["GenerateStringKey"]}
        keys[str(stage.ref("database", name))] = inside
    asked = [
        (stage.build_variables(service)[value.split("}")[0].removeprefix("${")], value.split("}:")[1])
        for service, file, _ in stage.tasks()
        for value in secrets(stage, service, file).values()
    ]
    assert len(asked) == 10
    for secret, key in asked:
        assert key.removesuffix("::") in keys[str(secret)]


# Options of the service (G5)


def test_g5_2_capacity_comes_from_providers_that_the_cluster_has(stage: Generated, service: str) -> None:
    made = stage.only(f"service-{service}", "ECS::Service")
    assert "LaunchType" not in made
    assert made["CapacityProviderStrategy"] == [{"CapacityProvider": "FARGATE", "Base": 0, "Weight": 1}]
    assert {"FARGATE", "FARGATE_SPOT"} <= set(stage.only("cluster", "ECS::Cluster")["CapacityProviders"])
    assert made["Cluster"] == stage.ref("cluster", "Cluster")
    assert stage.target(service)["CapacityProviderStrategy"] == made["CapacityProviderStrategy"]


def test_g5_6_tags_of_tasks_ride_in_the_task_definition(rendered: Render) -> None:
    """The fact says SERVICE; decided otherwise, because a tag of the service would be an update of it (A3.3)."""
    made = rendered(replace(SMALL, tags={"Team": "beans"}))
    service = made.only("service-plain", "ECS::Service")
    assert service["PropagateTags"] == "TASK_DEFINITION"
    assert service["EnableECSManagedTags"] is True
    assert "Tags" not in service
    assert "Tags" not in made.only("service-plain", TASK)
    assert made.taskdef("plain")["tags"] == [
        {"key": "Application", "value": "small"},
        {"key": "Stage", "value": "dev"},
        {"key": "Team", "value": "beans"},
    ]


def test_g5_6_what_is_written_once_carries_no_tags(rendered: Render) -> None:
    made = rendered(replace(SMALL, tags={"Team": "beans"}))
    untagged = ("ECS::Service", TASK, "ElasticLoadBalancingV2::TargetGroup", "ElasticLoadBalancingV2::ListenerRule")
    for kind in untagged:
        assert made.every(kind)
        assert not any("Tags" in each for each in made.every(kind))
    tagged = made.only("cluster", "ECS::Cluster")["Tags"]
    assert {"Key": "Team", "Value": "beans"} in tagged


def test_g3_a_task_definition_is_what_ecs_registers(rendered: Render) -> None:
    """Every key is one of RegisterTaskDefinition, and nothing that only an answer has."""
    from botocore.session import get_session
    from botocore.validate import ParamValidator

    shape = get_session().get_service_model("ecs").operation_model("RegisterTaskDefinition").input_shape
    variables = {"MODE": "quiet", "QUEUE": Text.parameter("QueueName")}
    made = plain(rendered, environment=variables, secrets=SECRETS, writable_paths=("/data",))
    assert ParamValidator().validate(made.taskdef("plain"), shape).generate_report() == ""
