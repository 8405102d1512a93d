"""Lives that know nothing of each other, played by as many processes as there are cores.

Of a life in which nothing hurts only that is wanted, so nothing else comes back from a process; the others are played
again by whoever asked, who has their story then.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING

from cfngen.semantics.template import TemplateError

if TYPE_CHECKING:
    from cfngen.simulate.simulation import Simulation

Life = Callable[[], "Simulation"]
_lives: Sequence[Life] = ()
"""What a process plays by number; it has them from the one that it is a copy of."""


def which_are_calm(lives: Sequence[Life]) -> Generator[bool, None, None]:
    """Of each life whether it is known that nothing hurts in it; of none where there is one core, or no copies, and of
    those that are left when a process is ended, as it is for want of memory.
    """
    many = min(_cores(), len(lives))
    if many < 2 or not hasattr(os, "fork") or threading.active_count() > 1:
        yield from (False for _ in lives)
        return
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import active_children, get_context

    global _lives  # noqa: PLW0603  (copies of this process find them there)
    _lives = lives
    pool, known = ProcessPoolExecutor(many, get_context("fork"), _begin), 0
    others, own = set(active_children()), set()
    try:
        answers = pool.map(_answer, range(len(lives)))
        own = set(active_children()) - others
        for known, answer in enumerate(answers, 1):  # noqa: B007  (what is left begins there)
            yield answer
    except BaseException as error:  # an interruption above all
        for child in own or set(active_children()) - others:
            child.terminate()
        if not isinstance(error, BrokenProcessPool | OSError):
            raise
    finally:
        pool.shutdown(cancel_futures=True)
        _lives = ()
    yield from (False for _ in lives[known:])


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _begin() -> None:
    """A process that helps ends at once when it is interrupted; who asked it tells of that."""
    import gc
    import signal

    signal.signal(signal.SIGINT, signal.SIG_DFL)
    gc.freeze()


def _answer(number: int) -> bool:
    try:
        return not _lives[number]().hurts
    except TemplateError:  # told by whoever plays it again
        return False
