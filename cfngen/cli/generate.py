"""``cfngen generate``: a description's templates and files."""

from __future__ import annotations

import gc
from pathlib import Path

import click

from cfngen.cli.common import PathType, described


@click.command()
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
    gc.disable()  # a third of the time, to find nothing: what is made here stays until the process ends
    from cfngen._quick import quick_objects
    from cfngen.disk import Drafts, alone
    from cfngen.generated import generated

    path, stages = described(app, stage)
    folders = [out / each.name / each.stage for each in stages]
    with alone(folders), Drafts(folders) as drafts, quick_objects():
        notes = generated(path, stages, out, drafts.put)
        changed = drafts.swap()
    for note in notes:
        click.echo(f"note: {note}", err=True)
    for folder in folders:
        click.echo(
            f"{folder}: {drafts.number_of_files(folder)} files, {'written' if folder in changed else 'unchanged'}"
        )
