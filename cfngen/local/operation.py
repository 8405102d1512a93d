"""One operation on a tree of stacks, told into the register while it goes on: events and states, in CloudFormation's words.

Reasons are those that stacks of public record show (LambStatus#6, CFN-UG nested stacks).
"""

from __future__ import annotations

from collections.abc import Callable

from cfngen.local.stacks import Register, StackRecord
from cfngen.semantics.template import STACK
from cfngen.semantics.update import Engine, Event, Outcome, Resource, StackState

_INITIATED = "Resource creation Initiated"
_WORDS = {
    "create": "CREATE",
    "update": "UPDATE",
    "replace": "UPDATE",
    "delete": "DELETE",
    "restore": "UPDATE",
    "retain": "DELETE",
}
_CLEANING = ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")


class Operation:
    """One run of the engine on a root; `word` is what its states begin with, such as ``UPDATE``."""

    def __init__(self, register: Register, root: StackRecord, word: str) -> None:
        self.register = register
        self.root = root
        self.word = word
        self.places = register.places(root)
        self._heard = {each.id: len(each.events) for each in self.places.values()}
        self._begun: set[str] = set()

    def run(self, engine: Engine, work: Callable[[Engine], Outcome]) -> Outcome:
        """Run it; the records of all stacks show how it goes and how it ended."""
        self.register.turned(self.root, f"{self.word}_IN_PROGRESS", "User Initiated")
        engine.observe = self._hear
        try:
            outcome = work(engine)
        except Exception as error:
            self.register.turned(self.root, f"{self.word}_FAILED", f"Internal error: {error}")
            raise
        self._settle(outcome)
        return outcome

    def _hear(self, event: Event) -> None:
        each = event.resource
        match event.action:
            case "enter":
                self._enter(each)
            case "leave":
                self._leave(each, event.reason)
            case "begin":
                self._begin(each, event.reason)
            case "cancel":
                self._cancel(each)
            case "roll back":
                self._roll_back(event.reason)
            case "delete" | "retain" | "restore":
                self._take_away(event)
            case _:
                self._write(event)

    def _happened(self, each: Resource, status: str, reason: str = "") -> None:
        record = self.places[each.stack]
        self.register.happened(record, each.name, each.kind, each.physical, status, reason)

    def _begin(self, each: Resource, told: str) -> None:
        self._begun.add(each.place)
        self._happened(each, f"{_verb(each)}_IN_PROGRESS", told)

    def _write(self, event: Event) -> None:
        each, word = event.resource, _WORDS[event.action]
        if each.place not in self._begun and not event.reason:
            self._happened(each, f"{word}_IN_PROGRESS")
        if event.reason:
            self._happened(each, f"{word}_FAILED", event.reason)
            return
        if event.action != "update":
            self._happened(each, f"{word}_IN_PROGRESS", _INITIATED)
        self._happened(each, f"{word}_COMPLETE")

    def _cancel(self, each: Resource) -> None:
        known = self.places.get(each.place) if each.kind == STACK else None
        word = known.status.removesuffix("_IN_PROGRESS") if known else _verb(each)
        if known:
            self.register.turned(known, f"{word}_FAILED", self._why(known))
        self._happened(each, f"{word}_FAILED", f"Resource {'creation' if word == 'CREATE' else 'update'} cancelled")

    def _take_away(self, event: Event) -> None:
        each, word = event.resource, _WORDS[event.action]
        record = self.places[each.stack]
        if self.root.status == "UPDATE_IN_PROGRESS":
            self.register.turned(self.root, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
        if self.root.status in ("DELETE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS"):
            self._goes(each.stack)
        if event.action == "retain":
            self._happened(each, "DELETE_SKIPPED")
            record.resources.pop(each.name, None)
            return
        self._happened(each, f"{word}_IN_PROGRESS")
        self._happened(each, f"{word}_FAILED" if event.reason else f"{word}_COMPLETE", event.reason)

    def _goes(self, path: str) -> None:
        """A nested stack, after those around it, goes as a whole."""
        record = self.places[path]
        if record is self.root or record.status == "DELETE_IN_PROGRESS":
            return
        around, _, name = path.rpartition("/")
        self._goes(around)
        self.register.happened(self.places[around], name, STACK, record.id, "DELETE_IN_PROGRESS")
        self.register.turned(record, "DELETE_IN_PROGRESS", "User Initiated")

    def _enter(self, each: Resource) -> None:
        parent = self.places[each.stack]
        known = self.places.get(each.place)
        word = "UPDATE" if known else "CREATE"
        if known is None:
            made = StackRecord(each.physical, each.physical.split("/")[1], self.register.now())
            made.root, made.parent = self.root.id, parent.id
            known = self.places[each.place] = self.register.add(made)
            self.register.happened(parent, each.name, STACK, "", "CREATE_IN_PROGRESS")
        self.register.happened(
            parent, each.name, STACK, known.id, f"{word}_IN_PROGRESS", _INITIATED if word == "CREATE" else ""
        )
        self.register.turned(known, f"{word}_IN_PROGRESS", "User Initiated")

    def _leave(self, each: Resource, reason: str) -> None:
        known, parent = self.places[each.place], self.places[each.stack]
        word = known.status.removesuffix("_IN_PROGRESS")
        status = f"{word}_FAILED" if reason else f"{word}_COMPLETE"
        why = self._why(known) or reason
        self.register.turned(known, status, why if reason else "")
        told = f"Embedded stack {known.id} was not successfully {word.lower()}d: {why}" if reason else ""
        self.register.happened(parent, each.name, STACK, known.id, status, told)

    def _roll_back(self, reason: str) -> None:
        """The root turns back, and every nested stack that has begun with it (a new one goes)."""
        why = self._why(self.root) or f"{reason} "
        status = "UPDATE_ROLLBACK_IN_PROGRESS" if self.word == "UPDATE" else "ROLLBACK_IN_PROGRESS"
        self.register.turned(self.root, status, why if self.word == "UPDATE" else f"{why}Rollback requested by user.")
        for record in self.places.values():
            has_begun = len(record.events) > self._heard.get(record.id, 0)
            if has_begun and record is not self.root and record.status in ("UPDATE_COMPLETE", "UPDATE_FAILED"):
                self.register.turned(record, "UPDATE_ROLLBACK_IN_PROGRESS", "Parent stack initiated.")

    def _why(self, record: StackRecord) -> str:
        """Which resources of a stack failed in this operation; empty when none did."""
        told = ""
        for verb in ("create", "update"):
            failed = [
                each.name
                for _, each in record.events[self._heard.get(record.id, 0) :]
                if each.status == f"{verb.upper()}_FAILED" and each.physical != record.id
            ]
            if failed:
                told += f"The following resource(s) failed to {verb}: [{', '.join(dict.fromkeys(failed))}]. "
        return told

    def _settle(self, outcome: Outcome) -> None:
        self.root.state, self.root.pending = outcome.stack, outcome.pending
        if outcome.status == "DELETE_FAILED" and outcome.stack:
            self.root.state = outcome.stack.only(outcome.left)
        # Stacks of which something is left, though the tree that there is now knows nothing of them.
        holding = {place.rpartition("/")[0] for place in outcome.left} if outcome.pending else set()
        states = {each.path: each for each in self.root.state.tree()} if self.root.state else {}
        for place, record in reversed(self.places.items()):  # nested stacks end before those around them
            state = states.get(place)
            if state is None and record is not self.root:
                if any(each == place or each.startswith(f"{place}/") for each in holding):
                    self._stays(place, record)
                elif record.is_there:
                    self._is_gone(place, record)
            else:
                self._ends(record, state, outcome)
        if self.word.startswith("UPDATE"):
            self.root.updated = self.register.now()
        if outcome.status == "DELETE_COMPLETE":
            self.root.deleted = self.register.now()

    def _ends(self, record: StackRecord, state: StackState | None, outcome: Outcome) -> None:
        """The root, or a nested stack that is still there."""
        if state is not None:
            record.template, record.parameters, record.outputs = state.template, state.parameters, state.outputs
            record.export_names, record.tags = state.export_names, tuple(state.tags)
            record.text = state.template.text
        cleaning = f"{outcome.status}_CLEANUP_IN_PROGRESS"
        if record is self.root and cleaning in _CLEANING and record.status != cleaning:
            self.register.turned(record, cleaning)
        status = outcome.status if record is self.root or not outcome.is_good else record.status
        if record.status != status:
            self.register.turned(record, status, outcome.reason if record is self.root else "")

    def _stays(self, place: str, record: StackRecord) -> None:
        """A nested stack is not gone either, as long as something in it is not."""
        failed = [each.name for each in record.resources.values() if each.status == "DELETE_FAILED"]
        told = f"The following resource(s) failed to delete: [{', '.join(failed)}]."
        self.register.turned(record, "DELETE_FAILED", told)
        around, parent = f"Embedded stack {record.id} was not successfully deleted: {told}", record.parent
        name = place.rpartition("/")[2]
        self.register.happened(self.register.records[parent], name, STACK, record.id, "DELETE_FAILED", around)

    def _is_gone(self, place: str, record: StackRecord) -> None:
        self.register.turned(record, "DELETE_COMPLETE")
        record.deleted = self.register.now()
        parent = self.register.records[record.parent]
        if parent.is_there:
            self.register.happened(parent, place.rpartition("/")[2], STACK, record.id, "DELETE_COMPLETE")


def _verb(each: Resource) -> str:
    """What is done to a resource that begins: one that is there already is updated."""
    return "UPDATE" if each.physical else "CREATE"
