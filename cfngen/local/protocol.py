"""The Query protocol of CloudFormation: requests as forms, answers as XML, both by botocore's own shapes."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

NAMESPACE = "http://cloudformation.amazonaws.com/doc/2010-05-15/"


class QueryError(Exception):
    """An answer that is an error: AWS's code, and a message in its words."""

    def __init__(self, message: str, code: str = "ValidationError", status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


def read_request(body: str) -> tuple[str, dict[str, Any]]:
    """The operation and its parameters; raises `QueryError` for an operation that CloudFormation does not have."""
    form = dict(parse_qsl(body, keep_blank_values=True))
    operation = form.pop("Action", "")
    if operation not in _model().operation_names:
        raise QueryError(f"Could not find operation {operation} for version 2010-05-15", "InvalidAction")
    shape = _model().operation_model(operation).input_shape
    return operation, _unfold(form, shape, "") if shape else {}


def write_answer(operation: str, result: Mapping[str, Any]) -> str:
    """The XML of an answer; what its shape has no place for is an error of ours."""
    shape = _model().operation_model(operation).output_shape
    inner = "".join(_members(result, shape)) if shape else ""
    wrapped = f"<{operation}Result>{inner}</{operation}Result>" if shape else ""
    meta = "<ResponseMetadata><RequestId>local</RequestId></ResponseMetadata>"
    return f'<{operation}Response xmlns="{NAMESPACE}">{wrapped}{meta}</{operation}Response>'


def write_error(error: QueryError) -> str:
    """The XML of an error."""
    told = f"<Type>Sender</Type><Code>{escape(error.code)}</Code><Message>{escape(str(error))}</Message>"
    return f'<ErrorResponse xmlns="{NAMESPACE}"><Error>{told}</Error><RequestId>local</RequestId></ErrorResponse>'


@cache
def _model() -> Any:
    import botocore.session

    return botocore.session.get_session().get_service_model("cloudformation")


def _unfold(form: Mapping[str, str], shape: Any, prefix: str) -> Any:
    if shape.type_name == "structure":
        found = {}
        for name, member in shape.members.items():
            key = f"{prefix}{member.serialization.get('name', name)}"
            if key in form or any(each.startswith(f"{key}.") for each in form):
                found[name] = _unfold(form, member, f"{key}.")
        return found
    if shape.type_name == "list":
        numbers = sorted(
            {int(m[1]) for each in form if (m := re.match(re.escape(f"{prefix}member.") + r"(\d+)", each))}
        )
        return [_unfold(form, shape.member, f"{prefix}member.{number}.") for number in numbers]
    if shape.type_name == "map":
        numbers = sorted({int(m[1]) for each in form if (m := re.match(re.escape(f"{prefix}entry.") + r"(\d+)", each))})
        return {form[f"{prefix}entry.{n}.key"]: form[f"{prefix}entry.{n}.value"] for n in numbers}
    text = form[prefix.removesuffix(".")]
    if shape.type_name == "boolean":
        return text.lower() == "true"
    return int(text) if shape.type_name in ("integer", "long") else text


def _members(value: Mapping[str, Any], shape: Any) -> Iterator[str]:
    if unknown := sorted(set(value) - set(shape.members)):
        raise KeyError(f"{shape.name} has no {', '.join(unknown)}")
    for name, member in shape.members.items():
        if value.get(name) is not None:
            tag = member.serialization.get("name", name)
            yield f"<{tag}>{_written(value[name], member)}</{tag}>"


def _written(value: Any, shape: Any) -> str:
    if shape.type_name == "structure":
        return "".join(_members(value, shape))
    if shape.type_name == "list":
        return "".join(f"<member>{_written(each, shape.member)}</member>" for each in value)
    if shape.type_name == "timestamp":
        return value.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")  # type: ignore[no-any-return]
    if shape.type_name == "boolean":
        return str(bool(value)).lower()
    return escape(str(value))
