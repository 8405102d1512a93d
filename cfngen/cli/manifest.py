"""Commands about the description itself: its schema, where its values come from, and its other spelling."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from cfngen.cli.common import PathType, described
from cfngen.errors import DescriptionError, Problem


@click.command()
def schema() -> None:
    """Print the JSON Schema of cfngen.yaml, made from the classes of the description.

    cfngen schema > cfngen.schema.json, and editors that know YAML complete and check the file whose first line is:

    # yaml-language-server: $schema=cfngen.schema.json
    """
    from cfngen.manifest.schema import schema_text

    click.echo(schema_text(), nl=False)


@click.command()
@click.argument("stage", required=False)
@click.argument("app", required=False, type=PathType(path_type=Path))
@click.option("--given", is_flag=True, help="Only what the description says, without defaults.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def explain(stage: str | None, app: Path | None, given: bool, form: str) -> None:
    """Show every value of STAGE of APP as it is in the end, and where it comes from.

    That is a line of the description, an overlay, which is what stands under that stage in `stages`, or the
    default of a class. STAGE may be left out where there is one.
    """
    from cfngen.load import YAML
    from cfngen.manifest.explain import explain as origins_of

    if stage and app is None and stage.endswith((".py", *YAML)) and os.path.isfile(stage):  # noqa: PTH113  (any text)
        app, stage = Path(stage), None
    _, chosen = described(app, stage, "STAGE")
    if len(chosen) > 1:
        known = ", ".join(each.stage for each in chosen)
        raise DescriptionError([Problem("STAGE", "", f"one of the application's stages: {known}")])
    found = [each for each in origins_of(chosen[0]) if each.file or not given]
    if form == "json":
        click.echo(json.dumps([each.data for each in found], indent=2, ensure_ascii=False))
        return
    rows = [(each.path, each.shown, each.place) for each in found]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    for path, value, source in rows:
        click.echo(f"{path.ljust(widths[0])}  {value.ljust(widths[1])}  {source}")


@click.command()
@click.argument("app", required=False, type=PathType(path_type=Path))
def convert(app: Path | None) -> None:
    """Print APP, such as services/coffee.py, as the YAML that says the same: its first stage, and what differs in the others.

    Comments and the ways in which Python computes values are not kept.
    """
    from cfngen.manifest.write import write_yaml

    click.echo(write_yaml(described(app, None)[1]), nl=False)
