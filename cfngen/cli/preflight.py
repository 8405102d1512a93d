"""``cfngen preflight``: what is live in a deployed stage, and what is in the way.

Exit status: 0 nothing or notes, 1 errors or warnings, 2 wrong input, 130 interrupted.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from cfngen.cli.common import LEVELS, PathType, colour
from cfngen.errors import CfngenError, DescriptionError, Problem
from cfngen.extras import parts_of


@click.command()
@click.argument("folder", metavar="[DIR]", required=False, type=PathType(path_type=Path, file_okay=False))
@click.option("--stack", default="", help="The name of the stage's root stack.  [default: with DIR, APPLICATION-STAGE]")
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
    must be given are told, and the ledger is compared. Where a stage has further cells (docs/limits.md), their stacks
    are asked after the first; DIR may be the folder of one cell, too. Nothing is changed. Exit status 1 when a finding is an error or a warning; a note
    (info) is none.
    """
    with parts_of("preflight", "deploy"):
        from cfngen.operate import preflight as operate
        from cfngen.operate import saved
        from cfngen.operate.folder import read_folder

    wanted = read_folder(folder) if folder else None
    stack = stack or (wanted.stack if wanted else "")
    if not stack:
        raise DescriptionError(
            [Problem("--stack", "", "the name of the stage's root stack; or give the stage's folder")]
        )
    if state:
        seen = saved.load(state)
        operate.check_stack(seen, stack, change_set, str(state))
    else:
        with parts_of("preflight", "deploy"):
            from cfngen.operate.read import read
        seen = read(stack, change_set)
    if save:
        saved.save(save, seen)
    answers = [operate.preflight(seen, wanted)]
    if folder and not (state or save or change_set):
        answers += _further(folder, stack)
    if form == "json":
        first, *others = (answer.data() for answer in answers)
        click.echo(json.dumps({**first, "cells": others} if others else first, indent=2))
    for answer in answers:
        if form == "text":
            _show_answer(answer)
        counts = Counter(str(each.level) for each in answer.findings)
        said = ", ".join(f"{words}: {counts[level]}" for level, words in LEVELS.items())
        click.echo(f"{answer.stack}; {said}", err=True)
    if not all(answer.is_clear for answer in answers):
        sys.exit(1)


def _further(folder: Path, stack: str) -> Iterator[Any]:
    """What is said of the further cells of a stage, as far as they are deployed."""
    from cfngen import cells
    from cfngen.operate import preflight as operate
    from cfngen.operate.folder import further_cells, read_folder
    from cfngen.operate.read import read

    for cell in further_cells(folder):
        wanted, name = read_folder(folder / cells.folder(cell)), f"{stack}-{cells.folder(cell)}"
        try:
            seen = read(name, "")
        except CfngenError as error:  # not deployed yet
            click.echo(f"{name}: not asked: {error}", err=True)
            continue
        yield operate.preflight(seen, wanted)


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
