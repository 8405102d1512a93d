"""What a template refers to: logical ids, conditions, and outputs of nested stacks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

_PLACEHOLDER = re.compile(r"\$\{([^!}][^}]*)\}")
_REFERRING = frozenset(("Ref", "Fn::GetAtt", "Fn::Sub", "Fn::If", "Condition"))


class References:
    """Every logical id and every condition that a template refers to, each with the first place that does."""

    def __init__(self, body: dict[str, Any]) -> None:
        self.names: dict[str, str] = {}
        self.conditions: dict[str, str] = {}
        self.outputs: dict[tuple[str, str], str] = {}
        for section in ("Conditions", "Resources", "Outputs"):
            self._is_test = section == "Conditions"  # there a bare "Condition" is a function, too
            for self._place, part in body.get(section, {}).items():
                after = part.get("DependsOn", [])
                for other in [after] if isinstance(after, str) else after:
                    self._name(other)
                if not self._is_test and isinstance(part.get("Condition"), str):
                    self._condition(part["Condition"])
                self._look((part,))

    def _name(self, name: str) -> None:
        if not name.startswith("AWS::"):
            self.names.setdefault(name, self._place)

    def _condition(self, name: str) -> None:
        self.conditions.setdefault(name, self._place)

    def _look(self, parts: Iterable[Any]) -> None:
        for part in parts:
            kind = type(part)  # templates as data hold no others than these
            if kind is dict:
                if len(part) == 1:
                    ((name, given),) = part.items()
                    if name in _REFERRING and self._is_function(name, given):
                        continue
                self._look(part.values())
            elif kind is list:
                self._look(part)

    def _is_function(self, name: str, given: Any) -> bool:
        """Whether it is one that refers to something; what stands in its arguments is looked at, too."""
        match name, given:
            case "Ref", str():
                self._name(given)
            case "Fn::GetAtt", [str(other), *more]:
                self._name(other)
                self._look(more)
                if more and isinstance(more[0], str) and more[0].startswith("Outputs."):
                    self.outputs.setdefault((other, more[0].removeprefix("Outputs.")), self._place)
            case "Fn::GetAtt", str():
                self._name(given.partition(".")[0])
            case "Fn::Sub", str():
                self._look_in_text(given, {})
            case "Fn::Sub", [str(text), dict(own)]:
                self._look_in_text(text, own)
                self._look(own.values())
            case "Fn::If", [str(condition), *rest]:
                self._condition(condition)
                self._look(rest)
            case "Condition", str() if self._is_test:
                self._condition(given)
            case _:
                return False
        return True

    def _look_in_text(self, text: str, own: Mapping[str, Any]) -> None:
        for name in _PLACEHOLDER.findall(text):
            if name not in own:
                self._name(name if name.startswith("AWS::") else name.partition(".")[0])
