"""``cfngen deploy`` and ``cfngen destroy``: a stage goes into an account, or into a local target, and goes again.

Exit status: 0 done, or nothing to do; 1 it failed, was refused, declined, or not over in time; 2 wrong input, or an
account that does not answer; 130 interrupted.
"""

from __future__ import annotations

import json
import shlex
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cfngen.cli.common import PathType, colour, described
from cfngen.errors import CfngenError, DescriptionError, Problem
from cfngen.extras import parts_of
from cfngen.words import pairs

if TYPE_CHECKING:
    from cfngen.spec import App

_LOCAL_BUCKET = "cfngen-templates"
_FOLDER = PathType(path_type=Path)
_HEARTBEAT_SECONDS = 60
_SHOWN = 5


def _common(function: Callable[..., None]) -> Callable[..., None]:
    """What both commands take."""
    for option in reversed(
        (
            click.argument("place", metavar="[APP|DIR]", required=False, type=_FOLDER),
            click.option("--stage", help="Which stage of APP."),
            click.option(
                "--out", type=_FOLDER, help="Where APP's files are, as in generate.  [default: templates]"
            ),
            click.option("--stack", default="", help="The name of the root stack.  [default: APPLICATION-STAGE]"),
            click.option("--local", "target", is_flag=False, flag_value="default", default="", metavar="[NAME]", help="Into the target that cfngen local up started."),
            click.option("--endpoint-url", default="", help="Where AWS is, when it is somewhere else."),
            click.option("--yes", is_flag=True, help="Ask nobody."),
            click.option("--minutes", default=120, show_default=True, type=click.IntRange(1), help="How long to follow it."),
            click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True),
        )
    ):  # fmt: skip
        function = option(function)
    return function


@click.command()
@_common
@click.option("--bucket", default="", envvar="CFNGEN_BUCKET", help="Where nested templates go, in the stack's region; also CFNGEN_BUCKET.")  # fmt: skip
@click.option("--bucket-owner", default="", metavar="ACCOUNT", help="Who must own it.  [default: the stack's account]")
@click.option("--kms-key-id", default="", help="Encrypt templates in the bucket with this key.")
@click.option(
    "--parameter", "words", multiple=True, metavar="KEY=VALUE", help="A parameter of the root; several times."
)
@click.option("--parameters", "file", type=PathType(path_type=Path, dir_okay=False), help="A file of parameters.")
@click.option("--plan", "is_plan", is_flag=True, help="Leave the change set, and tell how to execute it.")
@click.option("--force", is_flag=True, help="Execute in spite of findings that are errors.")
def deploy(
    place: Path | None, stage: str | None, out: Path | None, stack: str, target: str, endpoint_url: str, minutes: int,
    form: str, bucket: str, bucket_owner: str, kms_key_id: str, words: tuple[str, ...], file: Path | None,
    *, yes: bool, is_plan: bool, force: bool,
) -> None:  # fmt: skip
    """Deploy a stage: that of APP, a description such as cfngen.yaml, or the generated one in DIR.

    Nested templates go to the bucket, then a change set is made and shown. It is executed when you agree, and followed
    until all is done or all is as before. What deploys is what generate wrote: nothing is generated here.
    docs/deploy.md tells more.
    """
    _refuse_unasked(yes=yes or is_plan, form=form)
    with parts_of("deploy", "deploy"):
        from cfngen.deploy import planning, running, show
        from cfngen.deploy.bucket import Bucket
        from cfngen.deploy.parameters import read_file

    given = {**(read_file(file) if file else {}), **pairs("--parameter", words)}
    wanted = _wanted(place, stage, out, stack, is_fresh=True)
    account = _account(target, endpoint_url)
    until = time.monotonic() + 60 * minutes
    where = Bucket(account, bucket or _LOCAL_BUCKET, bucket_owner, kms_key_id) if bucket or target else None
    if where and not bucket:
        where.make()
    with _talk() as talk:
        planned = planning.plan(account, wanted, given, where, until, talk.tell)
    talk.note(f"{wanted.stack}: {planned.kind} in {account.shown}")
    for line in show.values(planned):
        talk.note(line)
    if planned.changes is None:
        planning.discard(account, planned)
        _end(form, show.data(planned, None, account), f"{wanted.stack}: nothing to do")
        return
    if form == "text":
        _lines(show.plan(planned))
    is_blocked = bool(planned.blocking) and not force
    if is_plan:
        _end(form, show.data(planned, None, account), "\n".join(show.commands(planned)))
        sys.exit(int(is_blocked))
    if is_blocked:
        planning.discard(account, planned)
        _end(form, show.data(planned, None, account), "")
        raise planning.RefusedError(
            f"{wanted.stack}: not deployed, because of what preflight found; --force does it all the same"
        )
    if not yes and not _agreed(
        lambda: click.confirm("deploy this?", err=True), lambda: planning.discard(account, planned)
    ):
        raise planning.RefusedError(f"{wanted.stack}: not deployed, and the change set is gone")
    with _talk() as talk, _interrupted(wanted.stack):
        outcome = running.execute(account, wanted, planned, until, talk.watch(wanted.stack, planned.changes.planned))
    if form == "json":
        _end(form, show.data(planned, outcome, account), "")
    else:
        _lines(show.outcome(outcome))
    if not outcome.is_good:
        sys.exit(1)


@click.command()
@_common
def destroy(
    place: Path | None, stage: str | None, out: Path | None, stack: str, target: str, endpoint_url: str, minutes: int,
    form: str, *, yes: bool,
) -> None:  # fmt: skip
    """Delete a stage's stack: APP's, or that of the generated folder DIR.

    What goes and what stays is shown first, and a person types the stage's name. What stayed is listed at the end, with
    the commands that remove it.
    """
    _refuse_unasked(yes=yes, form=form)
    with parts_of("destroy", "deploy"):
        from cfngen.deploy import destruction, planning, show

    wanted = _wanted(place, stage, out, stack)
    account = _account(target, endpoint_url)
    farewell = destruction.look(account, wanted)
    if farewell is None:
        click.echo(f"there is no stack {wanted.stack} in {account.shown}", err=True)
        _end(form, show.farewell_data(wanted.stack, account, None, None, ()), f"{wanted.stack}: nothing to do")
        return
    click.echo(f"{wanted.stack}: delete in {account.shown}", err=True)
    if form == "text":
        _lines(show.farewell(farewell))
    name = wanted.stage or wanted.stack
    if not yes and not _agreed(lambda: click.prompt(f"type {name} to delete it", default="", show_default=False, err=True) == name, _nothing):  # fmt: skip
        raise planning.RefusedError(f"{wanted.stack}: not deleted")
    until = time.monotonic() + 60 * minutes
    planned = {each.stack: each.deleted + len(each.left) for each in farewell.going}
    with _talk() as talk, _interrupted(wanted.stack):
        outcome = destruction.destroy(account, farewell, until, talk.watch(wanted.stack, planned))
    left = [*farewell.left, *destruction.logs_of_databases(account, farewell)] if outcome.is_good else []
    if form == "json":
        _end(form, show.farewell_data(wanted.stack, account, farewell, outcome, left), "")
    else:
        _lines(show.gone(outcome, left))
    if not outcome.is_good:
        sys.exit(1)


def _wanted(place: Path | None, stage: str | None, out: Path | None, stack: str, *, is_fresh: bool = False) -> Any:
    """The stage's folder with its templates, and the name of its stack."""
    with parts_of("deploy", "deploy"):
        from cfngen.deploy.folders import of_folder
    if place and place.is_dir():
        if stage or out:
            given = "--stage" if stage else "--out"
            raise DescriptionError([Problem(given, str(stage or out), f"belongs to APP; {place} is a folder already")])
        return of_folder(place, stack)
    app, stages = described(place, stage)
    if len(stages) > 1:
        names = " or ".join(f"--stage {each.stage}" for each in stages)
        raise DescriptionError([Problem("--stage", "", f"one at a time: {names}")])
    around = out or Path("templates")
    folder = around / stages[0].name / stages[0].stage
    wanted = of_folder(folder, stack)
    if is_fresh:
        _refuse_stale(app, stages, around, folder)
    return wanted


def _refuse_stale(app: Path, stages: tuple[App, ...], out: Path, folder: Path) -> None:
    """What is deployed has to be what the description says."""
    from cfngen.disk import stale
    from cfngen.generated import files_of

    if names := stale(folder, files_of(app, stages, out)[folder]):
        shown = ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if names[_SHOWN:] else "")
        command = f"cfngen generate {shlex.quote(str(app))} --stage {stages[0].stage}{f' --out {shlex.quote(str(out))}' if out != Path('templates') else ''}"
        fits = f"not what {app} says now: {shown}; run: {command}, and review what it writes, or name the folder to deploy it as it is"
        raise DescriptionError([Problem(folder.as_posix(), "", fits)])


def _account(target: str, endpoint: str) -> Any:
    with parts_of("deploy", "deploy"):
        from cfngen.deploy.account import Account
    if not target:
        return Account(endpoint=endpoint)
    if endpoint:
        raise DescriptionError([Problem("--endpoint-url", endpoint, "--local says where already")])
    from cfngen.local import background

    running = background.find(target)
    if running is None:
        name = "" if target == background.NAME else f" --name {target}"
        raise CfngenError(f"--local: no target {target!r} runs; start it by: cfngen local up{name}")
    return Account(running.environment)


def _refuse_unasked(*, yes: bool, form: str) -> None:
    """Where nobody can be asked, somebody has to have said yes before anything is done."""
    if yes or (form == "text" and sys.stdin.isatty() and sys.stderr.isatty()):
        return
    raise DescriptionError(
        [Problem("--yes", "", "nobody can be asked here, since this is no terminal; give it to go on all the same")]
    )


def _agreed(ask: Callable[[], bool], otherwise: Callable[[], None]) -> bool:
    """What a person says; when it is no, or Ctrl-C, what was prepared goes."""
    try:
        is_agreed = ask()
    except (click.Abort, KeyboardInterrupt):
        otherwise()
        raise KeyboardInterrupt from None
    if not is_agreed:
        otherwise()
    return is_agreed


def _nothing() -> None:
    """Nothing was prepared."""


@contextmanager
def _interrupted(stack: str) -> Iterator[None]:
    """Ctrl-C ends the watching and nothing else, which has to be said."""
    try:
        yield
    except KeyboardInterrupt:
        from cfngen.deploy.running import goes_on

        click.echo(f"\n{stack}: you have stopped watching, and nothing else. {goes_on(stack)}", err=True)
        raise


def _end(form: str, data: Any, said: str) -> None:
    if form == "json":
        click.echo(json.dumps(data, indent=2, default=str))
    elif said:
        click.echo(said)


def _lines(lines: Iterator[tuple[str, str]]) -> None:
    for line, shade in lines:
        shown = click.style(line, fg=shade, bold=shade == "red") if shade else line
        click.echo(shown, color=colour())


class _Talk:
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
def _talk() -> Iterator[_Talk]:
    talk = _Talk()
    try:
        yield talk
    finally:
        talk.close()
