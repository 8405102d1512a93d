"""cfngen init: a first description of what is there. It asks on a terminal, and never elsewhere."""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import click

from cfngen.cli.common import PathType
from cfngen.errors import DescriptionError, Problem


@click.command()
@click.argument(
    "folder", metavar="[DIR]", required=False, default=".", type=PathType(path_type=Path, file_okay=False, exists=True)
)
@click.option("--name", help="The application's name.  [default: the folder's]")
@click.option("--repository", help="owner/name at the Git provider.  [default: that of the clone's origin]")
@click.option("--yes", is_flag=True, help="Ask nothing, on a terminal either.")
def init(folder: Path, name: str | None, repository: str | None, yes: bool) -> None:
    """Write cfngen.yaml into DIR, from the Dockerfiles and the compose file that are there, with its schema and a devcontainer.

    It generates at once; what could not be decided is said, and stands in the file. Nothing is ever overwritten.
    """
    from cfngen.load import BY_DEFAULT, load
    from cfngen.scaffold import draft, files_of_draft, write_new

    there = [folder / each for each in BY_DEFAULT if (folder / each).exists()]
    if there:
        raise DescriptionError([Problem("init", str(there[0]), "is there already; edit it, or move it away first")])
    made = draft(folder)
    asks = not yes and sys.stdin.isatty() and sys.stderr.isatty()
    name = name or (click.prompt("Name of the application", default=made.name, err=True) if asks else made.name)
    repository = repository or (
        click.prompt("Repository (owner/name)", default=made.repository, err=True) if asks else made.repository
    )
    undecided = tuple(
        each for each in made.undecided if repository == made.repository or not each.startswith("pipeline:")
    )
    made = replace(made, name=name, repository=repository, undecided=undecided)
    files = files_of_draft(made, folder)
    with tempfile.TemporaryDirectory(prefix="cfngen-") as temporary:  # what would be refused is not written
        trial = Path(temporary) / "cfngen.yaml"
        trial.write_text(files["cfngen.yaml"], encoding="utf-8")
        try:
            load(trial)
        except DescriptionError as error:
            raise DescriptionError(replace(each, file="cfngen.yaml, not written") for each in error.problems) from None
    write_new(folder, files)
    for each in files:
        click.echo(folder / each)
    for each in made.undecided:
        click.echo(f"undecided: {each}", err=True)
    where = "" if folder == Path() else f" {folder / 'cfngen.yaml'}"
    click.echo(f"next: read cfngen.yaml, then run: cfngen generate{where}", err=True)
