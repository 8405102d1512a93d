"""Stages as overlays: deep merge of what a stage says over what all stages share.

Mappings merge key by key, whatever their depth. Everything else replaces: words, numbers, lists, an object of another
kind (``Canary`` in place of ``AllAtOnce``), a deploy-time value. An entry that is null under a name or a free key, such as
``services: {debug: null}``, is taken out.
"""

from __future__ import annotations

from cfngen.manifest.reader import Entry, Fields, Node, Scalar
from cfngen.manifest.scalars import meaning
from cfngen.manifest.shapes import Deferred, Kinds, Map, Named, Nullable, One, Shape, options


def merge(base: Node, over: Node, shape: Shape, layer: str) -> Node:
    """What results; neither of both is changed."""
    if isinstance(shape, Nullable):
        return merge(base, over, shape.inner, layer)
    if not isinstance(base, Fields) or not isinstance(over, Fields) or isinstance(shape, Deferred):
        return over
    if isinstance(shape, Kinds) and set(base.entries) != set(over.entries):
        return over
    entries = dict(base.entries)
    for name, entry in over.entries.items():
        inner = _inner(shape, name)
        if is_null(entry.value) and isinstance(shape, Named | Map):
            if entries.pop(name, None):
                continue
            entries[name] = Entry(entry.key, entry.value, layer)  # nothing to take out, which `build` will tell
        elif name not in entries or inner is None:
            entries[name] = Entry(entry.key, entry.value, layer)
        else:
            there = entries[name]
            merged = merge(there.value, entry.value, inner, layer)
            is_own = merged is entry.value
            entries[name] = Entry(entry.key if is_own else there.key, merged, layer if is_own else there.layer)
    return Fields(base.line, base.column, entries=entries)


def is_null(node: Node) -> bool:
    """Whether it is nothing, said or left out."""
    return isinstance(node, Scalar) and node.is_plain and meaning(node.text).kind == "null"


def _inner(shape: Shape, name: str) -> Shape | None:
    match shape:
        case One(cls):
            return options(cls).get(name)
        case Named(cls):
            return One(cls)
        case Map(inner):
            return inner
        case Kinds():
            found = shape.by_name.get(name)
            return One(found) if found else None
    return None
