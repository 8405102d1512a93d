"""Objects to YAML: what differs from the defaults, in the order of the classes; several stages as overlays of the first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, Field, fields
from typing import Any

from cfngen.describe import Description, problem
from cfngen.errors import DescriptionError, Problem
from cfngen.manifest.scalars import is_text
from cfngen.manifest.shapes import Choice, Deferred, Kinds, Many, Map, Named, Nullable, One, Plain, Shape, options
from cfngen.manifest.words import attributes
from cfngen.spec import App
from cfngen.values import Value

SCHEMA = "cfngen.schema.json"
MODELINE = f"# yaml-language-server: $schema={SCHEMA}\n"
"""Tells editors where the schema is; `cfngen schema` writes it."""

Tree = Any
_MISSING: Any = object()


def write_yaml(stages: Iterable[App]) -> str:
    """A description that `load_yaml` reads into the same stages.

    Raises `DescriptionError` for what YAML cannot say: a function of troposphere in an option.
    """
    return MODELINE + dump(document(tuple(stages)))


def document(stages: tuple[App, ...]) -> dict[str, Tree]:
    """The mapping of a file: the first stage whole, the others as what differs from it."""
    first, *others = stages
    names = [app.stage for app in stages]
    if twice := [app for app in stages if names.count(app.stage) > 1]:
        raise DescriptionError(
            [problem(twice[0], "stage", "stages of one application; each application has a file of its own")]
        )
    shared = tree(first)
    if not others:
        return shared
    shared.pop("stage", None)
    overlays: dict[str, Tree] = {first.stage: {}}
    for app in others:
        overlays[app.stage] = _difference(One(App), first, app)
        overlays[app.stage].pop("stage", None)
    return {**shared, "stages": overlays}


def tree(made: Description, without: str = "") -> dict[str, Tree]:
    """The options of an object that are not at their defaults."""
    return {
        name: spelt(shape, getattr(made, name), made, name)
        for name, shape in options(type(made)).items()
        if name != without and getattr(made, name) != default_of(type(made), name)
    }


def default_of(cls: type[Description], name: str) -> Any:
    """The default of an option; an object that equals nothing for one that has none."""
    found: Field[Any] = {each.name: each for each in fields(cls)}[name]
    if found.default_factory is not MISSING:
        return found.default_factory()
    return _MISSING if found.default is MISSING else found.default


def spelt_default(cls: type[Description], name: str) -> Tree:
    """The default as YAML spells it; raises `KeyError` for an option that has none."""
    value = default_of(cls, name)
    if value is _MISSING:
        raise KeyError(name)
    return spelt(options(cls)[name], value, None, name)


def dump(data: Tree) -> str:
    """YAML text; quotes wherever readers might differ."""
    import yaml

    class Dumper(yaml.SafeDumper):
        def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
            return super().increase_indent(flow, indentless=False)

        def ignore_aliases(self, _data: Any) -> bool:
            return True

    def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
        style = "'" if not is_text(text) else "|" if "\n" in text else None
        style = style if text.replace("\n", "").isprintable() else '"'
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)

    def _items(dumper: yaml.SafeDumper, items: list[Any]) -> yaml.SequenceNode:
        on_one_line = not any(isinstance(each, list | dict) for each in items)
        return dumper.represent_sequence("tag:yaml.org,2002:seq", items, flow_style=on_one_line)

    Dumper.add_representer(str, _text)
    Dumper.add_representer(list, _items)
    return yaml.dump(data, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=110, default_flow_style=False)


def spelt(shape: Shape, value: Any, owner: Description | None, option: str) -> Tree:  # noqa: PLR0911
    """A value as YAML spells it; `owner` and `option` are whose it is, for errors."""
    match shape:
        case Nullable(inner):
            return None if value is None else spelt(inner, value, owner, option)
        case Many(inner):
            return [spelt(inner, each, owner, f"{option}[{index}]") for index, each in enumerate(value)]
        case Map(inner):
            return {key: spelt(inner, each, owner, f"{option}[{key!r}]") for key, each in value.items()}
        case Named():
            return {each.name: tree(each, without="name") for each in value}
        case One():
            return tree(value)
        case Kinds():
            return {type(value).__name__: own} if (own := tree(value)) else type(value).__name__
        case Deferred():
            return _deferred(value, owner, option)
        case Plain() | Choice():
            return value


def _deferred(value: str | Value, owner: Description | None, option: str) -> Tree:
    if not isinstance(value, Value):
        return value
    if value.declaration is not None:
        known = {theirs: ours for ours, theirs in attributes().items()}
        given = value.declaration.to_dict()
        return {"parameter": value.declaration.title, **{known[k]: v for k, v in given.items() if k != "Type"}}
    if value.is_literal:
        return list(value.data) if isinstance(value.data, list) else str(value.data)
    fits = "a literal or a parameter; YAML has no functions of troposphere, so keep this description in Python"
    told = problem(owner, option, fits, repr(value)) if owner else Problem(option, repr(value), fits)
    raise DescriptionError([told])


def _difference(shape: Shape, old: Any, new: Any) -> Tree:
    """What an overlay has to say so that the old becomes the new."""
    match shape:
        case One() | Kinds() if isinstance(old, Description) and type(old) is type(new):
            changed = {
                name: _difference(each, getattr(old, name), getattr(new, name))
                for name, each in options(type(new)).items()
                if getattr(old, name) != getattr(new, name)
            }
            if isinstance(shape, Kinds):  # one that is all defaults is a name alone, with nothing to merge into
                return {type(new).__name__: changed} if tree(old) else spelt(shape, new, None, "")
            return changed
        case Nullable(inner) if old is not None and new is not None:
            return _difference(inner, old, new)
        case Named(cls):
            return _differences(One(cls), {e.name: e for e in old}, {e.name: e for e in new}, Named(cls))
        case Map(inner):
            return _differences(inner, old, new, shape)
    return spelt(shape, new, None, "")


def _differences(inner: Shape, old: Mapping[str, Any], new: Mapping[str, Any], whole: Shape) -> Tree:
    gone = {name: None for name in old if name not in new}
    changed = {name: _difference(inner, old[name], new[name]) for name in new if name in old and old[name] != new[name]}
    added = {name: each for name, each in new.items() if name not in old}
    new_ones = spelt(whole, tuple(added.values()) if isinstance(whole, Named) else added, None, "")
    return {**gone, **changed, **new_ones}
