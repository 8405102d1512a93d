"""The command line: the only place that prints. Results go to stdout, talk to stderr.

Exit status: 0 done, 1 findings or files that cannot be written, 2 wrong input, 130 interrupted.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click

from cfngen._version import VERSION
from cfngen.cli_common import PathType, colour, progress
from cfngen.cli_deploy import deploy, destroy
from cfngen.cli_init import init
from cfngen.cli_local import local
from cfngen.cli_manifest import convert, explain, schema
from cfngen.cli_rehearse import rehearse
from cfngen.cli_simulate import simulate
from cfngen.disk import alone, write
from cfngen.errors import CfngenError, DescriptionError, Problem
from cfngen.extras import parts_of
from cfngen.generated import files_of, generated
from cfngen.load import find, load, select

_LEVELS = {"error": "errors", "warning": "warnings", "info": "notes"}


class _Commands(click.Group):
    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("interrupted", err=True)
            sys.exit(130)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="cfngen", message="%(prog)s %(version)s")
def cli() -> None:
    """Plain CloudFormation, and the files of its pipelines, from one short description of an application."""


@cli.command(short_help="Write the templates and files of an application.")
@click.argument("app", required=False, type=PathType(path_type=Path))
@click.option("--stage", help="Only this stage.")
@click.option(
    "--out",
    default="templates",
    show_default=True,
    type=PathType(path_type=Path, file_okay=False),
    help="Where the files go, as OUT/<application>/<stage>/.",
)
def generate(app: Path | None, stage: str | None, out: Path) -> None:
    """Write the templates and files of APP, a description such as cfngen.yaml or services/coffee.py."""
    path = app or find()
    stages = select(load(path), stage)
    with alone(out / each.name / each.stage for each in stages):
        folders, notes = generated(path, stages, out)
        changed = write(folders)
    for note in notes:
        click.echo(f"note: {note}", err=True)
    for folder, files in folders.items():
        click.echo(f"{folder}: {len(files)} files, {'written' if folder in changed else 'unchanged'}")


@cli.command(short_help="Check them: cfn-lint in every region, and cfngen's own checks.")
@click.argument("place", metavar="[APP|DIR]", required=False, type=PathType(path_type=Path))
@click.option("--stage", help="Only this stage.")
@click.option(
    "--out",
    type=PathType(path_type=Path, file_okay=False),
    help="Where APP's files are, as in generate.  [default: templates]",
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--allow", multiple=True, metavar="ID", help="A warning that is no failure; may be given several times.")
def check(place: Path | None, stage: str | None, out: Path | None, form: str, allow: tuple[str, ...]) -> None:
    """Check what APP generates, or the generated files in DIR: by cfn-lint in every region, and by cfngen's own checks.

    Findings go to stdout. Exit status 1 when one of them is an error or a warning; a note (info) is none.
    """
    checks = _checks()
    checks.refuse_unknown(allow)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="cfngen-") as temporary:
        if place and place.is_dir():
            if out:
                raise DescriptionError([Problem("--out", str(out), f"belongs to APP; {place} is a folder already")])
            stages = checks.generated(place, stage)
        else:
            path = place or find()
            command = f"cfngen generate {path}{f' --out {out}' if out else ''}"
            files = files_of(path, select(load(path), stage), out or Path("templates"))
            stages = checks.rendered(files, Path(temporary), command)
        with progress(sum(len(each.templates) for each in stages)) as tell:
            found = checks.check(replace(each, tell=tell) for each in stages)
    if form == "json":
        click.echo(json.dumps([asdict(each) for each in found], indent=2))
    else:
        _show(found)
    counts = Counter(each.level for each in found)
    said = ", ".join(f"{words}: {counts[level]}" for level, words in _LEVELS.items())
    names = ", ".join(each.name for each in stages)
    click.echo(f"{names}; {said} ({time.monotonic() - started:.1f} s)", err=True)
    if any(each.level == "error" or (each.level == "warning" and each.check not in allow) for each in found):
        sys.exit(1)


@cli.command(short_help="Ask a deployed stage what is live and what is in the way.")
@click.argument("folder", metavar="[DIR]", required=False, type=PathType(path_type=Path, file_okay=False))
@click.option("--stack", required=True, help="The name of the stage's root stack.")
@click.option(
    "--state", type=PathType(path_type=Path, dir_okay=False), help="Read what an earlier --save wrote; ask nobody."
)
@click.option("--save", type=PathType(path_type=Path, dir_okay=False), help="Write what was seen to this file.")
@click.option(
    "--change-set", default="", metavar="NAME", help="Look at what this change set of the stack would do, too."
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def preflight(
    folder: Path | None, stack: str, state: Path | None, save: Path | None, change_set: str, form: str
) -> None:
    """Ask a deployed stage, before a stack update or a release, which colour is live and what stands in the way.

    DIR is the stage's generated folder, such as templates/coffee/dev; with it, the parameters that the next deploy
    must be given are told, and the ledger is compared. Nothing is changed. Exit status 1 when a finding is an error
    or a warning; a note (info) is none.
    """
    with parts_of("preflight", "deploy"):
        from cfngen.operate import preflight as operate
        from cfngen.operate import saved
        from cfngen.operate.folder import read_folder

    wanted = read_folder(folder) if folder else None
    if state:
        seen = saved.load(state)
        operate.check_stack(seen, stack, change_set, str(state))
    else:
        with parts_of("preflight", "deploy"):
            from cfngen.operate.read import read
        seen = read(stack, change_set)
    if save:
        saved.save(save, seen)
    answer = operate.preflight(seen, wanted)
    if form == "json":
        click.echo(json.dumps(answer.data(), indent=2))
    else:
        _show_answer(answer)
    counts = Counter(str(each.level) for each in answer.findings)
    said = ", ".join(f"{words}: {counts[level]}" for level, words in _LEVELS.items())
    click.echo(f"{answer.stack}; {said}", err=True)
    if not answer.is_clear:
        sys.exit(1)


cli.add_command(convert)
cli.add_command(deploy)
cli.add_command(destroy)
cli.add_command(explain)
cli.add_command(init)
cli.add_command(local)
cli.add_command(rehearse)
cli.add_command(schema)
cli.add_command(simulate)


def main() -> None:
    """Run a command; tell an expected error in its own words, without a traceback."""
    try:
        cli()
    except CfngenError as error:
        told = click.style("error: ", fg="red") + str(error).replace("\n", "\n       ")
        click.echo(told, err=True, color=colour())
        sys.exit(error.exit_status)


def _checks() -> Any:
    with parts_of("check", "check"):
        from cfngen import checks
    return checks


def _refuse(problems: list[Problem]) -> None:
    """What is wrong with several stages in the same words is told once."""
    if problems:
        raise DescriptionError(dict.fromkeys(problems))


def _show(found: Iterable[Any]) -> None:
    for each in found:
        level = click.style(each.level, fg={"error": "red", "warning": "yellow", "info": "blue"}[each.level])
        line = f"{each.file}:{each.line}: {level} {each.check} {each.message}"
        click.echo(line, color=colour())


def _show_answer(answer: Any) -> None:
    place = ", ".join(filter(None, (answer.account and f"account {answer.account}", answer.region)))
    click.echo(f"{answer.stack}: {answer.status}{f' ({place})' if place else ''}\n")
    widths = [max(map(len, column)) for column in zip(*answer.table, strict=True)]
    for row in answer.table:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    for line in answer.given:
        click.echo(line)
    for each in answer.findings:
        level = click.style(each.level, fg={"error": "red", "warning": "yellow", "info": "blue"}[each.level])
        click.echo(f"\n{each.place}: {level} {each.id} {each.sentence}\n  seen: {each.seen}", color=colour())
        for index, line in enumerate(each.mend):
            click.echo(f"  {'      ' if index else 'mend: '}{line}")
