"""``cfngen check``: cfn-lint in every region, and cfngen's own checks.

Exit status: 0 nothing or notes, 1 errors or warnings, 2 wrong input, 130 interrupted.
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

from cfngen.cli.common import LEVELS, PathType, colour, described, progress
from cfngen.errors import DescriptionError, Problem
from cfngen.extras import parts_of


@click.command()
@click.argument("place", metavar="[APP|DIR]", required=False, type=PathType(path_type=Path))
@click.option("--stage", help="Only this stage.")
@click.option(
    "--out",
    type=PathType(path_type=Path, file_okay=False),
    help="Where APP's files are, as in generate.  [default: templates]",
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--allow", multiple=True, metavar="ID", help="A warning that is no failure; may be given several times.")
@click.option("--fresh", is_flag=True, help="Ask cfn-lint again of what it has seen before.")
def check(
    place: Path | None, stage: str | None, out: Path | None, form: str, allow: tuple[str, ...], *, fresh: bool
) -> None:
    """Check what APP generates, or the generated files in DIR: by cfn-lint in every region, and by cfngen's own checks.

    What cfn-lint found is kept in ~/.cache/cfngen/lint, so that only what is new takes long. Findings go to stdout. Exit
    status 1 when one of them is an error or a warning; a note (info) is none.
    """
    with parts_of("check", "check"):
        from cfngen import checks

        checks.refuse_unknown(allow)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="cfngen-") as temporary:
        if place and place.is_dir():
            if out:
                raise DescriptionError([Problem("--out", str(out), f"belongs to APP; {place} is a folder already")])
            stages = checks.generated(place, stage)
        else:
            from cfngen.generated import files_of

            path, described_stages = described(place, stage)
            command = f"cfngen generate {path}{f' --out {out}' if out else ''}"
            files = files_of(path, described_stages, out or Path("templates"))
            stages = checks.rendered(files, Path(temporary), command)
        with parts_of("check", "check"), progress(sum(len(each.templates) for each in stages)) as tell:
            found = checks.check((replace(each, tell=tell) for each in stages), fresh=fresh)
    if form == "json":
        click.echo(json.dumps([asdict(each) for each in found], indent=2))
    else:
        _show(found)
    counts: Counter[str] = Counter(each.level for each in found)
    said = ", ".join(f"{words}: {counts[level]}" for level, words in LEVELS.items())
    names = ", ".join(each.name for each in stages)
    click.echo(f"{names}; {said} ({time.monotonic() - started:.1f} s)", err=True)
    if any(each.level == "error" or (each.level == "warning" and each.check not in allow) for each in found):
        sys.exit(1)


def _show(found: Iterable[Any]) -> None:
    for each in found:
        level = click.style(each.level, fg={"error": "red", "warning": "yellow", "info": "blue"}[each.level])
        line = f"{each.file}:{each.line}: {level} {each.check} {each.message}"
        click.echo(line, color=colour())
