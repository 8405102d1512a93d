"""Calls of AWS's API as a state machine writes them: every member with a capital letter, whatever the API itself has (Step Functions guide, AWS SDK integrations)."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from cfngen.rehearse.account import Account
from cfngen.simulate.machines import TaskFailedError


def call(account: Account, service: str, operation: str, given: Mapping[str, Any]) -> Any:
    """Call an operation, as in `ecs` and `registerTaskDefinition`; raises `TaskFailedError` where it is refused."""
    client = account.client(service)
    name = f"{operation[:1].upper()}{operation[1:]}"
    model = client.meta.service_model.operation_model(name)
    words = re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()
    try:
        answer = getattr(client, words)(**_given(given, model.input_shape))
    except ClientError as refused:
        told = refused.response["Error"]
        raise TaskFailedError(f"{service.capitalize()}.{told['Code']}: {told['Message']}") from None
    return _told({key: value for key, value in answer.items() if key != "ResponseMetadata"}, model.output_shape)


def _given(value: Any, shape: Any) -> Any:
    """As boto3 takes it: members by the names that the API has, keys of maps as they are."""
    match shape.type_name:
        case "structure":
            names = {name.lower(): name for name in shape.members}
            found = {names.get(key.lower(), key): part for key, part in value.items()}
            return {
                key: _given(part, shape.members[key]) if key in shape.members else part for key, part in found.items()
            }
        case "list":
            return [_given(each, shape.member) for each in value]
        case "map":
            return {key: _given(part, shape.value) for key, part in value.items()}
    return value


def _told(value: Any, shape: Any) -> Any:
    if isinstance(value, dt.datetime):
        return value.isoformat()
    match shape.type_name:
        case "structure":
            members = {key: _told(part, shape.members[key]) for key, part in value.items() if key in shape.members}
            return {f"{key[:1].upper()}{key[1:]}": part for key, part in members.items()}
        case "list":
            return [_told(each, shape.member) for each in value]
        case "map":
            return {key: _told(part, shape.value) for key, part in value.items()}
    return value
