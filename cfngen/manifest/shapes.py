"""How the types of options are spelt in YAML: the one place that knows, for reading, writing, schema and pages.

| Python | YAML |
|---|---|
| ``str``, ``int``, ``float``, ``bool``, ``Literal`` | the same |
| ``X | None`` | X, or null |
| ``tuple[X, ...]`` | a list |
| ``tuple[Service, ...]``, of objects with a name | a mapping of their names to their other options |
| ``Mapping[str, X]`` | a mapping |
| ``Network`` | a mapping of its options |
| ``Canary | Linear`` | a mapping of the one class's name to its options, or its name alone |
| ``SecretArn``, ``str | Text`` | a string, or ``parameter: Name`` for what the deployer gives |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from cfngen._frozen import dataclass
from cfngen.describe import Description
from cfngen.values import Value


@dataclass(frozen=True)
class Plain:
    """A string, a number, or true and false; `wanted` says what of them, if a class says more than its type."""

    kind: type
    wanted: str = ""


@dataclass(frozen=True)
class Choice:
    """One of some words or numbers."""

    values: tuple[Any, ...]


@dataclass(frozen=True)
class Nullable:
    """A value or null."""

    inner: Shape


@dataclass(frozen=True)
class Many:
    """A list."""

    inner: Shape


@dataclass(frozen=True)
class Named:
    """A mapping of names to objects of a class."""

    cls: type[Description]


@dataclass(frozen=True)
class Map:
    """A mapping of free keys, or of some of `keys`."""

    inner: Shape
    keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class One:
    """A mapping of a class's options."""

    cls: type[Description]


@dataclass(frozen=True)
class Kinds:
    """An object of one of several classes."""

    classes: tuple[type[Description], ...]

    @property
    def by_name(self) -> dict[str, type[Description]]:
        """The classes by their names, in the order in which they are declared."""
        return {cls.__name__: cls for cls in self.classes}


@dataclass(frozen=True)
class Deferred:
    """A literal, or what the deployer gives as a parameter of the root. `is_plain`: literals stay strings."""

    cls: type[Value]
    is_plain: bool


Shape = Plain | Choice | Nullable | Many | Named | Map | One | Kinds | Deferred


@cache
def options(cls: type[Description]) -> dict[str, Shape]:
    """The options of a class, in its order, each with its spelling."""
    hints = get_type_hints(cls)
    found = {each.name: _shape(hints[each.name]) for each in fields(cls) if each.init}
    return found | {name: _wanting(found[name], wanted) for name, wanted in cls.wants.items()}


def required(cls: type[Description], without: str = "") -> list[str]:
    """The options of a class that have no default."""
    return [
        each.name
        for each in fields(cls)
        if each.init and each.name != without and each.default is MISSING and each.default_factory is MISSING
    ]


def _wanting(shape: Shape, wanted: str) -> Shape:
    if isinstance(shape, Nullable):
        return Nullable(_wanting(shape.inner, wanted))
    return Plain(shape.kind, wanted) if isinstance(shape, Plain) else shape


def _shape(hint: Any) -> Shape:  # noqa: PLR0911  (one line a kind of hint)
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return _union(hint, parts)
    if origin is Literal:
        return Choice(parts)
    if origin is tuple:
        inner = _shape(parts[0])
        return Named(inner.cls) if isinstance(inner, One) and "name" in options(inner.cls) else Many(inner)
    if origin is not None and issubclass(origin, Mapping):
        return Map(_shape(parts[1]), get_args(parts[0]) if get_origin(parts[0]) is Literal else ())
    if isinstance(hint, type) and issubclass(hint, Description):
        return One(hint)
    if isinstance(hint, type) and issubclass(hint, Value):
        return Deferred(hint, is_plain=False)
    if hint in (str, int, float, bool):
        return Plain(hint)
    raise _unspeakable(hint)


def _union(hint: Any, parts: tuple[Any, ...]) -> Shape:
    some = tuple(part for part in parts if part is not NoneType)
    if len(some) < len(parts):
        return Nullable(_union(hint, some) if len(some) > 1 else _shape(some[0]))
    if all(isinstance(part, type) and issubclass(part, Description) for part in some):
        return Kinds(some)
    values = [part for part in some if part is not str]
    if len(values) == 1 and isinstance(values[0], type) and issubclass(values[0], Value):
        return Deferred(values[0], is_plain=True)
    raise _unspeakable(hint)


def _unspeakable(hint: Any) -> TypeError:
    return TypeError(
        f"{hint!r} has no spelling in YAML; give the option another type, or teach it to cfngen.manifest.shapes"
    )
