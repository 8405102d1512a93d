"""What a stage's generated files want: the parameters that their root asks for, and what their ledger remembers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cfngen.errors import DescriptionError, Problem
from cfngen.ledger import FILE, Ledger, RuleRecord, logical_id
from cfngen.semantics.document import UnreadableError, read_yaml
from cfngen.stack import title

_FITS = "name the folder of one stage that cfngen generate wrote, as in templates/coffee/dev"


@dataclass(frozen=True)
class Folder:
    """A stage folder. `required` are the root's parameters without a default, `live` those of them that ask for the
    live colour, each with its service.
    """

    path: str
    ledger: Ledger
    required: tuple[str, ...] = ()

    @property
    def live(self) -> Mapping[str, str]:
        """By parameter, in the order of services."""
        owners = self.owners
        return {name: owners[name] for name in sorted(self.required, key=lambda each: (owners.get(each, ""), each)) if name in owners}  # fmt: skip

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
    """Read a stage folder; raises `DescriptionError` when it is none."""
    shown = path.as_posix()
    ledger = Ledger.read(_text(path / FILE), str(path / FILE))
    name = ledger.births.get("stage", {}).get("application")
    if not isinstance(name, str):
        raise DescriptionError([Problem("births.stage", "", f"it names no application; {_FITS}", str(path / FILE))])
    root = path / f"{name}.yaml"
    required = _required(root)
    kept = {each.colour for records in ledger.rules.values() for each in records if not each.retired} - {"blue"}
    if missing := sorted(kept - set(required)):
        fits = f"{FILE} has rules that begin with it; both come from one commit, or run cfngen generate again"
        raise DescriptionError([Problem(f"Parameters.{each}", "not asked for", fits, str(root)) for each in missing])
    return Folder(shown, ledger, required)


def _required(root: Path) -> tuple[str, ...]:
    """The parameters of a template that have no default; a template that is half one would ask for nothing."""
    fits = "restore it, or run cfngen generate again"
    try:
        data = read_yaml(_text(root)).data
    except UnreadableError as error:
        raise DescriptionError([Problem("template", str(error), fits, str(root), error.line)]) from None
    parameters = _mapping(data).get("Parameters", {})
    if not _mapping(_mapping(data).get("Resources")) or not isinstance(parameters, Mapping):
        raise DescriptionError([Problem("template", "", f"it is no template with resources; {fits}", str(root))])
    return tuple(str(each) for each, body in parameters.items() if "Default" not in _mapping(body))


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
