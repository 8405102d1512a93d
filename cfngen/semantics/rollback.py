"""The way back, and the way out: old values are written again, and what is not wanted any more goes.

What was modified gets its old values first, then what was created goes; a refusal stops it where it is (CFN-UG
cfn-rollback). A deletion does not try what something needs that could not be deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from cfngen.semantics.records import (
    Event,
    Outcome,
    Pending,
    Provider,
    Readings,
    RefusedError,
    Resource,
    StackState,
    Status,
)
from cfngen.semantics.resolve import DYNAMIC
from cfngen.semantics.template import STACK, Template


class Undoing:
    """What an engine does with the resources that are there already: it restores and removes them."""

    provider: Provider
    readings: Readings
    observe: Callable[[Event], None]

    def continue_rollback(self, pending: Pending, skip: Collection[str] = ()) -> Outcome:
        """Go on with a rollback; places in `skip` are taken to have their old values (CFN-UG continue rollback)."""
        todo = list(pending.journal)
        for each in [each for each in todo if each.is_modification and each.before]:
            before = each.before
            if before is None or before.place in skip:
                todo.remove(each)
                continue
            values = self._again(before)
            try:
                self.provider.update(values, each.after)
            except RefusedError as refused:
                self.observe(Event("restore", values, str(refused)))
                told = f"{pending.reason}. Rolling back: {before.place}: {refused}"
                rest = replace(pending, journal=tuple(todo))
                return Outcome("UPDATE_ROLLBACK_FAILED", pending.old, told, pending=rest)
            self.observe(Event("restore", values))
            todo.remove(each)
        left = self._remove(replace(pending, journal=tuple(todo)).created, rolled_back=True)
        return Outcome("UPDATE_ROLLBACK_COMPLETE", pending.old, pending.reason, tuple(left))

    def delete(self, stack: StackState, pending: Pending | None = None, retain: Collection[str] = ()) -> Outcome:
        """Delete a stack and all below it, but for what its policies or `retain`, names of places, retain.

        What a rollback that failed left behind goes, too. What a resource needs that cannot be deleted is not tried.
        """
        left = self._remove(pending.created, rolled_back=True) if pending else []
        every = [each for each in stack.walk(backwards=self.readings.backwards) if each.kind != STACK]
        kept = [replace(each, deletion_policy="Retain") if each.place in retain else each for each in every]
        templates = {each.path: each.template for each in stack.tree()}
        waiting: set[str] = set()  # resources, and stacks with all in them, that a resource needs which is still there
        untried = []
        for each in reversed(kept):
            if any(place in waiting for place in _upwards(each.place)):
                untried.append(each.place)
            elif self._remove(iter([each])):
                left.append(each.place)
                for place in list(_upwards(each.place))[:-1]:
                    inside, _, name = place.rpartition("/")
                    waiting |= {f"{inside}/{needed}" for needed in _all_needs(templates[inside], name)}
        if left:
            rest = tuple(each for each in pending.journal if each.after.place in left) if pending else ()
            still = replace(pending, journal=rest) if pending and rest else None
            return self._left("DELETE_FAILED", stack, left, still, untried)
        return Outcome("DELETE_COMPLETE", None)

    def _left(
        self,
        status: Status,
        stack: StackState,
        left: Sequence[str],
        pending: Pending | None,
        untried: Sequence[str] = (),
    ) -> Outcome:
        told = f"The following resource(s) failed to delete: [{', '.join(left)}]."
        return Outcome(status, stack, told, (*left, *untried), pending)

    def _again(self, before: Resource) -> Resource:
        if not self.readings.dynamic_again or before.text == before.properties:
            return before
        return replace(before, properties=_resolved_again(before.text, self.provider.dynamic))

    def _remove(self, resources: Iterator[Resource], *, rolled_back: bool = False) -> list[str]:
        left = []
        for each in resources:
            kept = ("Retain",) if rolled_back else ("Retain", "RetainExceptOnCreate")
            if each.deletion_policy in kept:
                self.observe(Event("retain", each))
                continue
            try:
                self.provider.delete(each)
            except RefusedError as refused:
                self.observe(Event("delete", each, str(refused)))
                left.append(each.place)
                continue
            self.observe(Event("delete", each))
        return left


def _upwards(place: str) -> Iterator[str]:
    """A place and the stacks that it is in, the root last."""
    while place:
        yield place
        place = place.rpartition("/")[0]


def _all_needs(template: Template, name: str) -> set[str]:
    """What a resource needs, and what that needs."""
    found: set[str] = set()
    todo = [name]
    while todo:
        new = template.needs.get(todo.pop(), frozenset()) - found
        found |= new
        todo += new
    return found


def _resolved_again(text: Any, dynamic: Callable[[str, str], str]) -> Any:
    if isinstance(text, Mapping):
        return {key: _resolved_again(part, dynamic) for key, part in text.items()}
    if isinstance(text, list):
        return [_resolved_again(part, dynamic) for part in text]
    return DYNAMIC.sub(lambda match: dynamic(match[1], match[2]), text) if isinstance(text, str) else text
