"""Makes troposphere's objects in fewer steps, while files are generated: what is checked and what comes out is the same.

A stage of fifty services has ten thousand of these objects. troposphere makes each by some twenty calls, of which most tell
it again what it knows of the object's class. What it refuses is left to it, which says so in its own words.

What is written here follows what these versions of troposphere and awacs do; others make their objects themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import wraps
from itertools import repeat
from types import FunctionType
from typing import Any

import awacs
import troposphere
from troposphere import AWSDeclaration, AWSHelperFn, AWSProperty, BaseAWSObject, Tags, valid_names

KNOWN = ("4.11.1", "2.6.1")
"""The versions of troposphere and awacs whose steps are followed; tests/test_quick.py holds both ways against each other."""
_ATTRIBUTES = tuple(AWSProperty().attributes)
_ONE, _LIST, _FUNCTION, _OTHER = range(4)
_NOT_A_PROPERTY = (_OTHER, None)


@contextmanager
def quick_objects() -> Iterator[None]:
    """Meanwhile objects are made in fewer steps, whoever makes them; slower by a quarter where the versions are not `KNOWN`."""
    is_known = (troposphere.__version__, awacs.__version__) == KNOWN
    for kind, init in _INITS.items() if is_known else ():
        kind.__init__ = init
    try:
        yield
    finally:
        for kind, init in _USUAL.items():
            kind.__init__ = init


class _Class:
    """What the objects of a class have in common."""

    def __init__(self, kind: type[BaseAWSObject]) -> None:
        self.is_usual = kind.__setattr__ is BaseAWSObject.__setattr__
        self.has_usual_titles = kind.validate_title is BaseAWSObject.validate_title
        self.names = frozenset(kind.props)
        self.dictname = getattr(kind, "dictname", None)
        self.resource_type = getattr(kind, "resource_type", None)
        self.checks = {name: _check(expected) for name, (expected, _) in kind.props.items()}
        defaults = ((name, getattr(kind, name, None)) for name in kind.props)
        self.defaults = {name: value for name, value in defaults if value is not None}


def _check(expected: Any) -> tuple[int, Any]:
    """How a property is checked, and by what."""
    if isinstance(expected, FunctionType):
        return _FUNCTION, expected
    if not isinstance(expected, list):
        return _ONE, expected
    if len(expected) == 1 and isinstance(expected[0], FunctionType):
        return _OTHER, None
    return _LIST, (*expected, AWSHelperFn)


class _Classes(dict[type, _Class]):
    def __missing__(self, kind: type) -> _Class:
        self[kind] = found = _Class(kind)
        return found


_classes = _Classes()
_usual_init: Any = BaseAWSObject.__init__


@wraps(BaseAWSObject.__init__)
def _init(self: Any, title: str | None, template: Any = None, validation: bool = True, **given: Any) -> None:
    _fill(self, title, template, validation, given)


@wraps(AWSDeclaration.__init__)
def _init_declaration(self: Any, title: str, *, template: Any = None, validation: bool = True, **given: Any) -> None:
    _fill(self, title, template, validation, given)


@wraps(AWSProperty.__init__)
def _init_property(
    self: Any, title: str | None = None, *, template: Any = None, validation: bool = True, **given: Any
) -> None:
    _fill(self, title, template, validation, given)


@wraps(awacs.AWSProperty.__init__)
def _init_of_policy(self: Any, **given: Any) -> None:
    """The parts of policies are no objects of troposphere, but much like them."""
    checks = _policy_checks[type(self)]
    if not given or not checks.keys() >= given.keys():
        _usual_init_of_policy(self, **given)
        return
    properties: dict[str, Any] = {}
    own = self.__dict__
    own["name"] = None
    own["props"] = self.props
    own["properties"] = own["resource"] = properties
    own["_AWSObject__initialized"] = True
    for name, value in given.items():
        how, expected = checks[name]
        if how == _ONE:
            is_sound = isinstance(value, expected)
        else:
            is_sound = how == _LIST and isinstance(value, list) and all(map(isinstance, value, repeat(expected)))
        if is_sound:
            properties[name] = value
        else:
            setattr(self, name, value)


class _PolicyChecks(dict[type, dict[str, tuple[int, Any]]]):
    def __missing__(self, kind: Any) -> dict[str, tuple[int, Any]]:
        self[kind] = found = {}
        props = kind.props if kind.__setattr__ is awacs.AWSObject.__setattr__ else {}
        for name, (expected, _) in props.items():
            found[name] = (_LIST, tuple(expected)) if isinstance(expected, list) else _check(expected)
        return found


_policy_checks = _PolicyChecks()
_usual_init_of_policy: Any = awacs.AWSProperty.__init__


_INITS: dict[Any, Any] = {
    BaseAWSObject: _init,
    AWSDeclaration: _init_declaration,
    AWSProperty: _init_property,
    awacs.AWSProperty: _init_of_policy,
}


_USUAL: dict[Any, Any] = {kind: kind.__init__ for kind in _INITS}


def _fill(item: Any, title: str | None, template: Any, validation: Any, given: dict[str, Any]) -> None:
    of = _classes[type(item)]
    if not of.is_usual:
        _usual_init(item, title, template, validation, **given)
        return
    properties: dict[str, Any] = {}
    resource: dict[str, Any] = {of.dictname: properties} if of.dictname else properties
    own = item.__dict__
    own["title"] = title
    own["template"] = template
    own["do_validation"] = validation
    own["propnames"] = of.names
    own["attributes"] = _ATTRIBUTES
    if title and not (of.has_usual_titles and valid_names.match(title)):
        item.validate_title()
    own["properties"] = properties
    own["resource"] = resource
    if of.resource_type is not None:
        resource["Type"] = of.resource_type
    own["_BaseAWSObject__initialized"] = True
    if of.defaults:
        given = {name: value for name, value in of.defaults.items() if name not in given} | given
    _take(item, properties, of.checks, given)
    if template is not None:
        item.add_to_template()


def _take(item: Any, properties: dict[str, Any], checks: dict[str, tuple[int, Any]], given: dict[str, Any]) -> None:
    for name, value in given.items():
        how, expected = checks.get(name, _NOT_A_PROPERTY)
        if how == _ONE:
            is_sound = isinstance(value, expected) or _is_function(value)
        elif how == _LIST:
            is_sound = all(map(isinstance, value, repeat(expected))) if isinstance(value, list) else _is_function(value)
        elif how == _FUNCTION and not _is_function(value):
            try:
                properties[name] = expected(value)
                continue
            except Exception:  # noqa: BLE001  (whatever it is, troposphere raises it again)
                is_sound = False
        else:
            is_sound = how != _OTHER and _is_function(value)
        if is_sound:
            properties[name] = value
        else:
            setattr(item, name, value)  # an attribute of a resource, or what is refused


def _is_function(value: Any) -> bool:
    return isinstance(value, AWSHelperFn) and not isinstance(value, Tags)
