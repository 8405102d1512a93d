"""Rules of a template: assertions about its parameters, checked before anything is made (CFN-UG rules-section)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cfngen.semantics.template import Template, TemplateError


def check_rules(template: Template, parameters: Mapping[str, Any]) -> None:
    """Raise `TemplateError` for the first assertion that does not hold; `parameters` are typed."""
    for name, rule in template.section("Rules").items():
        if "RuleCondition" in rule and not _holds(rule["RuleCondition"], parameters):
            continue
        for assertion in rule["Assertions"]:
            if not _holds(assertion["Assert"], parameters):
                told = assertion.get("AssertDescription", "no description")
                raise TemplateError(f"Template error: validation failed for rule {name}: {told}")


def _holds(node: Any, parameters: Mapping[str, Any]) -> bool:  # noqa: PLR0911  (one line a function)
    match node:
        case {"Fn::Equals": [one, other]}:
            return bool(_value(one, parameters) == _value(other, parameters))
        case {"Fn::Not": [inner]}:
            return not _holds(inner, parameters)
        case {"Fn::And": [*parts]}:
            return all(_holds(part, parameters) for part in parts)
        case {"Fn::Or": [*parts]}:
            return any(_holds(part, parameters) for part in parts)
        case {"Fn::Contains": [values, value]}:
            return _value(value, parameters) in _value(values, parameters)
        case {"Fn::EachMemberEquals": [values, value]}:
            return all(each == _value(value, parameters) for each in _value(values, parameters))
        case {"Fn::EachMemberIn": [values, others]}:
            return all(each in _value(others, parameters) for each in _value(values, parameters))
    raise TemplateError(f"Template error: a rule cannot use {node}")


def _value(node: Any, parameters: Mapping[str, Any]) -> Any:
    if isinstance(node, list):
        return [_value(each, parameters) for each in node]
    if isinstance(node, dict) and "Ref" in node:
        return parameters.get(node["Ref"], node["Ref"])
    return node
