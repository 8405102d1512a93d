"""The folder of a stage as something to deploy."""

from __future__ import annotations

from pathlib import Path

from cfngen.deploy.package import read_tree
from cfngen.deploy.planning import Wanted
from cfngen.errors import DescriptionError, Problem
from cfngen.operate.folder import read_folder


def of_folder(folder: Path, stack: str = "") -> Wanted:
    """Read a stage's generated folder; the stack's name is ``application-stage``, as the README has it.

    Raises `DescriptionError` for a folder that is none, or whose templates cannot be read.
    """
    if not folder.is_dir():
        fits = "there is no such folder; run cfngen generate first, and commit what it writes"
        raise DescriptionError([Problem(folder.as_posix(), "", fits)])
    read = read_folder(folder)
    born = read.ledger.births["stage"]
    application, stage = str(born["application"]), str(born.get("name", ""))
    root = read_tree(folder / f"{application}.yaml")
    return Wanted(stack or f"{application}-{stage}", root, read, stage)
