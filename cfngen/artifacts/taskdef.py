"""taskdef.json: the task definition of a service's releases, and that of its migration.

Everything that may change about a task is here and takes effect with the next release (A2). The build fills
in what only the stack knows; the deploy action fills in the image.
"""

from __future__ import annotations

import json
from typing import Any

from cfngen import placeholders as known
from cfngen.placeholders import of
from cfngen.spec import App, Secret, Service
from cfngen.spec.service import volume
from cfngen.stacks.service import Access
from cfngen.values import Value

_DOLLAR = "\ufdd0"
"""Stands for a dollar that JSON shall write as an escape; Unicode leaves this character to programs."""


def taskdef(app: App, service: Service, access: Access | None) -> str:
    """What CodeDeployToECS registers for each release, as RegisterTaskDefinition takes it (G3)."""
    secrets = _own_secrets(service)
    if access:
        secrets |= _login("DB", known.DB_SECRET_ARN)
    body = _task(
        app,
        service,
        "",
        known.EXECUTION_ROLE_ARN,
        f"<{known.IMAGE1}>",
        _variables(app, service, database=bool(access)),
        secrets,
    )
    container = body["containerDefinitions"][0]
    container["portMappings"] = [{"name": service.name, "containerPort": service.port, "protocol": "tcp"}]
    return _text(body)


def migration_taskdef(app: App, service: Service) -> str:
    """The task that changes the database before a release: the service's own new image, another command.

    It alone gets the master secret, and those of reader and writer, because it makes these users.
    """
    secrets = _own_secrets(service) | _login("DB_ADMIN", known.DB_MASTER_SECRET_ARN)
    secrets |= _login("DB_READER", known.DB_READER_SECRET_ARN) | _login("DB_WRITER", known.DB_WRITER_SECRET_ARN)
    variables = _variables(app, service, database=True)
    body = _task(app, service, known.MIGRATION, known.MIGRATION_EXECUTION_ROLE_ARN, of(known.IMAGE), variables, secrets)
    body["containerDefinitions"][0]["command"] = [_own(part) for part in service.migrate]
    return _text(body)


def _task(
    app: App,
    service: Service,
    suffix: str,
    execution_role: str,
    image: str,
    variables: dict[str, str],
    secrets: dict[str, str],
) -> dict[str, Any]:
    container: dict[str, Any] = {
        "name": service.name,
        "image": image,
        "essential": True,
        "user": service.user,
        "readonlyRootFilesystem": True,
        "linuxParameters": {"initProcessEnabled": True, "capabilities": {"drop": ["ALL"]}},
        "stopTimeout": service.stop_timeout_seconds,
        "environment": [{"name": name, "value": value} for name, value in sorted(variables.items())],
        "secrets": [{"name": name, "valueFrom": value} for name, value in sorted(secrets.items())],
        "mountPoints": [
            {"sourceVolume": name, "containerPath": path, "readOnly": False} for name, path in _volumes(service)
        ],
        "logConfiguration": {
            "logDriver": "awslogs",
            "options": {
                "awslogs-group": of(known.LOG_GROUP),
                "awslogs-region": of(known.REGION),
                "awslogs-stream-prefix": service.name + suffix.replace("_", "-"),
                "mode": "non-blocking",
                "max-buffer-size": "25m",
            },
        },
    }
    return {
        "family": known.family(app.name, app.stage, service.name, suffix),
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "runtimePlatform": {"cpuArchitecture": service.architecture, "operatingSystemFamily": "LINUX"},
        "cpu": str(service.cpu),
        "memory": str(service.memory_mib),
        "executionRoleArn": of(execution_role),
        "taskRoleArn": of(known.TASK_ROLE_ARN),
        "containerDefinitions": [container],
        "volumes": [{"name": name} for name, _ in _volumes(service)],
        "tags": [
            {"key": _own(key), "value": _own(value)}
            for key, value in sorted({"Application": app.name, "Stage": app.stage, **app.tags}.items())
        ],
    }


def _volumes(service: Service) -> list[tuple[str, str]]:
    """An empty volume of the task for each folder that may be written to (G2.12)."""
    return [(volume(path), path) for path in sorted(service.writable_paths)]


def _variables(app: App, service: Service, *, database: bool) -> dict[str, str]:
    own = {
        name: of(known.variable(name)) if isinstance(value, Value) and not value.is_literal else _own(_literal(value))
        for name, value in service.environment.items()
    }
    own |= {"PORT": str(service.port)} if "PORT" not in own else {}
    if database and app.database:
        own |= {"DB_HOST": of(known.DB_HOST), "DB_PORT": of(known.DB_PORT), "DB_NAME": app.database.name}
    return own


def _literal(value: Any) -> str:
    return value if isinstance(value, str) else str(value.data)


def _own_secrets(service: Service) -> dict[str, str]:
    return {name: _value_from(name, secret) for name, secret in service.secrets.items()}


def _value_from(name: str, secret: Secret) -> str:
    return of(known.secret(name)) + (f":{_own(secret.key)}::" if secret.key else "")  # G4.1: the trailing colons stay


def _login(prefix: str, arn: str) -> dict[str, str]:
    return {f"{prefix}_USER": f"{of(arn)}:username::", f"{prefix}_PASSWORD": f"{of(arn)}:password::"}


def _own(text: str) -> str:
    """A text of the user's, in which nothing is a placeholder, whatever it looks like."""
    return text.replace(f"${{{known.PREFIX}", f"{_DOLLAR}{{{known.PREFIX}")


def _text(body: dict[str, Any]) -> str:
    return json.dumps(body, indent=2, ensure_ascii=False).replace(_DOLLAR, "\\u0024") + "\n"
