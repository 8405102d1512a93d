"""How an entry of the table of types is written: calls, what they take, and when they are made.

An entry names operations of AWS's API by their own names. A property goes to the argument of the same name, whatever
its case (`names` tells where it is another), and is carried over by the shape that botocore has of the operation: what
has no place there is refused by name, so nothing gets lost on the way.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from cfngen.semantics.update import RefusedError, Resource

Body = Mapping[str, Any]


class Api(Protocol):
    """The services of AWS. `call` raises `RefusedError` with AWS's message and code."""

    account: str
    region: str

    def call(self, service: str, operation: str, arguments: Body) -> dict[str, Any]:
        """Call an operation by its name in the API."""

    def shape(self, service: str, operation: str) -> Any:
        """The shape of an operation's input."""


@dataclass(frozen=True)
class Context:
    """One resource while something is done with it; `old` are the properties before an update."""

    api: Api
    service: str
    resource: Resource
    old: Body = field(default_factory=dict)

    @property
    def physical(self) -> str:
        return self.resource.physical

    @property
    def properties(self) -> Body:
        return self.resource.properties

    def arn(self, service: str, rest: str) -> str:
        """An ARN of this account and region."""
        return f"arn:aws:{service}:{self.api.region}:{self.api.account}:{rest}"

    def call(self, service: str, operation: str, **arguments: Any) -> dict[str, Any]:
        """Call an operation with arguments as they are, but for their shape."""
        shape = self.api.shape(service, operation)
        return self.api.call(service, operation, carried(arguments, shape, "", f"{service} {operation}"))


Given = Any  # a constant, a function of the Context, or lists and mappings of these
Custom = Callable[[Context], None]


def physical(context: Context) -> str:
    """The physical id, as an argument."""
    return context.physical


def property_(name: str, default: Any = None) -> Callable[[Context], Any]:
    """A property's value, as an argument."""
    return lambda context: context.properties.get(name, default)


def arn(service: str, rest: str) -> Callable[[Context], str]:
    """An ARN as an argument or attribute; ``{}`` stands for the physical id."""
    return lambda context: context.arn(service, rest.format(context.physical))


@dataclass(frozen=True)
class Call:
    """One operation.

    `takes` are the properties that it is given (a create call without any takes all that nothing else does), `names`
    their arguments where these are called otherwise, a dotted path inside the arguments, `values` what is done to a
    value first, `given` the arguments that are no properties. `absent` is what is sent for a property that is gone.
    """

    operation: str
    takes: tuple[str, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)
    given: Mapping[str, Given] = field(default_factory=dict)
    absent: Mapping[str, Any] = field(default_factory=dict)
    service: str = ""


@dataclass(frozen=True)
class Part:
    """A call for some of the properties, made after creation when one is there, and at updates when one changed.

    `unset` is called when all of them are gone; without it, and with no `absent` value, taking one away is refused,
    unless the call writes `whole`: what is missing in it is gone. `is_update` parts write what the create call took.
    `takes` may be told here when `write` is a function of ours.
    """

    write: Call | Custom
    takes: tuple[str, ...] = ()
    unset: Call | Custom | None = None
    whole: bool = False
    is_update: bool = False

    @property
    def properties(self) -> tuple[str, ...]:
        return self.takes or (self.write.takes if isinstance(self.write, Call) else ())


@dataclass(frozen=True)
class Name:
    """The property that names a resource, and how long the name may be that it gets without."""

    prop: str
    limit: int = 64
    is_lower: bool = False


@dataclass(frozen=True)
class Read:
    """A describe call and where in its answer (a JMESPath) the resource stands."""

    operation: str
    given: Mapping[str, Given]
    path: str = "@"
    service: str = ""


@dataclass(frozen=True)
class Type:
    """One resource type.

    `physical` is a JMESPath into the create call's answer laid over its arguments. `attributes` are what GetAtt reads:
    a JMESPath into the first of `reads`, or a function. `dropped` are properties that go nowhere, each with the reason.
    `unseen` are properties that are written, but that no describe call tells, with the reason.
    `folded` are properties rewritten before anything else looks at them.
    """

    service: str
    create: Call | Callable[[Context], str]
    physical: str | Callable[[Context, Body], str] = ""
    name: Name | None = None
    parts: tuple[Part, ...] = ()
    delete: Call | Custom | None = None
    reads: tuple[Read | Callable[[Context], Any], ...] = ()
    attributes: Mapping[str, str | Callable[[Context], Any]] = field(default_factory=dict)
    dropped: Mapping[str, str] = field(default_factory=dict)
    unseen: Mapping[str, str] = field(default_factory=dict)
    takes: tuple[str, ...] = ()  # of a create function
    folded: Callable[[Body], Body] | None = None


def update(
    operation: str,
    *takes: str,
    given: Mapping[str, Given],
    names: Mapping[str, str] | None = None,
    values: Mapping[str, Callable[[Any], Any]] | None = None,
    absent: Mapping[str, Any] | None = None,
    whole: bool = False,
    service: str = "",
) -> Part:
    """An operation that writes over what the create call wrote."""
    call = Call(operation, takes, names or {}, values or {}, given, absent or {}, service)
    return Part(call, whole=whole, is_update=True)


def tags(write: str, unset: str, argument: str = "ResourceArn", of: Given = physical, service: str = "") -> Part:
    """The property Tags by a pair of operations, the second of which takes keys; a type that has a map is told alike."""

    def put(context: Context) -> None:
        where = {argument: given(of, context)}
        old, new = pairs(context.old.get("Tags")), pairs(context.properties.get("Tags"))
        used = service or context.service
        if gone := [key for key in old if key not in new]:
            keys = next(
                each for each in ("TagKeys", "tagKeys", "Tags") if each in context.api.shape(used, unset).members
            )
            context.call(used, unset, **where, **{keys: [{"Key": key} for key in gone] if keys == "Tags" else gone})
        if new:
            context.call(used, write, **where, Tags=[{"Key": key, "Value": value} for key, value in new.items()])

    return Part(put, ("Tags",), whole=True)


def pairs(told: Any) -> dict[str, str]:
    """Tags or attributes, told as a list of keys and values or as a map, as a map."""
    if isinstance(told, list):
        return {each["Key"]: each["Value"] for each in told}
    return dict(told or {})


def given(value: Given, context: Context) -> Any:
    """An argument with its functions called."""
    if callable(value):
        return value(context)
    if isinstance(value, Mapping):
        return {key: given(part, context) for key, part in value.items()}
    return [given(part, context) for part in value] if isinstance(value, (list, tuple)) else value


def arguments(context: Context, service: str, call: Call, properties: Iterable[str]) -> dict[str, Any]:
    """What an operation is called with. Raises `RefusedError` for a property that has no place in it."""
    operation = f"{call.service or service} {call.operation}"
    shape = context.api.shape(call.service or service, call.operation)
    found: dict[str, Any] = {}
    for name in properties:
        if name in context.properties:
            value = call.values.get(name, _same)(context.properties[name])
        elif name in call.absent and name in context.old:
            value = call.absent[name]
        else:
            continue
        _place(found, shape, call.names.get(name, name).split("."), value, (context.resource.kind, name, operation))
    for name, value in call.given.items():
        told = given(value, context)
        if told is not None:
            _place(found, shape, name.split("."), told, (context.resource.kind, name, operation))
    return found


def _same(value: Any) -> Any:
    return value


def _place(into: dict[str, Any], shape: Any, path: list[str], value: Any, where: tuple[str, str, str]) -> None:
    kind, name, operation = where
    member = _member(shape, path[0])
    if member is None:
        raise RefusedError(f"{kind}: property {name} has no place in {operation}, so it is not written here")
    if path[1:]:
        _place(into.setdefault(member, {}), shape.members[member], path[1:], value, where)
    else:
        into[member] = carried(value, shape.members[member], f"{kind}: property {name}", operation)


def _member(shape: Any, name: str) -> str | None:
    if name in shape.members:
        return name
    return next((member for member in shape.members if member.lower() == name.lower()), None)


def carried(value: Any, shape: Any, place: str, operation: str) -> Any:
    """A value as an operation's shape wants it; `place` and `operation` are for the refusal."""
    kind = shape.type_name
    if kind == "structure":
        return _structure(value, shape, place, operation)
    if kind == "list":
        items = value if isinstance(value, list) else [value]
        return [carried(item, shape.member, f"{place}[{at}]", operation) for at, item in enumerate(items)]
    if kind == "map":
        return {str(key): carried(part, shape.value, f"{place}.{key}", operation) for key, part in pairs(value).items()}
    return _SCALARS.get(kind, _unchanged)(value, place)


def _structure(value: Any, shape: Any, place: str, operation: str) -> Any:
    if not isinstance(value, Mapping):
        raise RefusedError(f"{place}: expected an object, found {value!r}")
    if {"TagKey", "TagValue"} <= shape.members.keys() and {"Key", "Value"} == value.keys():
        value = {"TagKey": value["Key"], "TagValue": value["Value"]}
    found = {}
    for key, part in value.items():
        member = _member(shape, key)
        inner = f"{place}.{key}" if place else key
        if member is None:
            raise RefusedError(f"{inner} has no place in {operation}, so it is not written here")
        found[member] = carried(part, shape.members[member], inner, operation)
    return found


def _boolean(value: Any, place: str) -> bool:
    if str(value).lower() not in ("true", "false"):
        raise RefusedError(f"{place}: expected true or false, found {value!r}")
    return str(value).lower() == "true"


def _number(value: Any, kind: type[int | float], place: str) -> int | float:
    try:
        return kind(value)
    except (TypeError, ValueError):
        raise RefusedError(f"{place}: expected a number, found {value!r}") from None


def text(value: Any) -> str:
    """A value where the API wants a string: policies and other documents are sent as JSON."""
    if isinstance(value, str):
        return value
    return (
        str(value).lower()
        if isinstance(value, bool)
        else json.dumps(value)
        if isinstance(value, (dict, list))
        else str(value)
    )


def _unchanged(value: Any, _: str) -> Any:
    return value


_SCALARS: Mapping[str, Callable[[Any, str], Any]] = {
    "blob": lambda value, _: value.encode() if isinstance(value, str) else value,
    "boolean": _boolean,
    "double": lambda value, place: _number(value, float, place),
    "float": lambda value, place: _number(value, float, place),
    "integer": lambda value, place: _number(value, int, place),
    "long": lambda value, place: _number(value, int, place),
    "string": lambda value, _: text(value),
}


def changed(old: Body, new: Body) -> Iterator[str]:
    """The properties that differ."""
    for name in dict.fromkeys([*old, *new]):
        if (name in old) != (name in new) or (name in old and old[name] != new[name]):
            yield name
