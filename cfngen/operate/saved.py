"""A state as a JSON text and back: what `--save` writes and `--state` reads. The keys are the fields of `state`.

A text is read strictly, with the place of whatever does not fit: a preflight on half a state would say that all is well.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from dataclasses import MISSING, asdict, fields, is_dataclass
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from cfngen.errors import DescriptionError, OutputError, Problem, did_you_mean
from cfngen.operate.state import State

FORMAT = 1
_SPACES = dict.fromkeys(map(ord, "\t\n\r"))
_KINDS = {str: "a text", int: "a whole number", bool: "true or false"}


_DEEPEST = 60


def text(state: State) -> str:
    """The file's text."""
    return json.dumps({"format": FORMAT, **asdict(state)}, indent=2) + "\n"


def _is_too_deep(data: object) -> bool:
    """Whether something lies deeper than any state has it; how deep Python may go differs from process to process."""
    level = [data]
    for _ in range(_DEEPEST):
        level = [
            part
            for each in level
            if isinstance(each, (dict, list))
            for part in (each.values() if isinstance(each, dict) else each)
        ]
    return bool(level)


def parse(said: str, file: str) -> State:
    """Read a file's text; raises `DescriptionError` when it is not a state that this version understands."""
    try:
        data = json.loads(said)
    except (ValueError, RecursionError) as error:
        told = f"it is no JSON ({' '.join(str(error).split())})"
        raise DescriptionError([Problem("state", told, "a file that --save wrote", file)]) from None
    if not isinstance(data, dict):
        raise DescriptionError([Problem("state", _short(data), "an object, as --save writes it", file)])
    form = data.pop("format", None)
    if form is True or form != FORMAT:
        fits = f"this cfngen reads format {FORMAT}; ask the account again with --save"
        raise DescriptionError([Problem("format", _short(form), fits, file)])
    if _is_too_deep(data):
        raise DescriptionError([Problem("state", "it is nested too deep", "a file that --save wrote", file)])
    problems: list[Problem] = []
    state = _Reader(file, problems).value(State, data, "")
    if problems:
        raise DescriptionError(problems)
    assert isinstance(state, State)  # that is what was asked for
    if len([each for each in state.stacks if not each.path]) != 1:
        raise DescriptionError([Problem("stacks", "", "exactly one root, whose path is empty", file)])
    return state


def load(file: Path) -> State:
    """Read a file; raises `DescriptionError` when it is none of ours."""
    try:
        said = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise DescriptionError([Problem(str(file), "", f"cannot be read: {reason}")]) from None
    return parse(said, str(file))


def save(file: Path, state: State) -> None:
    """Write a file, with its folder; raises `OutputError` when that cannot be done."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text(state), encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{file}: cannot be written: {error.strerror}") from None


class _Reader:
    """Reads values by the type hints of the dataclasses, and gathers what does not fit."""

    def __init__(self, file: str, problems: list[Problem]) -> None:
        self._file = file
        self._problems = problems

    def value(self, hint: Any, data: Any, place: str) -> Any:
        if isinstance(hint, UnionType):
            return None if data is None else self.value(get_args(hint)[0], data, place)
        if get_origin(hint) is tuple:
            return self._items(get_args(hint)[0], data, place)
        if get_origin(hint) is Mapping:
            return self._entries(get_args(hint)[1], data, place)
        if is_dataclass(hint):
            return self._object(hint, data, place)
        if type(data) is not hint:
            self._refuse(place, data, _KINDS[hint])
        elif hint is str and not _is_plain(data):
            self._refuse(place, data, "a text that a terminal can show, without control characters")
        return data

    def _items(self, hint: Any, data: Any, place: str) -> Any:
        if not isinstance(data, list):
            return self._refuse(place, data, "a list")
        return tuple(self.value(hint, item, f"{place}[{index}]") for index, item in enumerate(data))

    def _entries(self, hint: Any, data: Any, place: str) -> Any:
        if not isinstance(data, dict):
            return self._refuse(place, data, "an object")
        return {
            self.value(str, name, place): self.value(hint, item, f"{place}[{name!r}]") for name, item in data.items()
        }

    def _object(self, kind: Any, data: Any, place: str) -> Any:
        if not isinstance(data, dict):
            return self._refuse(place, data, "an object")
        before, hints = len(self._problems), get_type_hints(kind)
        inside = f"{place}." if place else ""
        known = {each.name: each for each in fields(kind)}
        for name in sorted(data.keys() - known.keys()):
            self._refuse(f"{inside}{name}", data[name], f"no such key; {did_you_mean(name, known)}")
        for name, each in known.items():
            if name not in data and each.default is MISSING and each.default_factory is MISSING:
                self._refuse(f"{inside}{name}", None, "it is missing")
        values = {
            name: self.value(hints[name], item, f"{inside}{name}") for name, item in data.items() if name in known
        }
        return kind(**values) if len(self._problems) == before else None

    def _refuse(self, place: str, given: Any, fits: str) -> None:
        self._problems.append(Problem(place, "" if given is None else _short(given), fits, self._file))


def _is_plain(text: str) -> bool:
    """Others may have written the file, and its texts go to a terminal: no escape sequence, no half of a character."""
    return not any(unicodedata.category(each) in ("Cc", "Cs") for each in text.translate(_SPACES))


def _short(value: Any) -> str:
    told = json.dumps(value)
    return told if len(told) <= 40 else f"{told[:37]}..."
