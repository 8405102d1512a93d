"""The check that a permissions boundary bounds every role: those of the templates, and those that they let be made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from cfngen.checks.finding import Place
from cfngen.checks.stage import Stage, dig, walk
from cfngen.semantics.document import Path

_BOUNDED = ("AWS::IAM::Role", "AWS::IAM::User")
_RIGHTS = (
    *_BOUNDED,
    *(f"AWS::IAM::{kind}" for kind in ("Group", "GroupPolicy", "ManagedPolicy", "Policy", "RolePolicy", "UserPolicy")),
)
_MAKING = ("iam:createrole", "iam:createuser")
_FREEING = ("iam:deleterolepermissionsboundary", "iam:deleteuserpermissionsboundary")
_SETTING = ("iam:putrolepermissionsboundary", "iam:putuserpermissionsboundary")
"""Actions whose condition key iam:PermissionsBoundary holds them to one boundary, as the makers' does."""


def unbounded(stage: Stage) -> Iterator[Place]:
    """A role without the boundary that others have: an account that asks for one refuses it, and one that does not
    has a way around it.
    """
    holders = [each for template in stage.templates.values() for each in template.of_type(*_RIGHTS)]
    if not any(_is_bounded(each.get("PermissionsBoundary")) for each in holders):
        return
    for each in holders:
        if each.type in _BOUNDED and not _is_bounded(each.get("PermissionsBoundary")):
            message = (
                f"{each.name} has no permissions boundary where others have one; a stack function gives it by "
                "role(..., common, ...), or PermissionsBoundary=common.permissions_boundary"
            )
            yield Place(each.file, ("Resources", each.name), message)
        for path, actions in _unheld(each.body.get("Properties")):
            message = (
                f"{each.name} allows {', '.join(actions)} without the condition that the boundary is iam:PermissionsBoundary, "
                "so that what it makes or changes is bounded by nothing"
            )
            yield Place(each.file, each.path(*path, "Action"), message)


def _is_bounded(given: Any) -> bool:
    return bool(given) and given != {"Ref": "AWS::NoValue"}


def _unheld(properties: Any) -> Iterator[tuple[Path, list[str]]]:
    """Statements that let roles be made or freed of their boundary, with the actions that do."""
    for path, statement in walk(properties):
        if isinstance(statement, Mapping) and statement.get("Effect") == "Allow" and "Action" in statement:
            given = statement["Action"]
            actions = [str(each) for each in (given if isinstance(given, list) else [given])]
            watched = _FREEING if _is_held(statement) else (*_MAKING, *_SETTING, *_FREEING)
            if found := [each for each in actions if any(fnmatchcase(name, each.lower()) for name in watched)]:
                yield path, found


def _is_held(statement: Mapping[str, Any]) -> bool:
    equals = [dig(statement, "Condition", operator) for operator in ("StringEquals", "ArnEquals")]
    return any("iam:PermissionsBoundary" in each for each in equals if isinstance(each, Mapping))
