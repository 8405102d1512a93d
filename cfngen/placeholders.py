"""Names in a service's files for what only the stack knows; its build fills them in from its environment.

They begin with STACK_, so that they meet no variable of the user's, and stand as ``${STACK_…}`` in the files.
"""

from __future__ import annotations

import re

PREFIX = "STACK_"
PATTERN = re.compile(r"\$\{(STACK_\w+)\}")

REGION = "STACK_REGION"
IMAGE = "STACK_IMAGE"
LOG_GROUP = "STACK_LOG_GROUP"
EXECUTION_ROLE_ARN = "STACK_EXECUTION_ROLE_ARN"
TASK_ROLE_ARN = "STACK_TASK_ROLE_ARN"
SUBNETS = "STACK_SUBNETS"
SECURITY_GROUP = "STACK_SECURITY_GROUP"
DB_HOST = "STACK_DB_HOST"
DB_PORT = "STACK_DB_PORT"
DB_READER_HOST = "STACK_DB_READER_HOST"
DB_SECRET_ARN = "STACK_DB_SECRET_ARN"
MIGRATION_EXECUTION_ROLE_ARN = "STACK_MIGRATION_EXECUTION_ROLE_ARN"
DB_MASTER_SECRET_ARN = "STACK_DB_MASTER_SECRET_ARN"
DB_READER_SECRET_ARN = "STACK_DB_READER_SECRET_ARN"
DB_WRITER_SECRET_ARN = "STACK_DB_WRITER_SECRET_ARN"

QUEUE_URL = "STACK_QUEUE_URL"

MIGRATION = "_migrate"
"""Ends the family of a migration; no service can be called so."""

IMAGE1 = "IMAGE1_NAME"
"""What the deploy action replaces in taskdef.json, as ``<IMAGE1_NAME>`` (D3)."""


def image_of(container: str) -> str:
    """The like for the image of a further container that the pipeline builds; by name, so that none takes another's."""
    return f"IMAGE_{_word(container)}_NAME"


def built(container: str) -> str:
    """For the image of a further container of a worker or a scheduled task, which its build makes and fills in."""
    return f"{IMAGE}_{_word(container)}"


def of(name: str) -> str:
    """The placeholder as it stands in a file."""
    return f"${{{name}}}"


def variable(name: str, container: str = "") -> str:
    """For a value of the description's `environment` that only the deployment knows; of a further container, by its name."""
    return f"{PREFIX}{_within(container)}VARIABLE_{name}"


def secret(name: str, container: str = "") -> str:
    """For a secret of the description whose ARN only the deployment knows, likewise."""
    return f"{PREFIX}{_within(container)}SECRET_{name}"


def hook(event: str) -> str:
    """For the function that a deployment calls at an event."""
    return f"{PREFIX}HOOK_{event}"


def queue_url(worker: str) -> str:
    """For the queue of a worker, in the tasks of those who send to it."""
    return f"{PREFIX}QUEUE_{_word(worker)}_URL"


def of_task(name: str, task: str) -> str:
    """The like of a placeholder for a scheduled task that the build of another one fills in too."""
    return f"{PREFIX}TASK_{_word(task)}_{name.removeprefix(PREFIX)}"


def family(application: str, stage: str, service: str, suffix: str = "") -> str:
    """The family of a service's task definitions."""
    return f"{application}-{stage}-{service}{suffix}"


def _within(container: str) -> str:
    return f"CONTAINER_{_word(container)}_" if container else ""


def _word(container: str) -> str:
    return container.replace("-", "_")  # names of containers have no underscore, and no capitals
