"""What a nested stack returns, for stacks that are built before it."""

from __future__ import annotations

from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any, TypeVar, get_args, get_type_hints

from cfngen.errors import WiringError
from cfngen.stack import title
from cfngen.values import Value

T = TypeVar("T")


def outputs_of(kind: type[T], name: str) -> T:
    """The outputs of the stack `name` that the root nests, sooner or later, as in ``outputs_of(NetworkOutputs, "network")``.

    Every field that may be a value is one; a field of another type has its default. A value that is used though the stack
    does not return it is a `WiringError` when the root is rendered, as a stack is that is never nested. Raises
    `WiringError` for a class that is no dataclass, and for a field that is neither a value nor has a default.
    """
    if not is_dataclass(kind):
        raise WiringError(f"outputs of {name!r}: {kind.__name__}; a dataclass of values")
    hints = get_type_hints(kind)
    found = {}
    for each in fields(kind):
        if value := _value(hints[each.name]):
            found[each.name] = value.from_output(title(name), title(each.name))
        elif _is_required(each):
            raise WiringError(f"outputs of {name!r}: {kind.__name__}.{each.name} is no value, and has no default")
    return kind(**found)


def _value(hint: Any) -> type[Value] | None:
    every = (hint, *get_args(hint)) if isinstance(hint, type) or not hasattr(hint, "__origin__") else ()
    return next((each for each in every if isinstance(each, type) and issubclass(each, Value)), None)


def _is_required(field: Field[Any]) -> bool:
    return field.init and field.default is MISSING and field.default_factory is MISSING
