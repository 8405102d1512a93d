"""What the commands that deploy and delete say meanwhile and in the end, and what they ask."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from cfngen.cli.common import colour
from cfngen.extras import parts_of

_HEARTBEAT_SECONDS = 60


def agreed(ask: Callable[[], bool], otherwise: Callable[[], None]) -> bool:
    """What a person says; when it is no, or Ctrl-C, what was prepared goes."""
    try:
        is_agreed = ask()
    except (click.Abort, KeyboardInterrupt):
        otherwise()
        raise KeyboardInterrupt from None
    if not is_agreed:
        otherwise()
    return is_agreed


def nothing() -> None:
    """Nothing was prepared."""


@contextmanager
def interrupted(stack: str) -> Iterator[None]:
    """Ctrl-C ends the watching and nothing else, which has to be said."""
    try:
        yield
    except KeyboardInterrupt:
        from cfngen.deploy.running import goes_on

        click.echo(f"\n{stack}: you have stopped watching, and nothing else. {goes_on(stack)}", err=True)
        raise


class Answers:
    """What a command says of each root: at once as text, of all of them together as data."""

    def __init__(self, form: str, first: str) -> None:
        self._form = form
        self._first = first
        self._data: list[Any] = []

    def tell(self, data: Any, said: str = "", shown: Iterable[tuple[str, str]] = ()) -> None:
        """The data of a root, or in their place what a person reads of it."""
        if self._form == "json":
            self._data.append(data)
            return
        self.show(shown)
        if said:
            click.echo(said)

    def show(self, told: Iterable[tuple[str, str]]) -> None:
        """Lines that only a person reads."""
        if self._form == "text":
            lines(told)

    def close(self) -> None:
        """Print the data, those of further cells as a part of the first root's."""
        if self._data:
            first = next((each for each in self._data if each["stack"] == self._first), self._data[0])
            others = [each for each in self._data if each is not first]
            click.echo(json.dumps({**first, "cells": others} if others else first, indent=2, default=str))


@contextmanager
def answers(form: str, first: str) -> Iterator[Answers]:
    """Answers that are printed in the end, also where something stops them. `first` is the stack of the first root."""
    found = Answers(form, first)
    try:
        yield found
    finally:
        found.close()


def lines(told: Iterable[tuple[str, str]]) -> None:
    """Print lines, each with its colour or none."""
    for line, shade in told:
        shown = click.style(line, fg=shade, bold=shade == "red") if shade else line
        click.echo(shown, color=colour())


class Talk:
    """What is going on: a live tree on a terminal, lines elsewhere."""

    def __init__(self) -> None:
        self._last = time.monotonic()
        self._live: Any = None
        self._status = sys.stderr.isatty()
        self._tree: Any = None
        if self._status:
            with parts_of("deploy", "deploy"):
                from cfngen.deploy.live import Tree
            self._tree = Tree
        self._is_line_open = False

    def tell(self, line: str) -> None:
        """What is done now: one line on a terminal that goes again; nothing elsewhere."""
        if self._status:
            click.echo(f"\r\x1b[2K{line}", nl=False, err=True)
            self._is_line_open = True

    def note(self, line: str) -> None:
        """What stays to be read."""
        click.echo(line, err=True)

    def watch(self, stack: str, planned: Any) -> Any:
        """What an operation tells its events to."""
        from cfngen.deploy.progress import Progress

        progress = Progress(stack, planned)
        self._live = self._tree(progress) if self._tree else None
        return lambda events, _: self._hear(progress, events)

    def _hear(self, progress: Any, events: Any) -> None:
        lines = list(progress.hear(events))
        if self._live:
            self._live.show()
            return
        for line in lines:
            click.echo(line, err=True)
        if lines:
            self._last = time.monotonic()
        elif time.monotonic() - self._last > _HEARTBEAT_SECONDS and progress.busy:
            names = progress.busy
            more = f" and {len(names) - 5} more" if len(names) > 5 else ""
            click.echo(f"at work: {', '.join(names[:5])}{more}", err=True)
            self._last = time.monotonic()

    def close(self) -> None:
        """Leave the terminal as it was."""
        if self._live:
            self._live.close()
        if self._is_line_open:
            click.echo("\r\x1b[2K", nl=False, err=True)


@contextmanager
def talk() -> Iterator[Talk]:
    talking = Talk()
    try:
        yield talking
    finally:
        talking.close()
