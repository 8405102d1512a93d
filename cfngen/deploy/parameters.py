"""What the root is given: what the user says, what the stack has already, what serves now, what another root tells, and
the template's defaults.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from cfngen.errors import DescriptionError, Problem, did_you_mean
from cfngen.semantics.document import UnreadableError, read_yaml
from cfngen.words import pairs

Source = Literal["given", "kept", "default", "live", "first"]
_FORMS = "a mapping as in TestCidr: 203.0.113.0/24, or what aws cloudformation takes as a file of parameters"


class Asked(Protocol):
    """A parameter that asks for a live colour, as preflight tells it. Without a `value`, `reason` says why not."""

    @property
    def name(self) -> str: ...
    @property
    def service(self) -> str: ...
    @property
    def value(self) -> str: ...
    @property
    def reason(self) -> str: ...


@dataclass(frozen=True)
class Value:
    """One parameter of the root. `value` is empty where CloudFormation knows it better: kept ones and defaults.

    `service` is the one whose live colour it is. What comes from the stage's `first` root is what that has as an output.
    """

    name: str
    source: Source
    value: str = ""
    service: str = ""

    @property
    def call(self) -> dict[str, Any] | None:
        """How a change set takes it; `None` where it need not be said."""
        if self.source == "default":
            return None
        if self.source == "kept":
            return {"ParameterKey": self.name, "UsePreviousValue": True}
        return {"ParameterKey": self.name, "ParameterValue": self.value}


def settle(
    declared: Mapping[str, Mapping[str, Any]],
    given: Mapping[str, str],
    kept: Mapping[str, str],
    live: Iterable[Asked] = (),
    handed: Mapping[str, str] | None = None,
) -> tuple[Value, ...]:
    """The value of every declared parameter, or `DescriptionError` with all that are missing or unknown.

    `kept` are those of the deployed stack, whose values stay (as with `aws cloudformation deploy`), `live` what
    preflight says of those that ask for a colour, `handed` what another root tells.
    """
    handed = handed or {}
    asked = {each.name: each for each in live}
    problems = [
        Problem(f"--parameter {name}", "", f"the root has no such parameter; {did_you_mean(name, declared)}")
        for name in given
        if name not in declared
    ]
    values = []
    for name, body in declared.items():
        found = asked.get(name)
        if name in given:
            values.append(Value(name, "given", given[name]))
        elif found and found.value:
            values.append(Value(name, "live", found.value, found.service))
        elif name in handed and kept.get(name) != handed[name]:
            values.append(Value(name, "first", handed[name]))
        elif name in kept and not found:
            values.append(Value(name, "kept"))
        elif "Default" in body:
            values.append(Value(name, "default"))
        else:
            problems.append(_missing(name, body, found))
    if problems:
        raise DescriptionError(problems)
    return tuple(values)


def read_file(file: Path) -> dict[str, str]:
    """A file of parameters: YAML or JSON, a mapping, or one of the three forms of `aws cloudformation deploy`."""
    try:
        data = read_yaml(file.read_text(encoding="utf-8")).data
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise DescriptionError([Problem("--parameters", "", f"cannot be read: {reason}", str(file))]) from None
    except UnreadableError as error:
        raise DescriptionError([Problem("--parameters", str(error), _FORMS, str(file), error.line)]) from None
    if isinstance(data, dict) and set(data) == {"Parameters"}:
        data = data["Parameters"]  # as CodePipeline has it
    if isinstance(data, dict) and all(isinstance(name, str) for name in data):
        return {name: _text(value, name, file) for name, value in data.items()}
    if isinstance(data, list) and all(isinstance(each, str) for each in data):
        return pairs("--parameter", data)
    if isinstance(data, list) and all(isinstance(each, dict) and set(each) == _KEYS for each in data):
        return {each["ParameterKey"]: _text(each["ParameterValue"], each["ParameterKey"], file) for each in data}
    raise DescriptionError([Problem("--parameters", "", _FORMS, str(file))])


_KEYS = {"ParameterKey", "ParameterValue"}


def _text(value: Any, name: str, file: Path) -> str:
    """A parameter's value is a text; lists are written with commas, as CloudFormation reads them (K1.3)."""
    if isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, list) and all(isinstance(each, (str, int)) for each in value):
        return ",".join(map(str, value))
    if isinstance(value, (str, int, float)):
        return str(value)
    raise DescriptionError([Problem(name, "", "a text, a number, or a list of them", str(file))])


def _missing(name: str, body: Mapping[str, Any], found: Asked | None) -> Problem:
    told = f": {body['Description']}" if body.get("Description") else ""
    if found:
        told = f": the live colour of {found.service}, blue or green, which nobody can tell now: {found.reason}"
    allowed = ", ".join(map(str, body.get("AllowedValues", ())))
    fits = f"VALUE, one of {allowed}" if allowed and not found else "VALUE"
    return Problem(name, "it has no value yet", f"give --parameter {name}={fits}{told}")
