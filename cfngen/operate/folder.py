"""What the generated files of a root want: the parameters that it asks for, and what their ledger remembers.

A stage's folder is its first root's; that of a further cell lies in it and shares its ledger.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cfngen import cells
from cfngen.errors import DescriptionError, Problem
from cfngen.ledger import FILE, Ledger, RuleRecord, logical_id
from cfngen.semantics.document import UnreadableError, read_yaml
from cfngen.stack import title

_FITS = "name the folder of one stage that cfngen generate wrote, as in templates/coffee/dev"


@dataclass(frozen=True)
class Folder:
    """The folder of a root. `required` are its parameters without a default, `live` those of them that ask for the
    live colour, each with its service, and `handed` those that the stage's first root tells by outputs.

    `ledger` is what the stage's says of this cell, and `path` where that lies.
    """

    path: str
    ledger: Ledger
    required: tuple[str, ...] = ()
    cell: int = cells.FIRST
    handed: tuple[str, ...] = ()

    @property
    def live(self) -> Mapping[str, str]:
        """By parameter, in the order of services."""
        owners = self.owners
        return {name: owners[name] for name in sorted(self.required, key=lambda each: (owners.get(each, ""), each)) if name in owners}  # fmt: skip

    @property
    def stack(self) -> str:
        """What the README calls its stack: application and stage, with the cell behind."""
        born = self.ledger.births["stage"]
        return "-".join(filter(None, (str(born["application"]), str(born.get("name", "")), cells.folder(self.cell))))

    @property
    def owners(self) -> Mapping[str, str]:
        """The service of each parameter that ever asked for a live colour."""
        return {
            record.colour: service
            for service, records in self.ledger.rules.items()
            for record in records
            if record.colour != "blue"
        }

    def rules(self, parameter: str) -> frozenset[str]:
        """The logical ids of the rules that are wanted still and begin with what a parameter says."""
        every = (record for records in self.ledger.rules.values() for record in records)
        return frozenset(_logical_id(each) for each in every if each.colour == parameter and not each.retired)

    def begins(self, path: str, rule: str) -> str:
        """What a rule of a service's stack begins with: ``blue``, or a parameter; empty when the ledger has no such."""
        records = (
            record
            for service, records in self.ledger.rules.items()
            for record in records
            if path.rpartition("/")[2] == title(f"service-{service}")
        )
        return next((each.colour for each in records if _logical_id(each) == rule), "")


def read_folder(path: Path) -> Folder:
    """Read a stage's folder, or that of a further cell in it; raises `DescriptionError` when it is none."""
    stage, cell = place(path)
    ledger = Ledger.read(_text(stage / FILE), str(stage / FILE))
    name = ledger.births.get("stage", {}).get("application")
    if not isinstance(name, str):
        raise DescriptionError([Problem("births.stage", "", f"it names no application; {_FITS}", str(stage / FILE))])
    root = path / f"{name}.yaml"
    parameters = _parameters(root)
    required = tuple(str(each) for each, body in parameters.items() if "Default" not in _mapping(body))
    own = _of_cell(ledger, cell)
    kept = {each.colour for records in own.rules.values() for each in records if not each.retired} - {"blue"}
    if missing := sorted(kept - set(required)):
        fits = f"{FILE} has rules that begin with it; both come from one commit, or run cfngen generate again"
        raise DescriptionError([Problem(f"Parameters.{each}", "not asked for", fits, str(root)) for each in missing])
    told = _template(stage / f"{name}.yaml").get("Outputs") if cell != cells.FIRST else {}
    return Folder(stage.as_posix(), own, required, cell, tuple(sorted(set(parameters) & set(_mapping(told)))))


def place(path: Path) -> tuple[Path, int]:
    """The stage's folder that a folder is or lies in, and the cell."""
    name = path.resolve().name
    if cells.is_folder(name) and not (path / FILE).exists() and (path.resolve().parent / FILE).exists():
        return path.parent if path.name == name else path.resolve().parent, int(name.removeprefix("cell-"))
    return path, cells.FIRST


def further_cells(stage: Path) -> tuple[int, ...]:
    """The further cells that have a folder in a stage's."""
    found = (each.name for each in stage.iterdir() if each.is_dir() and cells.is_folder(each.name)) if stage.is_dir() else ()  # fmt: skip
    return tuple(sorted(int(name.removeprefix("cell-")) for name in found))


def _of_cell(ledger: Ledger, cell: int) -> Ledger:
    """The rules and the resources of one cell, these by their places in its own tree."""
    below = f"{cells.folder(cell)}/"
    of_others = re.compile(r"cell-\d+/")
    lines = (
        line.removeprefix(below) if cell != cells.FIRST else line
        for line in ledger.resources
        if (line.startswith(below) if cell != cells.FIRST else not of_others.match(line))
    )
    return replace(cells.of_cell(ledger, cell), resources=tuple(lines))


def _parameters(root: Path) -> Mapping[str, Any]:
    """The parameters of a template; one that is half a template would ask for nothing."""
    data = _template(root)
    parameters = data.get("Parameters", {})
    if not _mapping(data.get("Resources")) or not isinstance(parameters, Mapping):
        fits = "restore it, or run cfngen generate again"
        raise DescriptionError([Problem("template", "", f"it is no template with resources; {fits}", str(root))])
    return parameters


def _template(root: Path) -> Mapping[str, Any]:
    fits = "restore it, or run cfngen generate again"
    try:
        return _mapping(read_yaml(_text(root)).data)
    except UnreadableError as error:
        raise DescriptionError([Problem("template", str(error), fits, str(root), error.line)]) from None


def _logical_id(record: RuleRecord) -> str:
    return logical_id(record.listener, record.digest)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise DescriptionError([Problem(str(file), "", f"cannot be read: {reason}; {_FITS}")]) from None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
