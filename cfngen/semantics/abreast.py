"""Resources of one stack side by side: each begins when all that it needs is over, and a failure ends what is at work.

Nothing here runs at the same time as anything else. A task is a generator that stops where it would wait; the tasks
take turns in the order in which they began, so the same stack is always played the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from typing import TypeVar

Made = TypeVar("Made")
Task = Generator[None, None, Made]


class CancelledError(Exception):
    """What else was at work has failed; thrown into a task where it waits."""


def in_turn(
    needs: Mapping[str, frozenset[str]], start: Callable[[str], Task[Made]], over: Callable[[str, Made], None]
) -> Task[None]:
    """Run a task for each name, in the order of the names, one after the other."""
    for name in needs:
        over(name, (yield from start(name)))


def abreast(
    needs: Mapping[str, frozenset[str]], start: Callable[[str], Task[Made]], over: Callable[[str, Made], None]
) -> Task[None]:
    """Run a task for each name; `needs` are the names after which it begins, `over` hears what came of it.

    What one raises cancels the others that are at work, and is raised again.
    """
    waiting, at_work, done = dict(needs), dict[str, Task[Made]](), set[str]()
    while waiting or at_work:
        for name in [name for name, needed in waiting.items() if needed <= done]:
            at_work[name] = start(name)
            del waiting[name]
        for name, task in list(at_work.items()):
            try:
                next(task)
            except StopIteration as made:
                over(name, made.value)
                done.add(name)
                del at_work[name]
            except BaseException:
                del at_work[name]
                _cancel(at_work)
                raise
        try:
            yield
        except CancelledError:
            _cancel(at_work)
            raise


def _cancel(at_work: Mapping[str, Task[Made]]) -> None:
    for task in at_work.values():
        try:
            task.throw(CancelledError())
        except CancelledError:
            continue


def to_its_end(task: Task[Made]) -> Made:
    """Run a task that nobody shares the time with."""
    while True:
        try:
            next(task)
        except StopIteration as made:
            return made.value  # type: ignore[no-any-return]
