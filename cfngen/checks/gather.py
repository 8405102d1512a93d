"""Where stages to check come from: a folder of generated files, or a description that was just rendered."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cfngen.checks.stage import Behind, Stage, hidden, read_folder
from cfngen.disk import stale, write
from cfngen.errors import DescriptionError, Problem, did_you_mean
from cfngen.ledger import FILE


def generated(folder: Path, stage: str | None = None) -> list[Stage]:
    """The stages below a folder: every folder with a ledger, else the folder itself; or the one of that name.

    Raises `DescriptionError` when there is nothing to check.
    """
    found = [path.parent for path in sorted(folder.rglob(FILE)) if not hidden(path.relative_to(folder).as_posix())]
    chosen = [each for each in found or [folder] if stage in (None, each.resolve().name)]
    if not chosen:
        hint = did_you_mean(str(stage), {each.name for each in found or [folder.resolve()]})
        raise DescriptionError([Problem("--stage", repr(stage), f"no stage in {folder}; {hint}")])
    fits = "there are no templates in it; name a folder that cfngen generate wrote, as in templates/coffee/dev"
    if empty := [Problem(str(each), "", fits) for each in chosen if not any(each.glob("*.yaml"))]:
        raise DescriptionError(empty)
    return [read_folder(each) for each in chosen]


def rendered(folders: Mapping[Path, Mapping[str, str]], temporary: Path, command: str) -> list[Stage]:
    """The stages whose files these are, each to be kept in its folder, and written below `temporary` for the linter.

    `command` would bring the folders up to date.
    """
    places = {folder: temporary / str(number) for number, folder in enumerate(folders)}
    write({places[folder]: files for folder, files in folders.items()})
    return [
        Stage(folder.as_posix(), places[folder], files, {}, _behind(folder, files, command))
        for folder, files in folders.items()
    ]


def _behind(folder: Path, files: Mapping[str, str], command: str) -> Behind | None:
    changed = stale(folder, files)
    return Behind(tuple(changed), command, is_missing=not folder.is_dir()) if changed else None
