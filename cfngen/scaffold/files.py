"""New files, all or none, and never over anything that is there."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from cfngen.errors import OutputError


def write_new(folder: Path, files: Mapping[str, str]) -> None:
    """Write each file to the side, then put all in place; raises `OutputError`, with nothing changed, if one is there."""
    placed: list[Path] = []
    try:
        with tempfile.TemporaryDirectory(prefix=".cfngen.new.", dir=folder) as side:
            for index, (name, text) in enumerate(files.items()):
                beside, target = Path(side) / str(index), folder / name
                beside.write_text(text, encoding="utf-8")
                target.parent.mkdir(parents=True, exist_ok=True)
                os.link(beside, target)  # which fails where something is, whoever put it there meanwhile
                placed.append(target)
    except OSError as error:
        for target in placed:
            target.unlink(missing_ok=True)
        place = error.filename2 or error.filename or folder
        raise OutputError(f"{place}: {error.strerror}; nothing was changed") from error
