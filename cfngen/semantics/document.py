"""A YAML or JSON text as data, with the line of everything in it.

CloudFormation's short tags become the long functions (``!Ref X`` is ``{"Ref": "X"}``), so that a check sees one form.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, TypeVar

import yaml

Path = tuple[str | int, ...]
T = TypeVar("T")
_DEEPEST = 200
"""No service takes anything nested so deep; what contains itself has no end."""


@dataclass(frozen=True)
class Document:
    """What a text says. `data` is shared between readers: look, do not touch."""

    data: Any
    lines: Mapping[tuple[str, ...], int] = field(default_factory=dict)

    def line(self, path: Path) -> int:
        """The line of what is at the path, or of the nearest thing around it that stands in the text."""
        words = tuple(map(str, path))
        for length in range(len(words), -1, -1):
            if found := self.lines.get(words[:length]):
                return found
        return 1


class UnreadableError(Exception):
    """A text is no YAML or JSON; the message says why, `line` where."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


@lru_cache(maxsize=1024)
def read_json(text: str) -> Document:
    """Parse JSON as strictly as the services that take it; raises `UnreadableError`."""
    data = json_data(text)
    try:
        return Document(data, _lines(text))
    except UnreadableError:
        return Document(data)  # JSON that YAML cannot read has no lines to tell


def json_data(text: str) -> Any:
    """The data of a JSON text alone; raises `UnreadableError`."""
    try:
        return json.loads(text, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        raise UnreadableError(error.msg, error.lineno) from None
    except (ValueError, RecursionError) as error:
        raise UnreadableError(_in_a_line(error), 1) from None


@lru_cache(maxsize=1024)
def read_yaml(text: str) -> Document:
    """Parse YAML; raises `UnreadableError`, also for a key that stands twice, of which the first would be lost."""
    return _parsed(text, lambda loader: _document(loader, loader.get_single_node()))


def yaml_data(text: str) -> Any:
    """The data alone, in less time; raises `UnreadableError`."""
    return _parsed(text, lambda loader: loader.get_single_data())


def _parsed(text: str, read: Callable[[Any], T]) -> T:
    try:
        loader = _Loader(text)
        try:
            return read(loader)
        finally:
            loader.dispose()
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise UnreadableError(_in_a_line(error), _line_of(error)) from None


def _document(loader: Any, node: yaml.Node | None) -> Document:
    lines = _marks(node)
    return Document(loader.construct_document(node) if node else None, lines)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        message = f"the key {max(names, key=names.count)!r} stands twice in one object"
        raise ValueError(message)
    return made


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # whichever is there
    """YAML with CloudFormation's tags. A key that stands twice is refused, for the first would be lost."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if key.value in seen and isinstance(key, yaml.ScalarNode):
                problem = f"the key {key.value!r} stands twice in one mapping"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
            if isinstance(key, yaml.ScalarNode):
                seen.add(key.value)
        made: dict[Any, Any] = super().construct_mapping(node, deep)
        return made


def _function(loader: Any, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.MappingNode):
        value: Any = loader.construct_mapping(node, deep=True)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_scalar(node)
        if suffix == "GetAtt":
            value = value.split(".", 1)
    return {_long(suffix): value}


def _long(suffix: str) -> str:
    return suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"


_Loader.add_multi_constructor("!", _function)


def _lines(text: str) -> dict[tuple[str, ...], int]:
    return _parsed(text, lambda loader: _marks(loader.get_single_node()))


def _marks(node: yaml.Node | None) -> dict[tuple[str, ...], int]:
    found: dict[tuple[str, ...], int] = {}
    if node:
        _mark(node, (), found)
    return found


def _mark(node: yaml.Node, path: tuple[str, ...], found: dict[tuple[str, ...], int]) -> None:
    if len(path) > _DEEPEST:
        raise RecursionError
    inside = (*path, _long(node.tag[1:])) if node.tag.startswith("!") else path
    found[path] = node.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            _mark(item, (*inside, str(index)), found)
    elif isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            name = str(key.value)
            if name in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"the key {name!r} stands twice in one mapping", problem_mark=key.start_mark
                )
            seen.add(name)
            place = (*inside, name)
            _mark(value, place, found)
            found[place] = key.start_mark.line + 1


def _in_a_line(error: Exception) -> str:
    said = getattr(error, "problem", None) or ("nested too deep" if isinstance(error, RecursionError) else str(error))
    return " ".join(str(said).split())


def _line_of(error: Exception) -> int:
    mark = getattr(error, "problem_mark", None)
    return mark.line + 1 if mark else 1
