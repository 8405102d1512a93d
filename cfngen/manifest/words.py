"""What would fit, in YAML's words."""

from __future__ import annotations

import re
from functools import cache

from cfngen.describe import Description
from cfngen.manifest.shapes import (
    Choice,
    Deferred,
    Kinds,
    Many,
    Map,
    Named,
    Nullable,
    One,
    Plain,
    Shape,
    options,
    required,
)
from cfngen.values import Values

_SEVERAL = 4
"""So many options show what kind of mapping is meant; the page of options has all."""
_PLAIN = {str: "a string", int: "a whole number", float: "a number", bool: "true or false"}
_SOME = {str: "strings", int: "whole numbers", float: "numbers", bool: "trues and falses"}


def words(shape: Shape) -> str:  # noqa: C901, PLR0911  (one line a kind of shape)
    """What an option of this shape wants."""
    match shape:
        case Nullable(inner):
            return f"{words(inner)}, or null"
        case Plain(kind, wanted):
            return wanted or _PLAIN[kind]
        case Choice(values):
            return f"one of {', '.join(map(str, values))}"
        case Many(inner):
            if isinstance(inner, Plain):
                return f"a list of {_SOME[inner.kind]}, as in [{_example(inner)}]"
            return f"a list, each item {words(inner)}"
        case Map(inner, keys):
            return f"a mapping of {', '.join(keys) or 'names'}, each to {words(inner)}"
        case Named(cls):
            return f"a mapping of names, each to {mapping(cls, 'name')}"
        case One(cls):
            return mapping(cls)
        case Kinds():
            return f"one of {', '.join(shape.by_name)}, with its options below it"
        case Deferred(cls, _):
            literal = (
                "a list of strings"
                if issubclass(cls, Values)
                else "a string"
                if cls.may_be_empty
                else "a string that is not empty"
            )
            return f"{literal}, or parameter: Name for what the deployer gives"


def mapping(cls: type[Description], without: str = "") -> str:
    """A mapping of a class's options: those that it must have, but for one that stands elsewhere, else the first ones."""
    if must := required(cls, without):
        return f"a mapping with {' and '.join(must)}"
    some = ", ".join([name for name in options(cls) if name != without][:_SEVERAL])
    return f"a mapping of options{f' such as {some}' if some else ''}; {{}} means all defaults"


def _example(inner: Plain) -> str:
    return {str: "one, other", bool: "true"}.get(inner.kind, "1, 2")


@cache
def attributes() -> dict[str, str]:
    """Attributes of a CloudFormation parameter as YAML spells them, with CloudFormation's own names."""
    from troposphere import Parameter

    return {re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower(): name for name in sorted(Parameter.props) if name != "Type"}
