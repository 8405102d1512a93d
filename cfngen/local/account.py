"""What stacks of an account owe each other: exports and who uses them, and the policies that protect resources."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from cfngen.local.stacks import Register, StackRecord
from cfngen.semantics.account import Tags, UpdateAction
from cfngen.semantics.template import TemplateError
from cfngen.semantics.update import Resource, StackState

_ACTIONS = ("*", "Update:*", "Update:Modify", "Update:Replace", "Update:Delete")


@dataclass
class LocalAccount:
    """A `cfngen.semantics.account.Account` for one operation on a root.

    `during` is the policy that holds for this operation instead of the root's own. On paper nothing is forbidden, as
    AWS makes change sets that cannot be executed.
    """

    register: Register
    root: StackRecord | None
    tags: Tags = ()
    during: str = ""
    on_paper: bool = False
    _new: dict[str, dict[str, Any]] = field(default_factory=dict)

    def imported(self, name: str) -> Any:
        for exports in (*self._new.values(), *(dict(each.exports) for _, each in self._states())):
            if name in exports:
                return exports[name]
        raise TemplateError(f"No export named {name} found.")

    def exported(self, path: str, exports: Mapping[str, Any]) -> None:
        self._new[path] = dict(exports)
        if self.on_paper:
            return
        for name in exports:
            others = [*self._others(), *((other, each) for other, each in self._new.items() if other != path)]
            if owner := next((other for other, each in others if name in each), ""):
                raise TemplateError(f"Export with name {name} is already exported by stack {owner}. Rolling back")
        for _, state in self._states():
            if state.path == path:
                self._check_users(state.exports, exports)

    def permits(self, action: UpdateAction, resource: Resource) -> str:
        if self.root is None or self.on_paper:
            return ""
        record = self.register.places(self.root).get(resource.stack)
        policy = (self.during if record is self.root else "") or (record.policy if record else "")
        return forbidden(policy, action, resource) if policy else ""

    def _check_users(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
        for name, value in old.items():
            word = "deleted" if name not in new else "updated" if new[name] != value else ""
            if word and (users := importers(self.register, name, self.root)):
                raise TemplateError(f"Export {name} cannot be {word} as it is in use by {', '.join(users)}")

    def _others(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        for root, state in self._states():
            if root is not self.root:
                yield root.name, state.exports

    def _states(self) -> Iterator[tuple[StackRecord, StackState]]:
        return states(self.register)


def states(register: Register) -> Iterator[tuple[StackRecord, StackState]]:
    """Every stack as the engine remembers it, nested ones included, each with its root."""
    for root in list(register.records.values()):
        if root.is_there and root.state:
            for state in root.state.tree():
                yield root, state


def importers(register: Register, name: str, but: StackRecord | None = None) -> list[str]:
    """The names of the stacks that use an export."""
    found = []
    for root, state in states(register):
        if root is not but and name in state.imports:
            record = register.places(root).get(state.path)
            found.append(record.name if record else root.name)
    return found


def forbidden(policy: str, action: UpdateAction, resource: Resource) -> str:
    """Why a stack policy does not allow an action; empty when it does. What no statement allows is denied."""
    is_allowed = False
    for number, statement in enumerate(_listed(json.loads(policy)["Statement"]), 1):
        if not _is_meant(statement, action, resource):
            continue
        if statement["Effect"] == "Deny":
            actions = ", ".join(_listed(statement.get("Action", statement.get("NotAction"))))
            told = ", ".join(_listed(statement.get("Resource", statement.get("NotResource"))))
            return (
                f"Action denied by stack policy: Statement [#{number}] does not allow [{actions}] for resource [{told}]"
            )
        is_allowed = True
    if is_allowed:
        return ""
    return f"Action denied by stack policy: No statement allows [{action}] for resource [LogicalResourceId/{resource.name}]"


def check_policy(text: str) -> None:
    """Raise `TemplateError` for a text that is no stack policy."""
    try:
        is_right = all(_is_right(each) for each in _listed(json.loads(text)["Statement"]))
    except (ValueError, KeyError, TypeError, AttributeError):
        is_right = False
    if not is_right:
        raise TemplateError("Error validating stack policy: Invalid stack policy")


def _is_right(statement: Mapping[str, Any]) -> bool:
    """One of each pair, of every principal: a policy holds for everybody (CFN-UG protect-stack-resources)."""
    actions = _listed(statement.get("Action", statement.get("NotAction")))
    return (
        statement["Effect"] in ("Allow", "Deny")
        and ("Action" in statement) != ("NotAction" in statement)
        and ("Resource" in statement) != ("NotResource" in statement)
        and statement["Principal"] == "*"
        and all(each in _ACTIONS for each in actions)
    )


def _is_meant(statement: Mapping[str, Any], action: str, resource: Resource) -> bool:
    kinds = [
        each
        for test in statement.get("Condition", {}).values()
        for key, values in test.items()
        if key == "ResourceType"
        for each in _listed(values)
    ]
    return (
        _fits(statement, "Action", action)
        and _fits(statement, "Resource", f"LogicalResourceId/{resource.name}")
        and (not kinds or any(fnmatchcase(resource.kind, each) for each in kinds))
    )


def _fits(statement: Mapping[str, Any], key: str, value: str) -> bool:
    if key in statement:
        return any(fnmatchcase(value, each) for each in _listed(statement[key]))
    return not any(fnmatchcase(value, each) for each in _listed(statement[f"Not{key}"]))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
