"""``cfngen deploy`` and ``cfngen destroy``: a stage goes into an account, or into a local target, and goes again.

Exit status: 0 done, or nothing to do; 1 it failed, was refused, declined, or not over in time; 2 wrong input, or an
account that does not answer; 130 interrupted.
"""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cfngen.cli import talk
from cfngen.cli.common import PathType, described
from cfngen.errors import CfngenError, DescriptionError, Problem
from cfngen.extras import parts_of
from cfngen.words import pairs

if TYPE_CHECKING:
    from cfngen.spec import App

_LOCAL_BUCKET = "cfngen-templates"
_FOLDER = PathType(path_type=Path)
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
            click.option("--local", "target", is_flag=False, flag_value="default", default="", metavar="[NAME]", help="Into the local AWS that cfngen local up started."),
            click.option("--endpoint-url", default="", help="Where AWS is, when it is somewhere else."),
            click.option("--yes", is_flag=True, help="Ask nobody."),
            click.option("--minutes", default=120, show_default=True, type=click.IntRange(1), help="How many minutes to follow it."),
            click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True),
        )
    ):  # fmt: skip
        function = option(function)
    return function


@click.command()
@_common
@click.option("--bucket", default="", envvar="CFNGEN_BUCKET", help="Where nested templates go, in the stack's region; also CFNGEN_BUCKET.")  # fmt: skip
@click.option(
    "--bucket-owner",
    default="",
    metavar="ACCOUNT",
    help="The account that must own the bucket.  [default: the stack's]",
)
@click.option("--kms-key-id", default="", help="Encrypt the templates in the bucket with this key.")
@click.option(
    "--parameter", "words", multiple=True, metavar="KEY=VALUE", help="A parameter of the root; several times."
)
@click.option(
    "--parameters", "file", type=PathType(path_type=Path, dir_okay=False), help="A file of parameters, in YAML or JSON."
)
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
        from cfngen.deploy import folders, planning
        from cfngen.deploy.bucket import Bucket
        from cfngen.deploy.parameters import read_file

    given = {**(read_file(file) if file else {}), **pairs("--parameter", words)}
    roots = _roots(place, stage, out, stack, is_fresh=True)
    account = _account(target, endpoint_url)
    gone = folders.gone(roots[0])
    planning.refuse_standing(account, roots, gone)
    until = time.monotonic() + 60 * minutes
    where = Bucket(account, bucket or _LOCAL_BUCKET, bucket_owner, kms_key_id) if bucket or target else None
    if where and not bucket:
        where.make()
    known = {name for wanted in roots for name in wanted.root.parameters}
    with talk.answers(form, roots[0].stack) as answers:
        for wanted in roots:
            own = {name: value for name, value in given.items() if name in wanted.root.parameters or name not in known}
            _deploy_root(account, wanted, own, where, until, answers, yes=yes, is_plan=is_plan, force=force)
    for line in planning.deserted(account, gone):
        click.echo(line, err=True)


def _deploy_root(
    account: Any, wanted: Any, given: Mapping[str, str], where: Any, until: float, answers: talk.Answers,
    *, yes: bool, is_plan: bool, force: bool,
) -> None:  # fmt: skip
    """Deploy one root of a stage; ends the process when it fails."""
    from cfngen.deploy import planning, running, show

    if is_plan and (waiting := planning.waiting(account, wanted, given)):
        click.echo(f"{wanted.stack}: planned when {wanted.first} is deployed, which tells its {waiting[0]}", err=True)
        return
    with talk.talk() as talking:
        planned = planning.plan(account, wanted, given, where, until, talking.tell)
    talking.note(f"{wanted.stack}: {planned.kind} in {account.shown}")
    for line in show.values(planned):
        talking.note(line)
    before = show.data(planned, None, account)
    if planned.changes is None:
        planning.discard(account, planned)
        answers.tell(before, f"{wanted.stack}: nothing to do")
        return
    answers.show(show.plan(planned))
    is_blocked = bool(planned.blocking) and not force
    if is_plan:
        answers.tell(before, "\n".join(show.commands(planned)))
        if is_blocked:
            sys.exit(1)
        return
    if is_blocked:
        planning.discard(account, planned)
        answers.tell(before)
        raise planning.RefusedError(
            f"{wanted.stack}: not deployed, because of what preflight found; --force does it all the same"
        )
    if not yes and not talk.agreed(
        lambda: click.confirm("deploy this?", err=True), lambda: planning.discard(account, planned)
    ):
        raise planning.RefusedError(f"{wanted.stack}: not deployed, and the change set is gone")
    with talk.talk() as talking, talk.interrupted(wanted.stack):
        watch = talking.watch(wanted.stack, planned.changes.planned)
        outcome = running.execute(account, wanted, planned, until, watch)
    answers.tell(show.data(planned, outcome, account), shown=show.outcome(outcome))
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
        from cfngen.deploy import destruction, folders, planning, show

    roots = _roots(place, stage, out, stack)
    account = _account(target, endpoint_url)
    # Cells use what the first root has, so they go before it.
    every = [(wanted, destruction.look(account, wanted)) for wanted in reversed((*roots, *folders.gone(roots[0])))]
    going = [(wanted, farewell) for wanted, farewell in every if farewell]
    first = roots[0]
    with talk.answers(form, first.stack) as answers:
        if not going:
            click.echo(f"there is no stack {first.stack} in {account.shown}", err=True)
            answers.tell(show.farewell_data(first.stack, account, None, None, ()), f"{first.stack}: nothing to do")
            return
        for wanted, farewell in going:
            click.echo(f"{wanted.stack}: delete in {account.shown}", err=True)
            answers.show(show.farewell(farewell))
        name = first.stage or first.stack
        if not yes and not talk.agreed(lambda: click.prompt(f"type {name} to delete it", default="", show_default=False, err=True) == name, talk.nothing):  # fmt: skip
            raise planning.RefusedError(f"{first.stack}: not deleted")
        until = time.monotonic() + 60 * minutes
        for wanted, farewell in going:
            planned = {each.stack: each.deleted + len(each.left) for each in farewell.going}
            with talk.talk() as talking, talk.interrupted(wanted.stack):
                outcome = destruction.destroy(account, farewell, until, talking.watch(wanted.stack, planned))
            left = [*farewell.left, *destruction.logs_of_databases(account, farewell)] if outcome.is_good else []
            data = show.farewell_data(wanted.stack, account, farewell, outcome, left)
            answers.tell(data, shown=show.gone(outcome, left))
            if not outcome.is_good:
                sys.exit(1)


def _roots(place: Path | None, stage: str | None, out: Path | None, stack: str, *, is_fresh: bool = False) -> Any:
    """The roots of the stage, each with its templates and the name of its stack, the first one first."""
    with parts_of("deploy", "deploy"):
        from cfngen.deploy.folders import of_stage
    if place and place.is_dir():
        if stage or out:
            given = "--stage" if stage else "--out"
            raise DescriptionError([Problem(given, str(stage or out), f"belongs to APP; {place} is a folder already")])
        return of_stage(place, stack)
    app, stages = described(place, stage)
    if len(stages) > 1:
        names = " or ".join(f"--stage {each.stage}" for each in stages)
        raise DescriptionError([Problem("--stage", "", f"one at a time: {names}")])
    around = out or Path("templates")
    folder = around / stages[0].name / stages[0].stage
    roots = of_stage(folder, stack)
    if is_fresh:
        _refuse_stale(app, stages, around, folder)
    return roots


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
        raise CfngenError(f"--local: no local AWS {target!r} runs; start it by: cfngen local up{name}")
    return Account(running.environment)


def _refuse_unasked(*, yes: bool, form: str) -> None:
    """Where nobody can be asked, somebody has to have said yes before anything is done."""
    if yes or (form == "text" and sys.stdin.isatty() and sys.stderr.isatty()):
        return
    raise DescriptionError(
        [Problem("--yes", "", "nobody can be asked here, since this is no terminal; give it to go on all the same")]
    )
