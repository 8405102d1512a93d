"""The command line: the only place that prints. Results go to stdout, talk to stderr.

Exit status: 0 done, 1 findings or files that cannot be written, 2 wrong input.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from cfngen._version import VERSION
from cfngen.errors import CfngenError, DescriptionError, LedgerError, Problem
from cfngen.ledger import FILE, Ledger
from cfngen.load import find, load, select
from cfngen.render import stage_files, write


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="cfngen", message="%(prog)s %(version)s")
def cli() -> None:
    """Plain CloudFormation, and the files of its pipelines, from one short description of an application."""


@cli.command()
@click.argument("app", required=False, type=click.Path(path_type=Path))
@click.option("--stage", help="Only this stage.")
@click.option(
    "--out",
    default="templates",
    show_default=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Where the files go, as OUT/<application>/<stage>/.",
)
def generate(app: Path | None, stage: str | None, out: Path) -> None:
    """Write the templates and files of APP, a Python file such as services/coffee.py."""
    path = app or find()
    stages = select(load(path), stage)
    folders: dict[Path, dict[str, str]] = {}
    problems: list[Problem] = []
    for each in stages:
        folder = out / each.name / each.stage
        try:
            folders[folder] = stage_files(each, _ledger(folder), _source(path), _own_buildspecs())
        except DescriptionError as error:
            problems.extend(error.problems)
    if problems:
        raise DescriptionError(problems)
    changed = write(folders)
    for folder, files in folders.items():
        click.echo(f"{folder}: {len(files)} files, {'written' if folder in changed else 'unchanged'}")


def main() -> None:
    """Run a command; tell an expected error in its own words, without a traceback."""
    try:
        cli()
    except CfngenError as error:
        click.echo(click.style("error: ", fg="red") + str(error).replace("\n", "\n       "), err=True)
        sys.exit(error.exit_status)


def _ledger(folder: Path) -> Ledger | None:
    file = folder / FILE
    if not file.is_file():
        click.echo(
            f"note: no {file}; this stage starts a new ledger. Commit it, or the next change cannot know what is live.",
            err=True,
        )
        return None
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise LedgerError(
            [Problem("ledger", f"it cannot be read ({error})", "restore it from version control", str(file))]
        ) from None
    return Ledger.read(text, str(file))


def _source(path: Path) -> str:
    """The description's name as it stands in every file: the same on every machine."""
    absolute = path.resolve()
    return absolute.relative_to(Path.cwd()).as_posix() if absolute.is_relative_to(Path.cwd()) else path.name


def _own_buildspecs() -> str | None:
    folder = Path("buildspecs")
    return str(folder) if any(folder.glob("*.j2")) else None
