"""Where each value of a stage comes from: a line of the file, an overlay, or the default of a class."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from cfngen._frozen import dataclass
from cfngen.describe import Description, place_of
from cfngen.manifest.shapes import Kinds, Many, Map, Named, Nullable, One, Shape, options
from cfngen.manifest.write import default_of, spelt
from cfngen.spec import App
from cfngen.written import join, shown_in_yaml


@dataclass(frozen=True)
class Origin:
    """One value: its path in the description, what it is, and where it was said; `file` is empty for a default."""

    path: str
    value: Any
    source: str
    file: str = ""
    line: int = 0
    column: int = 0

    @property
    def data(self) -> dict[str, Any]:
        """The same for JSON."""
        return asdict(self)

    @property
    def place(self) -> str:
        """``cfngen.yaml:12:9``, with what is remarkable about it, or ``default of Service``."""
        place = ":".join([self.file, *(str(number) for number in (self.line, self.column) if number)])
        return f"{place}{'' if self.source == 'description' else f' ({self.source})'}" if self.file else self.source

    @property
    def shown(self) -> str:
        """The value on one line."""
        return shown_in_yaml(self.value)


def explain(app: App) -> list[Origin]:
    """Every value of a stage, in the order of the classes; objects are gone into down to their options."""
    return list(_object(app, "", ""))


def _object(made: Description, path: str, without: str) -> Iterator[Origin]:
    for name, shape in options(type(made)).items():
        if name != without:
            yield from _value(shape, getattr(made, name), made, join(path, name), name)


def _value(shape: Shape, value: Any, owner: Description, path: str, option: str) -> Iterator[Origin]:
    match shape:
        case Nullable(inner) if value is not None:
            yield from _value(inner, value, owner, path, option)
        case One():
            yield from _object(value, path, "")
        case Kinds():
            yield from _kind(value, owner, path, option)
        case Named() if value:
            for each in value:
                yield from _object(each, join(path, each.name), "name")
        case Map(inner) if value:
            for key, each in value.items():
                yield from _value(inner, each, owner, join(path, f"[{key!r}]"), f"{option}[{key!r}]")
        case Many(One() | Kinds() as inner) if value:
            for index, each in enumerate(value):
                yield from _value(inner, each, owner, f"{path}[{index}]", f"{option}[{index}]")
        case _:
            yield _origin(owner, option, path, spelt(shape, value, owner, option))


def _kind(value: Description, owner: Description, path: str, option: str) -> Iterator[Origin]:
    name = type(value).__name__
    if options(type(value)):
        yield from _object(value, join(path, name), "")
    else:
        yield _origin(owner, option, path, name)


def _origin(owner: Description, option: str, path: str, value: Any) -> Origin:
    name = option.partition("[")[0]
    if owner.written and name in owner.written.options:
        spot = owner.written.at(option)
        source = "overlay" if spot.path.startswith("stages.") else "description"
        return Origin(path, value, source, owner.written.file, spot.line, spot.column)
    default = f"default of {type(owner).__name__}"
    if owner.written:
        return Origin(path, value, default)
    file, line, is_there = place_of(owner, name)
    if not is_there and getattr(owner, name) == default_of(type(owner), name):
        return Origin(path, value, default)
    return Origin(path, value, "description" if is_there else "before replace()", file, line)
