"""Values of a template: every intrinsic function, conditions, pseudo parameters and dynamic references."""

from __future__ import annotations

import base64
import ipaddress
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Protocol

from cfngen.semantics.template import Parts, Template, TemplateError

DYNAMIC = re.compile(r"\{\{resolve:([a-z-]+):([^}]+)\}\}")
_VARIABLE = re.compile(r"\$\{([^}]+)\}")


class _NoValue:
    """What ``AWS::NoValue`` is: the property is not there."""

    def __repr__(self) -> str:
        return "AWS::NoValue"


NO_VALUE = _NoValue()


class Surroundings(Protocol):
    """What a template's values depend on beside the template."""

    def reference(self, name: str) -> Any:
        """The physical id of a resource, which is there already."""

    def attribute(self, name: str, attribute: str) -> Any:
        """An attribute of a resource, which is there already."""

    def dynamic(self, service: str, key: str) -> str:
        """What a dynamic reference says now; or the reference itself, where it shall stay one."""

    def imported(self, name: str) -> Any:
        """The value of another stack's export."""


class Resolver:
    """Resolves the values of one stack. `parameters` are typed already, `pseudo` are by their full names.

    Raises `TemplateError` for what CloudFormation would refuse.
    """

    def __init__(
        self, template: Template, parameters: Mapping[str, Any], pseudo: Mapping[str, Any], around: Surroundings
    ) -> None:
        self.template = template
        self.parameters = parameters
        self.pseudo = pseudo
        self.around = around
        self._changing = template.changing
        self._conditions: dict[str, bool] = {}
        self._functions: Mapping[str, Callable[[Any], Any]] = {
            "Ref": self._ref,
            "Fn::GetAtt": self._get_att,
            "Fn::Sub": self._sub,
            "Fn::Join": self._join,
            "Fn::Split": self._split,
            "Fn::Select": self._select,
            "Fn::If": self._if,
            "Fn::FindInMap": self._find_in_map,
            "Fn::GetAZs": self._zones,
            "Fn::Cidr": self._cidr,
            "Fn::Base64": self._base64,
            "Fn::ImportValue": self._import,
            "Fn::Length": self._length,
        }

    def condition(self, name: str) -> bool:
        """Whether a condition of the template holds."""
        if name not in self._conditions:
            declared = self.template.section("Conditions")
            if name not in declared:
                raise TemplateError(f"Template format error: Unresolved condition {name}")
            self._conditions[name] = self._holds(declared[name])
        return self._conditions[name]

    def value(self, node: Any) -> Any:
        """A part of the template with everything in it resolved; a constant is the template's own."""
        if isinstance(node, str):
            return self._text(node)
        if isinstance(node, dict):
            if len(node) == 1:
                ((name, argument),) = node.items()
                if function := self._functions.get(name):
                    return function(argument)
        elif not isinstance(node, list):
            return node
        parts = self._changing.get(id(node))
        if parts is None:  # it is none of the template's own
            parts = tuple(node.items() if isinstance(node, dict) else enumerate(node))
        return self._with(node, parts) if parts else node

    def _with(self, node: Any, parts: Parts) -> Any:
        """A mapping or a list with these parts of it resolved; what is `NO_VALUE` goes."""
        made, gone = node.copy(), []
        for key, part in parts:
            made[key] = found = self.value(part)
            if found is NO_VALUE:
                gone.append(key)
        for key in reversed(gone):
            del made[key]
        return made

    def _text(self, text: str) -> str:
        if "{{resolve:" not in text:
            return text
        return DYNAMIC.sub(lambda match: self.around.dynamic(match[1], match[2]), text)

    def _holds(self, node: Any) -> bool:
        match node:
            case {"Condition": str(name)}:
                return self.condition(name)
            case {"Fn::Equals": [one, other]}:
                return _as_text(self.value(one)) == _as_text(self.value(other))
            case {"Fn::Not": [inner]}:
                return not self._holds(inner)
            case {"Fn::And": [*parts]}:
                return all(self._holds(part) for part in parts)
            case {"Fn::Or": [*parts]}:
                return any(self._holds(part) for part in parts)
        raise TemplateError(f"Template error: every Condition member must be a string or a condition function: {node}")

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return NO_VALUE
        if name in self.pseudo:
            return self.pseudo[name]
        if name in self.parameters:
            return self.parameters[name]
        if name in self.template.resources:
            return self.around.reference(name)
        raise TemplateError(
            f"Template format error: Unresolved resource dependencies [{name}] in the Resources block of the template"
        )

    def _get_att(self, argument: Any) -> Any:
        name, attribute = argument.split(".", 1) if isinstance(argument, str) else argument
        if name not in self.template.resources:
            raise TemplateError(f"Template error: instance of Fn::GetAtt references undefined resource {name}")
        return self.around.attribute(name, str(self.value(attribute)))

    def _sub(self, argument: Any) -> str:
        text, own = argument if isinstance(argument, list) else (argument, {})
        known = {name: self.value(part) for name, part in own.items()}
        pieces = list(_pieces(text))
        pieces[1::2] = [self._variable(name, known) for name in pieces[1::2]]
        return self._text("".join(pieces))

    def _variable(self, name: str, known: Mapping[str, Any]) -> str:
        """What stands in a text for a name in braces."""
        if name.startswith("!"):
            return f"${{{name[1:]}}}"
        if name in known:
            return _as_text(known[name])
        if "." in name and not name.startswith("AWS::"):
            return _as_text(self._get_att(name))
        return _as_text(self._ref(name))

    def _join(self, argument: Any) -> str:
        separator, items = argument
        return self._text(separator.join(map(_as_text, self._list("Fn::Join", items))))

    def _split(self, argument: Any) -> list[str]:
        separator, text = argument
        return _as_text(self.value(text)).split(separator)

    def _select(self, argument: Any) -> Any:
        index, items = argument
        number, values = self._number("Fn::Select", index), self._list("Fn::Select", items)
        if not 0 <= number < len(values):
            raise TemplateError(f"Template error: Fn::Select cannot select nonexistent value at index {number}")
        return values[number]

    def _if(self, argument: Any) -> Any:
        name, one, other = argument
        return self.value(one if self.condition(name) else other)

    def _find_in_map(self, argument: Any) -> Any:
        name, first, second, *default = argument
        keys = [_as_text(self.value(key)) for key in (name, first, second)]
        found: Any = self.template.section("Mappings")
        for key in keys:
            known = {str(each): part for each, part in found.items()} if isinstance(found, Mapping) else {}
            if key not in known:
                if default and isinstance(default[0], Mapping) and "DefaultValue" in default[0]:
                    return self.value(default[0]["DefaultValue"])
                raise TemplateError(f"Template error: Unable to get mapping for {'::'.join(keys)}")
            found = known[key]
        return found

    def _zones(self, argument: Any) -> list[str]:
        region = self.value(argument) or self.pseudo["AWS::Region"]
        return [f"{region}{letter}" for letter in "abc"]

    def _cidr(self, argument: Any) -> list[str]:
        block, count, *bits = argument
        number = self._number("Fn::Cidr", count)
        try:
            network = ipaddress.ip_network(_as_text(self.value(block)))
            blocks = network.subnets(
                new_prefix=network.max_prefixlen - self._number("Fn::Cidr", bits[0] if bits else 8)
            )
            return [str(each) for each, _ in zip(blocks, range(min(number, 256)), strict=False)]
        except ValueError as error:
            raise TemplateError(f"Template error: Fn::Cidr: {error}") from None

    def _base64(self, argument: Any) -> str:
        return base64.b64encode(_as_text(self.value(argument)).encode()).decode()

    def _import(self, argument: Any) -> Any:
        return self.around.imported(_as_text(self.value(argument)))

    def _length(self, argument: Any) -> int:
        return len(self._list("Fn::Length", argument))

    def _list(self, function: str, argument: Any) -> list[Any]:
        found = self.value(argument)
        if not isinstance(found, list):
            raise TemplateError(f"Template error: {function} wants a list, and gets {_as_text(found)!r}")
        return found

    def _number(self, function: str, argument: Any) -> int:
        found = self.value(argument)
        try:
            return int(found)
        except (TypeError, ValueError, OverflowError):
            raise TemplateError(f"Template error: {function} wants a number, and gets {_as_text(found)!r}") from None


@lru_cache(maxsize=4096)
def _pieces(text: str) -> tuple[str, ...]:
    """A text cut at its variables, whose names are every second piece."""
    return tuple(_VARIABLE.split(text))


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return (
        value if isinstance(value, str) else ",".join(map(_as_text, value)) if isinstance(value, list) else str(value)
    )
