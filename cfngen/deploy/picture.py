"""A change set as people read it: stack by stack, what is added, modified, replaced and removed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from cfngen.deploy.deployed import Fate, fate
from cfngen.operate.state import NESTED_STACK, Change, ChangeSet, Stack

Action = Literal["add", "modify", "may replace", "replace", "remove"]
ACTIONS: tuple[Action, ...] = ("add", "modify", "may replace", "replace", "remove")
_MARKS: Mapping[Action, str] = {"add": "+", "modify": "~", "may replace": "?", "replace": "!", "remove": "-"}


@dataclass(frozen=True)
class Step:
    """What happens to one resource. `stack` is the place of its stack (empty for the root), `properties` those that
    change for sure, `perhaps` those that hang on values which are not known before. `fate`: what becomes of the old one.
    """

    action: Action
    stack: str
    logical_id: str
    type: str
    physical_id: str = ""
    properties: tuple[str, ...] = ()
    perhaps: tuple[str, ...] = ()
    fate: Fate | Literal[""] = ""

    @property
    def is_loud(self) -> bool:
        """Whether something that there is goes, or may go."""
        return self.action in ("replace", "may replace", "remove")

    @property
    def told(self) -> str:
        """Why, and what becomes of the old one."""
        words = [", ".join(self.properties)] if self.properties else []
        words += [f"perhaps {', '.join(self.perhaps)}"] if self.perhaps else []
        words += [f"the old one is {self.fate}" if self.action != "remove" else self.fate] if self.fate else []
        return "; ".join(words)


@dataclass(frozen=True)
class Changes:
    """All steps, and the stacks that the change set enters; `new` are those that it makes, `gone` those that it removes."""

    stack: str
    steps: tuple[Step, ...]
    entered: tuple[str, ...]
    new: tuple[str, ...]
    gone: tuple[str, ...]

    @property
    def planned(self) -> Mapping[str, int]:
        """How many resources are at work in each stack, nested stacks not counted."""
        return Counter(each.stack for each in self.steps)

    @property
    def counts(self) -> str:
        """How many of each, in words."""
        found = Counter(each.action for each in self.steps)
        return ", ".join(f"{action} {found[action]}" for action in ACTIONS if found[action])

    def lines(self) -> Iterator[tuple[str, bool]]:
        """The tree, line by line, each with whether it should stand out. A stack that is new is one line."""
        by_stack: dict[str, list[Step]] = {path: [] for path in self.entered}
        for each in self.steps:
            by_stack.setdefault(each.stack, []).append(each)
        quiet = [path for path, steps in by_stack.items() if path and not steps]
        for path, steps in by_stack.items():
            if path in quiet:
                continue
            depth = path.count("/") + 1 if path else 0
            indent = "  " * depth
            title = path.rpartition("/")[2] if path else self.stack
            if path in self.new or (not path and not self.entered and self._is_first):
                yield f"{indent}+ {title}: a new stack with {_resources(len(steps))}", False
                continue
            is_gone = path in self.gone
            yield (
                f"{indent}{'- ' if is_gone else ''}{title}{': the whole stack is removed' if is_gone else ''}",
                is_gone,
            )
            width = max((len(each.logical_id) for each in steps), default=0)
            for each in sorted(steps, key=lambda step: (-ACTIONS.index(step.action), step.logical_id)):
                word = each.action.upper() if each.is_loud else each.action
                told = f"  {each.told}" if each.told else ""
                line = f"{indent}  {_MARKS[each.action]} {word:<11} {each.logical_id:<{width}}  {each.type}{told}"
                yield line, each.is_loud
        if quiet:
            yield f"  unchanged: {', '.join(quiet)}", False

    @property
    def _is_first(self) -> bool:
        return bool(self.steps) and all(each.action == "add" for each in self.steps)

    def data(self) -> list[dict[str, Any]]:
        """For programs."""
        return [asdict(each) for each in self.steps]


def changes(
    change_set: ChangeSet,
    stack: str,
    stacks: Mapping[str, Stack],
    deployed: Callable[[str], Mapping[str, Any]],
) -> Changes:
    """Read a change set. `stacks` are those that there are, by path; `deployed` gives the resources of the template of
    one, by its path, and is asked only for stacks in which something goes.
    """
    steps: list[Step] = []
    entered, new, gone = [""], [], []

    def enter(current: ChangeSet, path: str) -> None:
        for each in current.changes:
            below = f"{path}/{each.logical_id}".strip("/")
            if each.type != NESTED_STACK:
                steps.append(_step(each, path, deployed))
                continue
            entered.append(below)
            if each.action == "Remove":
                gone.append(below)
                steps.extend(_removed(below, stacks, deployed))
            elif each.change_set:
                new.extend([below] if each.action == "Add" else [])
                enter(each.change_set, below)

    enter(change_set, "")
    return Changes(stack, tuple(steps), tuple(entered), tuple(new), tuple(gone))


def _step(change: Change, path: str, deployed: Callable[[str], Mapping[str, Any]]) -> Step:
    action = _action(change)
    old: Fate | Literal[""] = ""
    if action in ("replace", "remove"):
        policy = "DeletionPolicy" if action == "remove" else "UpdateReplacePolicy"
        resource = deployed(path).get(change.logical_id)
        old = fate(resource, policy) if resource else ""
    names = (tuple(each.removeprefix("Properties.") for each in group) for group in (change.attributes, change.perhaps))
    sure, perhaps = names
    return Step(action, path, change.logical_id, change.type, change.physical_id, sure, perhaps, old)


def _action(change: Change) -> Action:
    if change.action == "Add":
        return "add"
    if change.action == "Remove":
        return "remove"
    return {"True": "replace", "Conditional": "may replace"}.get(change.replacement, "modify")  # type: ignore[return-value]


def _removed(path: str, stacks: Mapping[str, Stack], deployed: Callable[[str], Mapping[str, Any]]) -> Iterator[Step]:
    """What goes with a stack: a change set does not look into one that is removed."""
    stack = stacks.get(path)
    for each in stack.resources if stack else ():
        if each.type == NESTED_STACK:
            yield from _removed(f"{path}/{each.logical_id}", stacks, deployed)
        else:
            resource = deployed(path).get(each.logical_id)
            left = fate(resource) if resource else "deleted"
            yield Step("remove", path, each.logical_id, each.type, each.physical_id, fate=left)


def _resources(count: int) -> str:
    return f"{count} resource{'s' if count != 1 else ''}"
