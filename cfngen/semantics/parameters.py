"""Parameters of a stack: what is given, what is kept, what is refused, and which type each value gets."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from cfngen.semantics.template import Template, TemplateError

_SSM = re.compile(r"AWS::SSM::Parameter::Value<(.+)>")


def texts(template: Template, given: Mapping[str, str], kept: Mapping[str, str] | None = None) -> dict[str, str]:
    """Each parameter as the text that it has: given, else kept from the stack as it is, else its default.

    Raises `TemplateError` for a parameter that nobody declared, that has no value, or whose value does not fit.
    """
    declared = template.section("Parameters")
    if unknown := sorted(set(given) - set(declared)):
        raise TemplateError(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    found: dict[str, str] = {}
    for name, each in declared.items():
        if name in given:
            found[name] = str(given[name])
        elif kept is not None and name in kept:
            found[name] = kept[name]
        elif "Default" in each:
            found[name] = str(each["Default"])
    if missing := sorted(set(declared) - set(found)):
        raise TemplateError(f"Parameters: [{', '.join(missing)}] must have values")
    for name, text in found.items():
        _check(name, declared[name], text)
    return found


def typed(template: Template, found: Mapping[str, str], stored: Callable[[str], str]) -> dict[str, Any]:
    """The values that references see: lists for list types; `stored` reads SSM parameters, at every operation."""
    values: dict[str, Any] = {}
    for name, text in found.items():
        kind = str(template.section("Parameters")[name].get("Type", "String"))
        match = _SSM.fullmatch(kind)
        values[name] = _typed(match[1], stored(text)) if match else _typed(kind, text)
    return values


def _typed(kind: str, text: str) -> Any:
    if kind != "CommaDelimitedList" and not kind.startswith("List<"):
        return text
    return [part.strip() for part in text.split(",")] if text else []


def _check(name: str, declared: Mapping[str, Any], text: str) -> None:
    parts = text.split(",") if str(declared.get("Type", "")).startswith(("List<", "CommaDelimited")) else [text]
    for part in parts:
        allowed = declared.get("AllowedValues")
        if allowed is not None and part not in map(str, allowed):
            raise TemplateError(f"Parameter '{name}' must be one of AllowedValues")
        if not matches(part, declared.get("AllowedPattern")):
            raise TemplateError(f"Parameter '{name}' must match pattern {declared['AllowedPattern']}")
    if declared.get("Type") == "Number":
        _check_number(name, declared, text)
    elif not int(declared.get("MinLength", 0)) <= len(text) <= int(declared.get("MaxLength", 4096)):
        raise TemplateError(f"Parameter '{name}' does not have a length between MinLength and MaxLength")


def matches(text: str, pattern: str | None) -> bool:
    """Whether a text fits an AllowedPattern, which is Java's: one that says nothing in Python refuses nothing."""
    try:
        return pattern is None or re.fullmatch(pattern, text) is not None
    except (re.error, OverflowError, RecursionError):
        return True


def _check_number(name: str, declared: Mapping[str, Any], text: str) -> None:
    try:
        number = float(text)
    except ValueError:
        raise TemplateError(f"Parameter '{name}' must be a number.") from None
    if not float(declared.get("MinValue", "-inf")) <= number <= float(declared.get("MaxValue", "inf")):
        raise TemplateError(f"Parameter '{name}' must be a number between MinValue and MaxValue")
