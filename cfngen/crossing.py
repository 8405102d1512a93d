"""How things cross the border of a stack: as they are, but for the deploy-time values in them, which get twins there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from functools import cache
from typing import Any

from troposphere import AWSDeclaration, AWSHelperFn, AWSObject

from cfngen.errors import WiringError, shown
from cfngen.values import Value

Swap = Callable[[str, Value], Value]
"""Gives a value's twin over the border; it is told where the value stands in what crosses."""

WRAP = (
    "only a value crosses the border of a stack and is a parameter there, so wrap the reference in its kind, as in "
    "VpcId(vpc.ref()) or Text(GetAtt(queue, 'Arn'))"
)


def cross(item: Any, swap: Swap, path: str, stack: str) -> Any:
    """Copy `item` with every deploy-time value in it swapped for its twin over the border.

    `path` says what the item is, such as an argument's name, and `stack` is the name of the stack that it enters or
    leaves. Raises `WiringError` for a resource or a reference that is no `Value`.
    """
    kind: type = type(item)
    way = _way(kind)
    return way(item, swap, path, stack) if way else item


def bare(item: Any) -> str:
    """How an error shows what is no value."""
    match item:
        case AWSObject() | AWSDeclaration():
            return f"{type(item).__name__} {item.title!r}"
        case AWSHelperFn():
            return f"{type(item).__name__} {shown(item.to_dict())}"
    return shown(item)


_Way = Callable[[Any, Swap, str, str], Any]


@cache
def _way(kind: type) -> _Way | None:
    """How things of a class cross; `None` for those that do as they are, which are by far the most."""
    if issubclass(kind, str | int | float | None):
        return None
    if issubclass(kind, Value):
        return lambda value, swap, path, _: value if value.is_literal else swap(path, value)
    if issubclass(kind, AWSHelperFn | AWSObject | AWSDeclaration):
        return _refuse
    if issubclass(kind, tuple | list):
        return _cross_items
    if issubclass(kind, Mapping):
        return _cross_mapping
    return _cross_fields if is_dataclass(kind) else None


def _refuse(item: Any, _: Swap, path: str, stack: str) -> Any:
    raise WiringError(f"stack {stack!r}, {path.strip() or 'its result'}: {bare(item)}; {WRAP}")


def _cross_items(items: Any, swap: Swap, path: str, stack: str) -> Any:
    names = getattr(items, "_fields", None)  # of a named tuple
    parts = [
        cross(part, swap, f"{path} {names[index] if names else _part(part, index)}", stack)
        for index, part in enumerate(items)
    ]
    if all(new is old for new, old in zip(parts, items, strict=True)):
        return items
    return type(items)._make(parts) if names else type(items)(parts)


def _cross_mapping(mapping: Mapping[Any, Any], swap: Swap, path: str, stack: str) -> Mapping[Any, Any]:
    swapped = {key: cross(part, swap, f"{path} {key}", stack) for key, part in mapping.items()}
    return mapping if all(swapped[key] is part for key, part in mapping.items()) else swapped


def _cross_fields(item: Any, swap: Swap, path: str, stack: str) -> Any:
    kind: type = type(item)
    changes = {}
    for name in _names(kind):
        part = getattr(item, name)
        its_kind: type = type(part)
        if way := _way(its_kind):
            new = way(part, swap, f"{path} {name}", stack)
            if new is not part:
                changes[name] = new
    return replace(item, **changes) if changes else item


@cache
def _names(kind: Any) -> tuple[str, ...]:
    """What a dataclass is given."""
    return tuple(each.name for each in fields(kind) if each.init)


def _part(part: Any, index: int) -> str:
    """Named things keep their name in an id, so that reordering a tuple changes nothing."""
    return str(getattr(part, "name", index + 1))
