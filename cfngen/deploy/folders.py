"""The folder of a stage as something to deploy: its first root, then those of further cells."""

from __future__ import annotations

from pathlib import Path

from cfngen import cells
from cfngen.deploy.package import Template, read_tree
from cfngen.deploy.planning import Wanted
from cfngen.errors import DescriptionError, Problem
from cfngen.operate.folder import further_cells, place, read_folder


def of_stage(folder: Path, stack: str = "") -> tuple[Wanted, ...]:
    """The roots of a stage, the first one first; or the one of a cell's folder.

    The first one's stack is called ``application-stage``, as the README has it, or `stack`; that of a further cell
    ``application-stage-cell-2``. Raises `DescriptionError` for a folder that is none, or whose templates cannot be read.
    """
    stage, cell = place(folder)
    if cell != cells.FIRST:
        return (of_folder(folder, stack),)
    first = of_folder(folder, stack)
    return (
        first,
        *(
            of_folder(stage / cells.folder(each), f"{first.stack}-{cells.folder(each)}")
            for each in further_cells(stage)
        ),
    )


def of_folder(folder: Path, stack: str = "") -> Wanted:
    """Read the folder of one root."""
    if not folder.is_dir():
        fits = "there is no such folder; run cfngen generate first, and commit what it writes"
        raise DescriptionError([Problem(folder.as_posix(), "", fits)])
    read = read_folder(folder)
    born = read.ledger.births["stage"]
    root, own = read_tree(folder / f"{born['application']}.yaml"), cells.folder(read.cell)
    name, stage = stack or read.stack, str(born.get("name", ""))
    if not own:
        return Wanted(name, root, read, stage)
    return Wanted(name, root, read, stage, name.removesuffix(f"-{own}"))


def gone(wanted: Wanted) -> tuple[Wanted, ...]:
    """Cells in which nobody lives any more, whose stacks may be there still."""
    if wanted.folder is None or wanted.first:
        return ()
    born = {
        cells.born(wanted.folder.ledger, *name.split(" ", 1)) for name in wanted.folder.ledger.births if " " in name
    }
    left = sorted(born - {cells.FIRST, *further_cells(Path(wanted.folder.path))})
    nothing = Template(Path(wanted.folder.path), "", {"Resources": {}})
    return tuple(
        Wanted(f"{wanted.stack}-{cells.folder(each)}", nothing, None, wanted.stage, wanted.stack) for each in left
    )
