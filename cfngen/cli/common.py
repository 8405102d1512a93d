"""What every command of the command line does alike: paths that it is given, colours, and what it tells meanwhile."""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cfngen.errors import DescriptionError, Problem, shown

if TYPE_CHECKING:
    from cfngen.spec import App

LEVELS = {"error": "errors", "warning": "warnings", "info": "notes"}
"""How a summary counts findings of a level."""
_SILENCE_SECONDS = 20
"""How long a command may say nothing to somebody who reads a log."""


class PathType(click.Path):
    """A path; one that no file can have is told like any other wrong input."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            os.stat(value)  # noqa: PTH116  (pathlib keeps to itself what is wrong with a name)
        except (OSError, ValueError) as error:
            code = getattr(error, "errno", None)
            if code in (None, errno.ELOOP, errno.ENAMETOOLONG):
                place = param.opts[0] if isinstance(param, click.Option) else param.human_readable_name if param else ""
                reason = " ".join(str(getattr(error, "strerror", None) or error).split())
                raise DescriptionError([Problem(place, shown(value), f"another path: {reason}")]) from None
        return super().convert(value, param, ctx)


def described(app: Path | None, stage: str | None, place: str = "--stage") -> tuple[Path, tuple[App, ...]]:
    """The description that is meant, and its stages, or the one of that name, which was given at that place."""
    from cfngen.load import find, load, select

    path = app or find()
    return path, select(load(path), stage, place)


def colour() -> bool | None:
    """Never, where the user says so; else click decides, by whether it is a terminal."""
    return False if os.environ.get("NO_COLOR") else None


@contextmanager
def progress(total: int) -> Iterator[Callable[[str], None]]:
    """One line on a terminal, which goes when it is over; elsewhere a line now and then of what takes long."""
    done, is_terminal, told = 0, sys.stderr.isatty(), time.monotonic()

    def tell(what: str) -> None:
        nonlocal done, told
        done += 1
        line = f"{done}/{total} {what}" if total else f"{done} {what}"
        if is_terminal:
            click.echo(f"\r\x1b[2K{line}", nl=False, err=True)
        elif time.monotonic() - told > _SILENCE_SECONDS:
            told = time.monotonic()
            click.echo(line, err=True)

    try:
        yield tell
    finally:
        if is_terminal:
            click.echo("\r\x1b[2K", nl=False, err=True)
