"""The resources that a stack has so far, for the values of the next ones."""

from __future__ import annotations

from typing import Any

from cfngen.semantics.account import Account
from cfngen.semantics.records import Provider, Resource, StackState
from cfngen.semantics.resolve import Resolver
from cfngen.semantics.template import STACK, TemplateError


class Around:
    """The resources that a stack has so far, for its values."""

    def __init__(self, provider: Provider, account: Account, stack: StackState) -> None:
        self.provider = provider
        self.account = account
        self.stack = stack
        self.as_text = False
        self.saw_dynamic = False

    def both(self, resolver: Resolver, node: Any) -> tuple[Any, Any]:
        """A value resolved, and the same with its dynamic references left as they stand."""
        self.saw_dynamic = False
        resolved = resolver.value(node)
        if not self.saw_dynamic:
            return resolved, resolved
        self.as_text = True
        try:
            return resolved, resolver.value(node)
        finally:
            self.as_text = False

    def reference(self, name: str) -> Any:
        return self.provider.reference(self._resource(name))

    def attribute(self, name: str, attribute: str) -> Any:
        found = self._resource(name)
        if found.kind != STACK:
            return self.provider.attribute(found, attribute)
        output = attribute.removeprefix("Outputs.")
        outputs = self.stack.children[name].outputs
        if output not in outputs:
            raise TemplateError(f"Output '{output}' not found in stack {found.place}")
        return outputs[output]

    def dynamic(self, service: str, key: str) -> str:
        self.saw_dynamic = True
        return f"{{{{resolve:{service}:{key}}}}}" if self.as_text else self.provider.dynamic(service, key)

    def imported(self, name: str) -> Any:
        self.stack.imports.add(name)
        return self.account.imported(name)

    def _resource(self, name: str) -> Resource:
        if name not in self.stack.resources:
            raise TemplateError(
                f"Template format error: Unresolved resource dependencies [{name}] in the Resources block of the template"
            )
        return self.stack.resources[name]
