"""taskdef.json: the task definition of the releases of a service, worker or scheduled task, and that of a migration.

Everything that may change about a task is here and takes effect with the next release (A2). The build fills
in what only the stack knows; the deploy action fills in the image.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from cfngen import placeholders as known
from cfngen._json import pretty
from cfngen.placeholders import of
from cfngen.spec import App, Container, HealthCheck, RestartPolicy, ScheduledTask, Secret, Service, SsmParameter, Worker
from cfngen.spec.container import volume
from cfngen.spec.queue import url_variable
from cfngen.spec.task import STORAGE_GIB, Task
from cfngen.spec.telemetry import COLLECTOR, ROUTER, LogRouter, Telemetry
from cfngen.stacks.task import Access
from cfngen.values import Value

_DOLLAR = "\ufdd0"
"""Stands for a dollar that JSON shall write as an escape; Unicode leaves this character to programs."""


def taskdef(app: App, service: Service, access: Access | None) -> str:
    """What CodeDeployToECS registers for each release, as RegisterTaskDefinition takes it (G3)."""
    port = {"name": service.name, "containerPort": service.port, "protocol": "tcp"}
    return _text(_whole(app, service, access, f"<{known.IMAGE1}>", {"portMappings": [port]}))


def task_taskdef(app: App, task: Worker | ScheduledTask, access: Access | None) -> str:
    """What the release of a worker or a scheduled task registers, before its build spells it for Step Functions."""
    body = _whole(app, app.whole(task) if isinstance(task, ScheduledTask) else task, access, of(known.IMAGE))
    if task.command:
        body["containerDefinitions"][0]["command"] = [_own(part) for part in task.command]
    text = _text(body)
    if not (isinstance(task, ScheduledTask) and task.image_of):
        return text
    image = of(known.IMAGE)  # that of the one whose build fills this in; all else is the task's own
    return known.PATTERN.sub(
        lambda match: match[0] if match[0] == image else of(known.of_task(match[1], task.name)), text
    )


def _whole(
    app: App, task: Task, access: Access | None, image: str, ports: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """All containers of a task; `image` is that of its own, which has `ports`."""
    login = _login("DB", known.DB_SECRET_ARN) if access else {}
    address = _address(app, _database_host(app, access))
    variables, secrets = _variables(app, task) | address, _own_secrets(task) | login
    body = _task(app, task, "", known.EXECUTION_ROLE_ARN, image, variables, secrets)
    body["containerDefinitions"][0] |= dict(ports or {}) | _order(task.depends_on) | _health(task.health_check)
    body["containerDefinitions"][0] |= _restart(task.restart_policy)
    for each in task.beside:
        made = _beside(each, variables, secrets, image)
        if each.database:
            _add_database(made, address, login)
        if task.telemetry and each.name == COLLECTOR:
            made["environment"] = [{"name": "AOT_CONFIG_CONTENT", "value": _collector(app, task.telemetry)}]
        body["containerDefinitions"].append(made)
    if task.log_router:
        _route(body["containerDefinitions"], task.log_router)
    body["volumes"] = [{"name": name} for name in _volumes_of(task)]
    return body


def migration_taskdef(app: App, service: Service) -> str:
    """The task that changes the database before a release: the service's own new image, another command.

    It alone gets the master secret, and those of reader and writer, because it makes these users.
    """
    secrets = _own_secrets(service) | _login("DB_ADMIN", known.DB_MASTER_SECRET_ARN)
    secrets |= _login("DB_READER", known.DB_READER_SECRET_ARN) | _login("DB_WRITER", known.DB_WRITER_SECRET_ARN)
    variables = _variables(app, service) | _address(app, known.DB_HOST)
    body = _task(app, service, known.MIGRATION, known.MIGRATION_EXECUTION_ROLE_ARN, of(known.IMAGE), variables, secrets)
    body["containerDefinitions"][0]["command"] = [_own(part) for part in service.migrate]
    return _text(body)


def _task(
    app: App,
    service: Task,
    suffix: str,
    execution_role: str,
    image: str,
    variables: dict[str, str],
    secrets: dict[str, str],
) -> dict[str, Any]:
    stream = service.name + suffix.replace("_", "-")
    container = _container(service.name, image, service, stream, variables, secrets)
    if service.open_files is not None:
        limit = service.open_files
        container["ulimits"] = [{"name": "nofile", "softLimit": limit, "hardLimit": limit}]
    return {
        "family": known.family(app.name, app.stage, service.name, suffix),
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "runtimePlatform": {"cpuArchitecture": service.architecture, "operatingSystemFamily": "LINUX"},
        "cpu": str(service.cpu),
        "memory": str(service.memory_mib),
        **(
            {"ephemeralStorage": {"sizeInGiB": service.ephemeral_storage_gib}}
            if service.ephemeral_storage_gib > STORAGE_GIB
            else {}
        ),
        "executionRoleArn": of(execution_role),
        "taskRoleArn": of(known.TASK_ROLE_ARN),
        "containerDefinitions": [container],
        "volumes": [{"name": name} for name, _ in _volumes(service.writable_paths)],
        "tags": [
            {"key": _own(key), "value": _own(value)}
            for key, value in sorted({"Application": app.name, "Stage": app.stage, **app.tags}.items())
        ],
    }


def _container(
    name: str,
    image: str,
    options: Task | Container,
    stream: str,
    variables: Mapping[str, str],
    secrets: Mapping[str, str],
) -> dict[str, Any]:
    return {
        "name": name,
        "image": image,
        "essential": True,
        "user": options.user,
        "readonlyRootFilesystem": True,
        "linuxParameters": {"initProcessEnabled": True, "capabilities": {"drop": ["ALL"]}},
        "stopTimeout": options.stop_timeout_seconds,
        "environment": [{"name": name, "value": value} for name, value in sorted(variables.items())],
        "secrets": [{"name": name, "valueFrom": value} for name, value in sorted(secrets.items())],
        "mountPoints": [
            {"sourceVolume": name, "containerPath": path, "readOnly": False}
            for name, path in _volumes(options.writable_paths)
        ],
        "logConfiguration": {
            "logDriver": "awslogs",
            "options": {
                "awslogs-group": of(known.LOG_GROUP),
                "awslogs-region": of(known.REGION),
                "awslogs-stream-prefix": stream,
                "mode": "non-blocking",
                "max-buffer-size": "25m",
            },
        },
    }


def _beside(each: Container, variables: Mapping[str, str], secrets: Mapping[str, str], image: str) -> dict[str, Any]:
    """A container beside the service's own. With the service's image it has the service's variables and secrets
    too, and its own win.
    """
    if each.image or each.source:
        built = known.image_of(each.name)
        image = each.image or (f"<{built}>" if image.startswith("<") else of(known.built(each.name)))
    own, own_secrets = _environment(each, each.name), _own_secrets(each, each.name)
    if each.runs_the_services_image:
        own = {name: value for name, value in variables.items() if name not in own_secrets} | own
        own_secrets = {name: value for name, value in secrets.items() if name not in own} | own_secrets
    return (
        _container(each.name, image, each, each.name, own, own_secrets)
        | {"essential": each.essential}
        | ({"command": [_own(part) for part in each.command]} if each.command else {})
        | ({"memory": each.memory_mib} if each.memory_mib is not None else {})
        | _order(each.depends_on)
        | _health(each.health_check)
        | _restart(each.restart_policy)
    )


def _add_database(container: dict[str, Any], address: Mapping[str, str], login: Mapping[str, str]) -> None:
    """The database's address and login, in the place that their names have among the others."""
    for option, added, key in (("environment", address, "value"), ("secrets", login, "valueFrom")):
        told = [*container[option], *({"name": name, key: value} for name, value in added.items())]
        container[option] = sorted(told, key=lambda each: each["name"])


def _route(containers: list[dict[str, Any]], router: LogRouter) -> None:
    """Send what all containers print to the router, and make it one; what it prints itself stays as it is."""
    secrets = [
        {"name": name, "valueFrom": _value_from(known.secret(name, ROUTER), secret)}
        for name, secret in sorted(router.secret_output.items())
    ]
    options = {name: _own(value) for name, value in sorted(router.output.items())}
    for each in containers:
        if each["name"] == ROUTER:
            each |= {"user": "0", "readonlyRootFilesystem": False, "firelensConfiguration": {"type": "fluentbit"}}
        else:
            told: dict[str, Any] = {"logDriver": "awsfirelens", "options": options}
            each["logConfiguration"] = told | ({"secretOptions": secrets} if secrets else {})


def _to_the_collector(app: App, task: Task) -> dict[str, str]:
    """What OpenTelemetry's libraries read by themselves."""
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318",
        "OTEL_RESOURCE_ATTRIBUTES": f"service.namespace={app.name},deployment.environment.name={app.stage}",
        "OTEL_SERVICE_NAME": task.name,
    }


def _collector(app: App, telemetry: Telemetry) -> str:
    """What the collector does, as its configuration says it: JSON, which is YAML."""
    told = {
        "receivers": {
            "otlp": {"protocols": {"grpc": {"endpoint": "localhost:4317"}, "http": {"endpoint": "localhost:4318"}}}
        },
        "processors": {"batch/traces": {"timeout": "1s", "send_batch_size": 50}, "batch/metrics": {"timeout": "60s"}},
        "exporters": {
            "awsxray": {"region": of(known.REGION)},
            "awsemf": {
                "region": of(known.REGION),
                "namespace": telemetry.namespace or f"{app.name}-{app.stage}",
                "log_group_name": of(known.LOG_GROUP),
                "log_stream_name": "telemetry",
            },
        },
        "service": {
            "pipelines": {
                "traces": {"receivers": ["otlp"], "processors": ["batch/traces"], "exporters": ["awsxray"]},
                "metrics": {"receivers": ["otlp"], "processors": ["batch/metrics"], "exporters": ["awsemf"]},
            }
        },
    }
    return json.dumps(told)


def _order(waits: Mapping[str, str]) -> dict[str, Any]:
    listed = [{"containerName": name, "condition": condition} for name, condition in sorted(waits.items())]
    return {"dependsOn": listed} if listed else {}


def _health(check: HealthCheck | None) -> dict[str, Any]:
    if check is None:
        return {}
    command = [_own(part) for part in check.command]
    return {
        "healthCheck": {
            "command": command if command[0] in ("CMD", "CMD-SHELL") else ["CMD", *command],
            "interval": check.interval_seconds,
            "timeout": check.timeout_seconds,
            "retries": check.retries,
            "startPeriod": check.start_period_seconds,
        }
    }


def _restart(policy: RestartPolicy | None) -> dict[str, Any]:
    if policy is None:
        return {}
    told = {
        "enabled": True,
        "ignoredExitCodes": sorted(policy.ignored_exit_codes),
        "restartAttemptPeriod": policy.restart_attempt_period_seconds,
    }
    return {"restartPolicy": told}


def _volumes(paths: Iterable[str]) -> list[tuple[str, str]]:
    """An empty volume of the task for each folder that may be written to (G2.12)."""
    return [(volume(path), path) for path in sorted(paths)]


def _volumes_of(service: Task) -> list[str]:
    """The volumes of a task: those of the service's own container, then what others have besides."""
    paths = [
        *sorted(service.writable_paths),
        *sorted(path for each in service.beside for path in each.writable_paths),
    ]
    return list(dict.fromkeys(name for path in paths for name, _ in _volumes([path])))


def _environment(options: Task | Container, container: str = "") -> dict[str, str]:
    return {
        name: of(known.variable(name, container))
        if isinstance(value, Value) and not value.is_literal
        else _own(_literal(value))
        for name, value in options.environment.items()
    }


def _database_host(app: App, access: Access | None) -> str:
    """What stands for the database's address; who only reads has one of its own where there are readers."""
    if access is None or app.database is None:
        return ""
    return known.DB_READER_HOST if access == "reader" and app.database.has_reader_address else known.DB_HOST


def _address(app: App, host: str) -> dict[str, str]:
    if not host or app.database is None:
        return {}
    return {"DB_HOST": of(host), "DB_PORT": of(known.DB_PORT), "DB_NAME": app.database.name}


def _variables(app: App, service: Task) -> dict[str, str]:
    own = _environment(service)
    if service.telemetry:
        own = {
            name: value for name, value in _to_the_collector(app, service).items() if name not in service.secrets
        } | own
    if isinstance(service, Service):
        own |= {"PORT": str(service.port)} if "PORT" not in own else {}
    if isinstance(service, Worker) and service.queue:
        own |= {"QUEUE_URL": of(known.QUEUE_URL)}
    own |= {url_variable(worker.name): of(known.queue_url(worker.name)) for worker in app.queues_for(service.name)}
    return own | app.called_by(service)


def _literal(value: Any) -> str:
    return value if isinstance(value, str) else str(value.data)


def _own_secrets(options: Task | Container, container: str = "") -> dict[str, str]:
    return {name: _value_from(known.secret(name, container), secret) for name, secret in options.secrets.items()}


def _value_from(placeholder: str, secret: Secret | SsmParameter) -> str:
    key = secret.key if isinstance(secret, Secret) else ""
    return of(placeholder) + (f":{_own(key)}::" if key else "")  # G4.1: the trailing colons stay


def _login(prefix: str, arn: str) -> dict[str, str]:
    return {f"{prefix}_USER": f"{of(arn)}:username::", f"{prefix}_PASSWORD": f"{of(arn)}:password::"}


def _own(text: str) -> str:
    """A text of the user's, in which nothing is a placeholder, whatever it looks like."""
    return text.replace(f"${{{known.PREFIX}", f"{_DOLLAR}{{{known.PREFIX}")


def _text(body: dict[str, Any]) -> str:
    return pretty(body, ensure_ascii=False).replace(_DOLLAR, "\\u0024") + "\n"
