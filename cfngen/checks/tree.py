"""The tree of a stage's nested stacks: what is in it, and where a value that crosses stacks comes from."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from cfngen.checks.stage import Resource, Stage, Template, dig, mapping
from cfngen.semantics.document import Path

STACK = "AWS::CloudFormation::Stack"
Found = tuple[str, str]
"""A resource by its stack and its logical id; a parameter of the root by an empty stack and its name."""


@dataclass(frozen=True)
class Node:
    """One stack of the tree: a template with the parameters that its parent gives it."""

    stage: Stage
    template: Template
    stack: str
    parent: Node | None = None
    parameters: Mapping[str, Any] | None = None

    @cached_property
    def children(self) -> Mapping[str, Node]:
        """The nested stacks by logical id."""
        made = {}
        for resource in self.template.of_type(STACK):
            template = self.stage.templates.get(local_template(self.template.file, resource))
            if template and template.file not in self.above():
                name = f"{self.stack}/{resource.name}"
                made[resource.name] = Node(self.stage, template, name, self, mapping(resource.get("Parameters")))
        return made

    def all(self) -> Iterator[Node]:
        """This stack and all below it."""
        yield self
        for child in self.children.values():
            yield from child.all()

    def origin(self, value: Any) -> Found | None:
        """The resource that a value names, whichever stack it is in; `None` when that cannot be told."""
        name, attribute = dig(value, "Ref"), dig(value, "Fn::GetAtt", 1)
        if attribute:
            name = dig(value, "Fn::GetAtt", 0)
        if not isinstance(name, str):
            return None
        if name in self.template.section("Resources"):
            return self._made_here(name, str(attribute or ""))
        if self.parent is None:
            return "", name
        return self.parent.origin(mapping(self.parameters).get(name))

    def _made_here(self, name: str, attribute: str) -> Found | None:
        kind, _, output = attribute.partition(".")
        if kind != "Outputs":
            return self.stack, name
        child = self.children.get(name)
        return child.origin(dig(child.template.section("Outputs").get(output), "Value")) if child else None

    def above(self) -> Iterator[str]:
        """The templates of this stack and of those that hold it."""
        yield self.template.file
        if self.parent:
            yield from self.parent.above()


def roots(stage: Stage) -> list[Node]:
    """The templates that no other one nests."""
    nested = {
        local_template(template.file, resource)
        for template in stage.templates.values()
        for resource in template.of_type(STACK)
    }
    return [
        Node(stage, template, file.removesuffix(".yaml"))
        for file, template in stage.templates.items()
        if file not in nested
    ]


def local_template(file: str, stack: Resource) -> str:
    """The file of the stage that a nested stack is made from; empty when it lies elsewhere."""
    url = stack.get("TemplateURL")
    if not isinstance(url, str) or "://" in url:
        return ""
    return posixpath.normpath(posixpath.join(posixpath.dirname(file), url))


def url_path(stack: Resource) -> Path:
    """Where a nested stack names its template."""
    return stack.path("TemplateURL")
