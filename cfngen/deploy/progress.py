"""How far an operation is, told from its events: what each stack does, and lines for places that are no terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from cfngen.deploy.events import Event
from cfngen.operate.state import NESTED_STACK

_SHOWN = 3


@dataclass
class Line:
    """One stack. `path` is empty for the root, `planned` how many resources are expected to be at work, if known."""

    path: str
    planned: int = 0
    status: str = ""
    busy: dict[str, str] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)

    @property
    def is_busy(self) -> bool:
        """Whether it is at work."""
        return self.status.endswith("_IN_PROGRESS")

    @property
    def count(self) -> str:
        """How many of its resources are done: ``12/24``, or ``12`` where nobody knew before."""
        done = len(self.done)
        return f"{done}/{self.planned}" if self.planned >= done and self.planned else str(done) if done else ""

    @property
    def at_work(self) -> str:
        """The resources that are at work, the first few."""
        names = sorted(self.busy)
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        return ", ".join(names[:_SHOWN]) + more


class Progress:
    """The stacks of one operation, in the order in which they were first heard of."""

    def __init__(self, root: str, planned: Mapping[str, int]) -> None:
        self.root = root
        self.planned = planned
        self.stacks: dict[str, Line] = {"": Line("", planned.get("", 0))}

    def hear(self, events: Iterable[Event]) -> Iterator[str]:
        """Take events in; gives the lines that a log should have: stacks that begin and end, and what failed."""
        for each in events:
            stack = self.stacks.setdefault(each.path, Line(each.path, self.planned.get(each.path, 0)))
            line = self._turned(stack, each) if each.is_stack else self._worked(stack, each)
            if line:
                yield line

    @property
    def busy(self) -> list[str]:
        """The resources that are at work, with their stacks; stacks themselves left out."""
        return [f"{path}/{name}".strip("/") for path, line in self.stacks.items() for name in sorted(line.busy)]

    def _turned(self, stack: Line, event: Event) -> str:
        if stack.status == event.status:
            return ""
        stack.status = event.status
        if not stack.is_busy:
            stack.busy.clear()
        elif "ROLLBACK" in event.status:
            stack.done.clear()
            stack.planned = 0
        count = f" ({stack.count})" if stack.count and not stack.is_busy else ""
        reason = f": {' '.join(event.reason.split())}" if event.reason and "ROLLBACK" in event.status else ""
        return f"{stack.path or self.root} {event.status}{count}{reason}"

    def _worked(self, stack: Line, event: Event) -> str:
        if event.type == NESTED_STACK:
            return ""  # it tells of itself
        if not event.is_over:
            stack.busy[event.logical_id] = event.status
            return ""
        stack.busy.pop(event.logical_id, None)
        if event.has_failed:
            stack.failed.add(event.logical_id)
            return f"{event.place} {event.status}: {' '.join(event.reason.split())}"
        stack.done.add(event.logical_id)
        return ""
