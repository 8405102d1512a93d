"""A JSON Schema of the YAML description, made from the classes, for editors and validators.

Draft 2020-12. It knows names, types, words to choose from, defaults and what the classes say of themselves. What the
objects check beyond their types (a size that Fargate has, a path that is free) it leaves to `cfngen generate`.
Of each class there are two definitions: whole, and as an overlay, in which nothing is required and null takes an entry out.
"""

from __future__ import annotations

import json
from typing import Any

from cfngen.describe import Description
from cfngen.manifest.said import said, summary
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
from cfngen.manifest.words import attributes
from cfngen.manifest.write import spelt_default
from cfngen.spec import App
from cfngen.values import Values

Schema = dict[str, Any]

_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_PLAIN = {str: "string", int: "integer", float: "number", bool: "boolean"}
_FREE_KEYS = {"^x-": {"description": "Yours, for anchors; cfngen does not read it."}}
_STAGES = "What differs from the rest of the file in each stage, by the stage's name: merged over it, key by key."


def schema() -> Schema:
    """The schema of a description's file."""
    definitions: dict[str, Schema] = {}
    _define(App, definitions, is_overlay=False)
    _define(App, definitions, is_overlay=True)
    whole, overlay = definitions["App"], definitions["App.overlay"]
    shared = {name: each for name, each in overlay["properties"].items() if name != "stage"}
    definitions["App.overlay"] = {**overlay, "properties": shared}
    stages = {
        "type": "object",
        "description": _STAGES,
        "minProperties": 1,
        "additionalProperties": {"anyOf": [{"$ref": "#/$defs/App.overlay"}, {"type": "null"}]},
    }
    definitions["App"] = {**whole, "patternProperties": _FREE_KEYS}
    definitions["App.shared"] = {
        **overlay, "properties": {**shared, "stages": stages}, "patternProperties": _FREE_KEYS,
    }  # fmt: skip
    return {
        "$schema": _DRAFT,
        "title": "cfngen.yaml",
        "description": summary(App),
        "type": "object",
        "if": {"required": ["stages"]},
        "then": {"$ref": "#/$defs/App.shared"},
        "else": {"$ref": "#/$defs/App"},
        "$defs": dict(sorted(definitions.items())),
    }


def schema_text() -> str:
    """The schema as a file holds it; the same bytes each time."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def _define(cls: type[Description], definitions: dict[str, Schema], *, is_overlay: bool, without: str = "") -> Schema:
    """The definition of a class, which is made once; a reference to it."""
    name = f"{cls.__name__}.overlay" if is_overlay else cls.__name__
    if name not in definitions:
        definitions[name] = {}  # for a class that leads to itself
        properties, required = {}, []
        for option, shape in options(cls).items():
            if option != without:
                properties[option], is_required = _option(cls, option, shape, definitions, is_overlay=is_overlay)
                required += [option] if is_required and not is_overlay else []
        definitions[name] = {
            "title": cls.__name__,
            "description": summary(cls),
            "type": "object",
            "properties": properties,
            **({"required": required} if required else {}),
            "additionalProperties": False,
        }
    return {"$ref": f"#/$defs/{name}"}


def _option(
    cls: type[Description], option: str, shape: Shape, definitions: dict[str, Schema], *, is_overlay: bool
) -> tuple[Schema, bool]:
    found = dict(_schema(shape, definitions, is_overlay=is_overlay))
    if description := said(cls, option):
        found["description"] = description
    try:
        return {**found, "default": spelt_default(cls, option)}, False
    except KeyError:
        return found, True


def _schema(shape: Shape, definitions: dict[str, Schema], *, is_overlay: bool) -> Schema:  # noqa: C901, PLR0911  (one line a shape)
    def inner_schema(inner: Shape) -> Schema:
        return _schema(inner, definitions, is_overlay=is_overlay)

    def entry(value: Schema) -> Schema:
        return {"anyOf": [value, {"type": "null"}]} if is_overlay else value

    match shape:
        case Plain(kind):
            return {"type": _PLAIN[kind]}
        case Choice(values):
            return {"enum": list(values)}
        case Nullable(inner):
            return {"anyOf": [inner_schema(inner), {"type": "null"}]}
        case Many(inner):  # a list replaces the other, so what is in it is whole
            return {"type": "array", "items": _schema(inner, definitions, is_overlay=False)}
        case Map(inner, keys):
            named = {"propertyNames": {"enum": list(keys)}} if keys else {}
            return {"type": "object", **named, "additionalProperties": entry(inner_schema(inner))}
        case Named(cls):
            named = _define(cls, definitions, is_overlay=is_overlay, without="name")
            return {"type": "object", "additionalProperties": entry(named)}
        case One(cls):
            return _define(cls, definitions, is_overlay=is_overlay)
        case Kinds():
            return _kinds(shape, definitions, is_overlay=is_overlay)
        case Deferred():
            return _deferred(shape)


def _kinds(shape: Kinds, definitions: dict[str, Schema], *, is_overlay: bool) -> Schema:
    bare = [name for name, cls in shape.by_name.items() if not required(cls)]
    whole = {
        "type": "object",
        "properties": {name: _define(cls, definitions, is_overlay=is_overlay) for name, cls in shape.by_name.items()},
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 1,
    }
    return {"anyOf": [{"enum": bare}, whole]} if bare else whole


def _deferred(shape: Deferred) -> Schema:
    text: Schema = (
        {"type": "string"} if shape.is_plain or shape.cls.may_be_empty else {"type": "string", "minLength": 1}
    )
    if issubclass(shape.cls, Values):
        text = {"type": "array", "items": {"type": "string", "minLength": 1}}
    given = dict.fromkeys(attributes(), True)
    parameter = {
        "type": "object",
        "description": "A parameter of the root template, which whoever deploys gives.",
        "properties": {"parameter": {"type": "string", "pattern": "^[A-Za-z0-9]{1,255}$"}, **given},
        "required": ["parameter"],
        "additionalProperties": False,
    }
    return {"anyOf": [text, parameter]}
