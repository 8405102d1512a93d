"""`dataclass` for frozen classes, without the methods that the standard one compiles for each of them.

`dataclasses.dataclass` writes and compiles six methods for a class whenever its module is imported, which took a third of
the time of ``cfngen generate`` for a small application. Here comparing, hashing and showing are the same functions for
all classes. So is refusing changes for descriptions, which their class makes and needs no ``__init__`` for. What comes
out is a frozen dataclass for all that asks, and may be inherited from as such; ``_frozen.pyi`` tells type checkers that
it is the standard one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")


def dataclass(*, frozen: bool, kw_only: bool = False) -> Callable[[type[T]], type[T]]:
    """As the standard one with these arguments; `frozen` is always so, and said for type checkers."""
    assert frozen

    def made(cls: type[T]) -> type[T]:
        compiles = type(cls).__call__ is type.__call__  # else that makes the objects
        # Of a frozen class only a frozen one may inherit.
        inherits = any(dataclasses.is_dataclass(each) for each in cls.__mro__[1:])
        ready: Any = dataclasses.dataclass(
            init=compiles, repr=False, eq=False, kw_only=kw_only, frozen=compiles or inherits
        )(cls)
        ready.__dataclass_params__.frozen = True
        for name, method in _METHODS.items():
            if name not in vars(cls):
                setattr(cls, name, method)
        return cls

    return made


@cache
def _names(cls: type) -> tuple[str, ...]:
    return tuple(each.name for each in dataclasses.fields(cls) if each.compare)


def _compared(item: Any) -> tuple[object, ...]:
    return tuple([getattr(item, name) for name in _names(type(item))])


def _equal(self: Any, other: object) -> bool:
    if self is other:
        return True
    return _compared(self) == _compared(other) if type(other) is type(self) else NotImplemented


def _hash(self: Any) -> int:
    return hash(_compared(self))


def _repr(self: Any) -> str:
    told = (f"{each.name}={getattr(self, each.name)!r}" for each in dataclasses.fields(self) if each.repr)
    return f"{type(self).__qualname__}({', '.join(told)})"


def _set(self: Any, name: str, value: object) -> None:
    if _is_fixed(self, name):
        raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")
    object.__setattr__(self, name, value)


def _delete(self: Any, name: str) -> None:
    if _is_fixed(self, name):
        raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")
    object.__delattr__(self, name)


def _is_fixed(item: Any, name: str) -> bool:
    """A class that only inherits may have further attributes."""
    return "__dataclass_fields__" in vars(type(item)) or name in item.__dataclass_fields__


_METHODS: dict[str, Callable[..., Any]] = {
    "__eq__": _equal,
    "__hash__": _hash,
    "__repr__": _repr,
    "__setattr__": _set,
    "__delattr__": _delete,
}
