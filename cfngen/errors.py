"""What can go wrong, and where: every error is a place, what was given and what would fit.

CfngenError
├── DescriptionError   the description of the application is inconsistent (one or many `Problem`s)
├── LedgerError        the ledger cannot be read, or a change would break what it promises
├── WiringError        a deploy-time value was used in a stack that it was never passed to
└── OutputError        the files could not be written; nothing was changed
"""

from __future__ import annotations

import dataclasses
import os
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import FrameType

from cfngen._frozen import dataclass

_PACKAGE, _DATACLASSES = f"{Path(__file__).parent}{os.sep}", str(dataclasses.__file__)


class CfngenError(Exception):
    """Base of every error that cfngen raises on purpose; the command line prints it without a traceback."""

    exit_status = 2


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong in a description.

    `option` is the path as the user wrote it (``Service('customer').cpu``), `given` what stands there
    or holds by default, `fits` what would fit; `file`, `line` and `column` (of a YAML file) say where, as far as that is known.
    """

    option: str
    given: str
    fits: str
    file: str = ""
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        numbers = [str(number) for number in (self.line, self.line and self.column) if number]
        place = ":".join([self.file, *numbers]) + ": " if self.file else ""
        given = f" {self.given};" if self.given else ""
        return f"{place}{self.option}:{given} {self.fits}"


class DescriptionError(CfngenError):
    """The description of the application is inconsistent; `problems` holds every one found."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class LedgerError(DescriptionError):
    """The ledger cannot be read, or a change would break what it promises."""


class WiringError(CfngenError):
    """A deploy-time value was used in a stack that it was never passed to."""


class OutputError(CfngenError):
    """The files could not be written; what was there before is still there."""

    exit_status = 1


_collected: ContextVar[list[Problem] | None] = ContextVar("collected", default=None)


@contextmanager
def collecting() -> Iterator[list[Problem]]:
    """Gather problems instead of raising at the first bad object, so that a file's errors come all at once.

    Objects built meanwhile may be unsound; whoever opens the block must stop when the list is not empty.
    """
    token = _collected.set([])
    try:
        problems = _collected.get()
        assert problems is not None  # set two lines above
        yield problems
    finally:
        _collected.reset(token)


def report(problems: Iterable[Problem]) -> bool:
    """Raise `DescriptionError` for the problems, or hand them to `collecting`; say whether there were any."""
    found = list(problems)
    if not found:
        return False
    gathered = _collected.get()
    if gathered is None:
        raise DescriptionError(found)
    gathered.extend(found)
    return True


reading: ContextVar[tuple[str, int] | None] = ContextVar("reading", default=None)
"""The file and line of what is read from a file now, which no user's code makes."""


def users_place() -> tuple[str, int]:
    """The file and line of the code that uses this package; an empty name when there is none."""
    if place := reading.get():
        return place
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001  (the only way to learn who called)
    while frame and frame.f_code.co_filename.startswith((_PACKAGE, "<", _DATACLASSES)):
        frame = frame.f_back
    return (frame.f_code.co_filename, frame.f_lineno) if frame else ("", 0)


def is_ours(frame: FrameType | None) -> bool:
    """Whether this package runs there, and not its user."""
    return bool(frame and frame.f_code.co_filename.startswith(_PACKAGE))


def relative(file: str) -> str:
    """A file as the user would write it from here."""
    path = Path(file)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else file


def shown(value: object) -> str:
    """A value as an error shows it, in sixty characters at most."""
    try:
        text = re.sub(r" at 0x[0-9a-f]+", "", repr(value))  # where it is in memory, which nobody can find again
    except ValueError:  # Python writes no number of more than some thousand digits
        text = f"{type(value).__name__} too long to show"
    return text if len(text) <= 60 else f"{text[:57]}..."


def writable(text: str) -> bool:
    """Whether a text can stand in a file; half of a surrogate pair is no character."""
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def no_such_option(name: str, known: Iterable[str]) -> str:
    """What to say of an option that there is not: the one that is meant, or why it is left out on purpose."""
    if "stick" in name.lower():
        return "no such option; sticky sessions work against releases, as docs/traffic.md says"
    return f"no such option; {did_you_mean(name, known)}"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint such as ``did you mean 'memory_mib'?``, or the known words when none is close."""
    from difflib import get_close_matches

    words = sorted(known)
    if close := get_close_matches(word, words, n=1, cutoff=0.6):
        return f"did you mean {close[0]!r}?"
    return f"known: {', '.join(words)}" if words else "there is none"
