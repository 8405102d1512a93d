"""Where the options of a description stand in a YAML file, and how errors name them there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from cfngen._frozen import dataclass
from cfngen.errors import Problem

_LONGEST = 60


class Spot(NamedTuple):
    """A place in the file: the path as the user wrote it (``stages.prod.network.nat``), line and column from 1."""

    path: str
    line: int
    column: int


@dataclass(frozen=True)
class Written:
    """Where an object is written: its own spot, and that of each option in it.

    `options` has the keys by which checks name options: ``paths``, ``paths[1]``, ``environment['PORT']``.
    """

    file: str
    spot: Spot
    options: Mapping[str, Spot]

    def at(self, option: str) -> Spot:
        """The spot of an option; that of the nearest thing around it for one that is not written."""
        if found := self.options.get(option):
            return found
        around = re.match(r"(.+)(\[(?:\d+|'[^']*'|\"[^\"]*\")\]|\.\w+)$", option)
        if around:
            outer = self.at(around[1])
            return outer._replace(path=join(outer.path, around[2]))
        return self.spot._replace(path=join(self.spot.path, option))

    def problem(self, option: str, given: str, fits: str) -> Problem:
        """What is wrong with an option, in the words of YAML."""
        spot = self.at(option) if option else self.spot
        return Problem(spot.path, given, in_yaml(fits), self.file, spot.line, spot.column)


def join(path: str, part: str) -> str:
    """A path with one more part: the name of an option, ``[1]`` or ``['key']``."""
    part = part.lstrip(".")
    if named := re.fullmatch(r"\['([\w-]+)'\]", part, re.ASCII):
        part = named[1]
    if part.startswith("["):
        return f"{path}{part}"
    return f"{path}.{part}" if path and part else path or part


_WORDS = {"None": "null", "True": "true", "False": "false"}
_QUOTED = r"(?<!\w)'[^']*'"


def in_yaml(fits: str) -> str:
    """What would fit, said for YAML: its own words, lists and parameters. What stands in quotes is the user's."""

    def said(found: re.Match[str]) -> str:
        text = found[0]
        if text in _WORDS:
            return _WORDS[text]
        if text.startswith("("):
            return f"[{text[1:-1].rstrip(',')}]"
        if text.endswith("="):
            return f"{text[:-1]}: "
        return text if text.startswith("'") else "parameter: Name"

    several = rf"\((?:{_QUOTED}(?:, {_QUOTED})*,?)?\)"
    option = r"\b[a-z_]+=(?=None\b|True\b|False\b)"
    value = r"\ban? [A-Z]\w*(?:\.parameter\(\)|(?:Arn|Ids?|Name)\b)"
    return re.sub(rf"{several}|{_QUOTED}|\b(?:None|True|False)\b|{option}|{value}", said, fits)


def shown_in_yaml(value: object) -> str:
    """A value as one would write it in YAML on one line, in sixty characters at most."""
    text = _flow(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def _flow(value: object) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(_flow, value))}]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, str | int | float):
        return repr(value)
    if declaration := getattr(value, "declaration", None):
        return f"{{parameter: {declaration.title}}}"
    literal = getattr(value, "data", None)
    return _flow(literal) if isinstance(literal, str | list) else getattr(value, "place", "") or repr(value)
