"""Compile the packaged buildspec template to Python, so that nobody waits for Jinja2 who has no template of their own.

    python buildspecs.py

Knows the part of Jinja2 that the template uses, and fails at anything else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from jinja2 import nodes

from cfngen.artifacts import packaged
from cfngen.artifacts.buildspec import environment

COMPILED = Path(packaged.__file__)
_SOURCE = "buildspec.yml.j2"
_HEAD = '''\
"""The packaged buildspec: buildspecs/buildspec.yml.j2 as Python, written by `make buildspecs`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cfngen.artifacts import filters


def render(values: Mapping[str, Any]) -> str:
    """What the template renders of `values`; `KeyError` for one that is missing."""
'''
_OPERATORS = {"eq": "==", "ne": "!=", "in": "in", "notin": "not in"}
_INDENT = "    "


def compiled() -> str:
    """The module's text."""
    made = environment(None)
    loader = made.loader
    assert loader
    source, _, _ = loader.get_source(made, _SOURCE)
    tree = made.parse(source)
    bound = {each.name for each in tree.find_all(nodes.Name) if each.ctx in ("param", "store")}
    bound |= {each.name for each in tree.find_all(nodes.Macro)}
    free = {each.name for each in tree.find_all(nodes.Name) if each.ctx == "load"} - bound
    lines = [f'{name} = values["{name}"]' for name in sorted(free)]
    return _HEAD + "".join(f"{_INDENT}{line}\n" for line in [*lines, *_text_of(tree.body)])


def _text_of(body: Sequence[nodes.Node]) -> list[str]:
    """The lines of a function that returns what its template's part renders."""
    return ["out: list[str] = []", *_lines(body), 'return "".join(out)']


def _lines(body: Sequence[nodes.Node]) -> Iterator[str]:
    for node in body:
        match node:
            case nodes.Macro():
                yield f"def {node.name}({', '.join(f'{each.name}: str' for each in node.args)}) -> str:"
                yield from _inner(_text_of(node.body))
            case nodes.Output():
                yield "out += ("
                yield from (f"{_INDENT}{_put(each)}," for each in node.nodes)
                yield ")"
            case nodes.If(elif_=[]):
                yield f"if {_value(node.test)}:"
                yield from _inner(_lines(node.body))
                if node.else_:
                    yield "else:"
                    yield from _inner(_lines(node.else_))
            case nodes.For(else_=[], recursive=False):
                yield f"for {_target(node.target)} in {_value(node.iter)}:"
                inside = list(_lines(node.body))
                yield from _inner([f"if {_value(node.test)}:", *_inner(inside)] if node.test else inside)
            case _:
                raise NotImplementedError(node)


def _inner(lines: Sequence[str] | Iterator[str]) -> Iterator[str]:
    return (f"{_INDENT}{line}" for line in lines)


def _put(node: nodes.Node) -> str:
    if isinstance(node, nodes.TemplateData):
        return repr(node.data)
    is_text = isinstance(node, nodes.Const) and isinstance(node.value, str)
    return _value(node) if is_text else f"str({_value(node)})"


def _target(node: nodes.Node) -> str:
    return ", ".join(map(_value, node.items)) if isinstance(node, nodes.Tuple) else _value(node)


def _value(node: nodes.Node) -> str:  # noqa: PLR0911  (one line a kind of node)
    match node:
        case nodes.Name():
            return str(node.name)
        case nodes.Const():
            return repr(node.value)
        case nodes.Getattr():
            return f"filters.part({_value(node.node)}, {node.attr!r})"
        case nodes.Call(kwargs=[]):
            return f"{_value(node.node)}({', '.join(map(_value, node.args))})"
        case nodes.Filter(node=nodes.Expr() as given, kwargs=[]):
            return f"filters.{node.name}({', '.join(map(_value, [given, *node.args]))})"
        case nodes.Concat():
            return f"({' + '.join(map(_put, node.nodes))})"
        case nodes.Compare(ops=[operand]):
            return f"({_value(node.expr)} {_OPERATORS[operand.op]} {_value(operand.expr)})"
        case nodes.Not():
            return f"(not {_value(node.node)})"
        case nodes.And() | nodes.Or():
            word = "and" if isinstance(node, nodes.And) else "or"
            return f"({_value(node.left)} {word} {_value(node.right)})"
    raise NotImplementedError(node)


if __name__ == "__main__":
    COMPILED.write_text(compiled(), encoding="utf-8")
