"""One template as CloudFormation reads it: its sections, and in which order its resources are made."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cached_property, lru_cache
from typing import Any

from cfngen.semantics import shapes
from cfngen.semantics.document import UnreadableError, json_data, yaml_data

STACK = "AWS::CloudFormation::Stack"
Body = Mapping[str, Any]
Parts = tuple[tuple[Any, Any], ...]
"""Keys or indices of a mapping or a list, each with what stands there."""

_VARIABLE = re.compile(r"\$\{([^!}][^}]*)\}")


class TemplateError(Exception):
    """A template or its parameters are refused before anything is made; the message is in CloudFormation's words."""


class Template:
    """A template's body with what is asked of it again and again. `body` is shared: look, do not touch.

    `text` is what it was read from, if it was.
    """

    def __init__(self, body: Any, text: str = "") -> None:
        resources = body.get("Resources") if isinstance(body, Mapping) else None
        if not resources or not isinstance(resources, Mapping):
            raise TemplateError("Template format error: At least one Resources member must be defined.")
        self.body: Body = body
        self.resources: Mapping[str, Any] = resources
        self.text = text

    def section(self, name: str) -> Mapping[str, Any]:
        """A section of the template, empty when it has none."""
        return self.body.get(name) or {}

    @cached_property
    def fault(self) -> str:
        """Why CloudFormation would refuse it as a whole; empty when it would not."""
        try:
            found = next(_faults(self), "")
        except TemplateError as error:
            return str(error)
        return f"Template format error: {found}" if found else ""

    @cached_property
    def changing(self) -> Mapping[int, Parts]:
        """By `id`, the mappings and lists of resources and outputs, each with those of its parts that depend on a stack's
        values; one that has none is the same in every stack.
        """
        found: dict[int, Parts] = {}
        for section in ("Resources", "Outputs"):
            _notes_changing(self.section(section), found)
        return found

    @cached_property
    def needs(self) -> Mapping[str, frozenset[str]]:
        """For each resource those of the same template that must be there before it."""
        return {
            name: frozenset(each for each in _waits_for(resource) if each in self.resources and each != name)
            for name, resource in self.resources.items()
        }

    @cached_property
    def order(self) -> tuple[str, ...]:
        """The resources, each after those that it needs; else as they stand. Raises `TemplateError` for a circle."""
        return self._ordered(backwards=False)

    @cached_property
    def backwards(self) -> tuple[str, ...]:
        """Another order that CloudFormation may choose as well: what does not depend on each other the other way round."""
        return self._ordered(backwards=True)

    def _ordered(self, *, backwards: bool) -> tuple[str, ...]:
        done: dict[str, None] = {}
        waiting = dict(self.needs)
        while waiting:
            ready = [name for name, needed in waiting.items() if needed <= done.keys()]
            if not ready:
                raise TemplateError(f"Circular dependency between resources: [{', '.join(sorted(waiting))}]")
            for name in reversed(ready) if backwards else ready:
                done[name] = None
                del waiting[name]
        return tuple(done)


@lru_cache(maxsize=1024)
def read_template(text: str) -> Template:
    """Parse a template's text, YAML or JSON; raises `TemplateError`."""
    try:
        return Template(_data(text), text)
    except UnreadableError as error:
        raise TemplateError(f"Template format error: line {error.line}: {error}") from None


def _data(text: str) -> Any:
    if text.lstrip().startswith("{"):  # JSON is read much faster as what it is, and YAML takes no tabs
        try:
            return json_data(text)
        except UnreadableError as error:
            with suppress(UnreadableError):
                return yaml_data(text)  # which may begin so as well
            raise error from None
    return yaml_data(text)


def check(template: Template) -> None:
    """Raise `TemplateError` for what CloudFormation refuses before it begins: no types, circles, and names of nothing."""
    if template.fault:
        raise TemplateError(template.fault)


def _faults(template: Template) -> Iterator[str]:
    yield from shapes.faults(template.body)
    for name, each in template.resources.items():
        if unknown := [after for after in depends_on(each) if after not in template.resources]:
            told = f"Unresolved resource dependencies [{', '.join(unknown)}] in the Resources block of the template"
            yield f"[/Resources/{name}/DependsOn] {told}"
    known = {*template.resources, *template.section("Parameters")}
    for section in ("Conditions", "Resources", "Outputs"):
        for place, node in template.section(section).items():
            if unknown := sorted({each for each in references(node) if each not in known and each[:5] != "AWS::"}):
                told = f"Unresolved resource dependencies [{', '.join(unknown)}] in the {section} block of the template"
                yield f"[/{section}/{place}] {told}"
    yield from _of_conditions(template)
    if not template.order:
        yield "At least one Resources member must be defined."


def _of_conditions(template: Template) -> Iterator[str]:
    declared = template.section("Conditions")
    for section in ("Conditions", "Resources", "Outputs"):
        for name, node in template.section(section).items():
            own = {node["Condition"]} if section != "Conditions" and "Condition" in node else set()
            used = own | set(_conditions(node, is_condition=section == "Conditions"))
            if unknown := sorted(used - set(declared)):
                yield f"[/{section}/{name}] Unresolved condition dependencies [{', '.join(unknown)}]"
    waiting = {name: set(_conditions(node, is_condition=True)) for name, node in declared.items()}
    while waiting:
        ready = [name for name, needed in waiting.items() if not needed & waiting.keys()]
        if not ready:
            yield f"Circular dependency between conditions: [{', '.join(sorted(waiting))}]"
            return
        for name in ready:
            del waiting[name]


def _conditions(node: Any, *, is_condition: bool) -> Iterator[str]:
    """The names of conditions that a value depends on; in a condition they stand by themselves, too."""
    match node:
        case {"Fn::If": [str(name), *parts]} if len(node) == 1:
            yield name
            yield from _conditions(parts, is_condition=is_condition)
        case {"Condition": str(name)} if is_condition and len(node) == 1:
            yield name
        case dict():
            yield from _conditions(list(node.values()), is_condition=is_condition)
        case list():
            for part in node:
                yield from _conditions(part, is_condition=is_condition)


def _notes_changing(node: Any, found: dict[int, Parts]) -> bool:
    """Whether a value has a function or a dynamic reference in it; what it has inside is noted by `id`."""
    if isinstance(node, str):
        return "{{resolve:" in node
    if not isinstance(node, dict | list):
        return False
    every = node.items() if isinstance(node, dict) else enumerate(node)
    parts = tuple((key, part) for key, part in every if _notes_changing(part, found))
    found[id(node)] = parts
    return bool(parts) or (isinstance(node, dict) and len(node) == 1 and _is_function(*node))


def _is_function(key: Any) -> bool:
    return isinstance(key, str) and (key == "Ref" or key.startswith("Fn::"))


def depends_on(resource: Mapping[str, Any]) -> list[Any]:
    """What a resource says that it waits for."""
    after = resource.get("DependsOn", [])
    return after if isinstance(after, list) else [after]


def references(node: Any) -> Iterator[str]:
    """Every name that a value refers to, resources, parameters and pseudo parameters alike."""
    match node:
        case {"Ref": str(name)} if len(node) == 1:
            yield name
        case {"Fn::GetAtt": str(dotted)} if len(node) == 1:
            yield dotted.partition(".")[0]
        case {"Fn::GetAtt": [str(name), *more]} if len(node) == 1:
            yield name
            yield from references(more)
        case {"Fn::Sub": str(text)} if len(node) == 1:
            yield from _in_text(text, {})
        case {"Fn::Sub": [str(text), dict(own)]} if len(node) == 1:
            yield from _in_text(text, own)
            yield from references(list(own.values()))
        case dict():
            for part in node.values():
                yield from references(part)
        case list():
            for part in node:
                yield from references(part)


def _in_text(text: str, own: Mapping[str, Any]) -> Iterator[str]:
    for name in _VARIABLE.findall(text):
        if name not in own:
            yield name if name.startswith("AWS::") else name.partition(".")[0]


def _waits_for(resource: Mapping[str, Any]) -> Iterator[str]:
    yield from depends_on(resource)
    yield from references({key: part for key, part in resource.items() if key not in ("DependsOn", "Metadata")})
