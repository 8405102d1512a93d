"""What an operation has to respect beside its template: exports of other stacks, stack policies, tags of the stack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol

from cfngen.semantics.template import TemplateError

if TYPE_CHECKING:
    from cfngen.semantics.records import Resource

Tags = Sequence[Mapping[str, str]]
UpdateAction = Literal["Update:Modify", "Update:Replace", "Update:Delete"]


class Account(Protocol):
    """The account and region in which stacks are."""

    @property
    def tags(self) -> Tags:
        """Tags of the root stack, which every resource gets that can have tags (CFN-UG resource tags)."""

    def imported(self, name: str) -> Any:
        """The value of an export; raises `TemplateError` for one that nobody has."""

    def exported(self, path: str, exports: Mapping[str, Any]) -> None:
        """A stack has these exports now; raises `TemplateError` where others have or use what it may not take."""

    def permits(self, action: UpdateAction, resource: Resource) -> str:
        """Why a stack policy forbids a change; empty where it does not."""


class Nobody:
    """An account with no other stacks, no policies and no tags."""

    tags: Tags = ()

    def imported(self, name: str) -> Any:
        raise TemplateError(f"No export named {name} found.")

    def exported(self, path: str, exports: Mapping[str, Any]) -> None:
        """All names are free."""

    def permits(self, _: UpdateAction, __: Resource) -> str:
        return ""
