"""Descriptions: frozen, keyword-only objects that check themselves.

Every problem of an object is found at once: unknown and missing options, wrong types, then what `checks`
says about the values. Each is told with the option as the user wrote it and the line of the user's file.
"""

from __future__ import annotations

import ast
import linecache
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import MISSING, Field, fields
from functools import cache, lru_cache
from types import NoneType, UnionType
from typing import Any, ClassVar, Literal, Union, get_args, get_origin, get_type_hints

from cfngen.errors import (
    Problem,
    collecting,
    did_you_mean,
    no_such_option,
    relative,
    report,
    shown,
    users_place,
    writable,
)
from cfngen.written import Written, shown_in_yaml

Finding = tuple[str, str]
"""An option's name and what would fit there."""

_TOO_GREAT = 10**15
_hints: dict[type, dict[str, Any]] = {}


class _SelfChecking(type):
    """Makes descriptions, and checks what they are given before anybody can hold an inconsistent one."""

    def __call__(cls, *args: Any, **given: Any) -> Any:
        known = cls._options()
        found = [(name, no_such_option(name, known)) for name in given if name not in known]
        found += [("", "options are given by name, as in Service(name='customer')")] if args else []
        return cls._checked(given, found, set(), None)

    def read(cls, given: Mapping[str, Any], wrong: set[str], written: Written) -> Any:
        """An object that a file describes. What is wrong with the options `wrong` has been told; they are not given."""
        return cls._checked(given, [], wrong, written)

    @cache  # noqa: B019  (classes stay)
    def _options(cls) -> dict[str, Any]:
        return {f.name: f for f in fields(cls) if f.init}  # type: ignore[arg-type]  # cls is a dataclass

    def _checked(cls, given: Mapping[str, Any], found: list[Finding], told: set[str], written: Written | None) -> Any:
        made: Any
        given = {name: dict(value) if isinstance(value, Mapping) else value for name, value in given.items()}
        known = cls._options()
        found += [
            (name, "missing; it has no default")
            for name, f in known.items()
            if name not in given and name not in told and f.default is MISSING and f.default_factory is MISSING
        ]
        found += list(_mistyped(cls, {name: value for name, value in given.items() if name in known}))
        wrong = {name for name, _ in found} | told
        # What has errors is made as well, so that the rest of it and of its file can be read for more of them.
        made = _made(cls, known, {name: value for name, value in given.items() if name not in wrong})
        object.__setattr__(made, "made_at", users_place())
        object.__setattr__(made, "written", written)
        unsound = wrong | {name for name, value in given.items() if not _sound(value)}
        found += _further(made, unsound) if unsound else list(made.checks())
        faults = unsound.union(re.split(r"[.\[]", option)[0] for option, _ in found)
        if faults:
            object.__setattr__(made, "faults", frozenset(faults))
        if found:
            report(_problems(made, given, found))
        return made


class Description(metaclass=_SelfChecking):
    """Base of all that people write; subclasses add fields and `checks`."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]
    faults: ClassVar[frozenset[str]] = frozenset()
    """The options with which something is wrong, of an object that is made all the same to read the rest of its file."""
    made_at: ClassVar[tuple[str, int]] = ("", 0)
    written: ClassVar[Written | None] = None
    wants: ClassVar[Mapping[str, str]] = {}
    """What an option wants, in words, where its type alone says too little."""

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong with it."""
        return not self.faults

    def checks(self) -> Iterator[Finding]:
        """What is wrong with the values, beyond their types."""
        return iter(())

    @property
    def place(self) -> str:
        """How an error names this object: ``Service('customer')``."""
        name = getattr(self, "name", None)
        return f"{type(self).__name__}({name!r})" if isinstance(name, str) else type(self).__name__


def _mistyped(cls: type[Any], given: Mapping[str, Any]) -> Iterator[Finding]:
    if cls not in _hints:
        _hints[cls] = get_type_hints(cls)
    for name, value in given.items():
        hint = _hints[cls][name]
        if unknown := _unknown_keys(value, hint):
            yield from ((f"{name}[{key!r}]", f"no such key; {near}") for key, near in unknown)
        elif not _fits(value, hint):
            yield name, f"must be {_words(hint, cls.wants.get(name, ''))}"
        elif fits := next(filter(None, map(_beyond, _leaves(value))), ""):
            yield name, fits


def _fits(value: Any, hint: Any) -> bool:  # noqa: PLR0911  (one line a kind of hint)
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return any(_fits(value, part) for part in parts)
    if origin is Literal:
        return value in parts
    if origin is tuple:
        return isinstance(value, tuple) and all(_fits(item, parts[0]) for item in value)
    if origin is not None and issubclass(origin, Mapping):
        return isinstance(value, Mapping) and all(_fits(k, parts[0]) and _fits(v, parts[1]) for k, v in value.items())
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, hint)


def _unknown_keys(value: Any, hint: Any) -> list[tuple[str, str]]:
    """The keys of a mapping that are none of those to choose from, each with a hint."""
    parts = get_args(hint)
    if not isinstance(value, Mapping) or not parts or get_origin(parts[0]) is not Literal:
        return []
    known = get_args(parts[0])
    return [(key, did_you_mean(key, known)) for key in value if isinstance(key, str) and key not in known]


def _leaves(value: Any) -> Iterator[Any]:
    """The texts and numbers of a value, and the names of a mapping."""
    if isinstance(value, Mapping):
        yield from value
    for part in _parts(value):
        yield from _leaves(part) if isinstance(part, tuple | Mapping) else (part,)


def _beyond(leaf: Any) -> str:
    """What would fit instead of a text or a number that no file can hold."""
    if isinstance(leaf, str) and not writable(leaf):
        return f"{shown(leaf)}: text that can be written as UTF-8, without half a surrogate pair"
    if isinstance(leaf, int) and abs(leaf) >= _TOO_GREAT:
        return f"a number of {len(str(_TOO_GREAT)) - 1} digits at most"
    return ""


def _words(hint: Any, wanted: str = "") -> str:
    """A type in words; `wanted` instead of those of a string."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return " or ".join(_words(part, wanted) for part in parts)
    if origin is Literal:
        return " or ".join(repr(part) for part in parts)
    if origin is tuple:
        return f"a tuple of {_many(parts[0])}, such as (one,) or (one, two)"
    if origin is not None and issubclass(origin, Mapping):
        return f"a mapping of {_words(parts[0])} to {_words(parts[1])}"
    name = str(getattr(hint, "__name__", hint))
    article = "an" if name[0] in "AEIO" else "a"
    plain = {
        str: wanted or "a string",
        int: "a whole number",
        float: "a number",
        bool: "True or False",
        NoneType: "None",
    }
    return plain.get(hint, f"{article} {name}")


def _many(hint: Any) -> str:
    if get_origin(hint) is Literal:
        return _words(hint)
    if get_origin(hint) in (Union, UnionType):
        return " or ".join(_many(part) for part in get_args(hint))
    return {str: "strings", int: "whole numbers", float: "numbers"}.get(hint, f"{getattr(hint, '__name__', hint)}s")


def _made(cls: type, known: Mapping[str, Any], given: Mapping[str, Any]) -> Any:
    """An object with what is given, and defaults for the rest."""
    made: Any = object.__new__(cls)
    for name, f in known.items():
        object.__setattr__(made, name, given[name] if name in given else _default(f))
    return made


def _default(f: Any) -> Any:
    if f.default_factory is not MISSING:
        return f.default_factory()
    return None if f.default is MISSING else f.default


def _further(made: Any, wrong: set[str]) -> list[Finding]:
    """What is wrong besides, as far as it can be said without the options that are missing or of a wrong type."""
    found: list[Finding] = []
    probe: Any = object.__new__(type(made))
    for name, hint in _hints[type(made)].items():
        if name in vars(made):
            stand_in = {str: "x", int: 1}.get(hint, () if get_origin(hint) is tuple else None)
            value = getattr(made, name)
            object.__setattr__(probe, name, stand_in if value is None and NoneType not in get_args(hint) else value)
    try:
        with collecting():  # what a check makes of wrong values is nobody's to mend
            for option, fits in probe.checks():
                if re.split(r"[.\[]", option)[0] not in wrong:
                    found.append((option, fits))
    except (AttributeError, TypeError, ValueError):
        pass  # a check met one of the missing values; the user hears of the rest the next time
    return found


def _sound(value: Any) -> bool:
    return all(getattr(part, "is_sound", True) for part in _parts(value))


def _parts(value: Any) -> Iterable[Any]:
    return value if isinstance(value, tuple) else value.values() if isinstance(value, Mapping) else (value,)


def problem(owner: Description, option: str, fits: str, given: str | None = None) -> Problem:
    """A problem of an object, with the line on which the option is written, or else the object is made.

    `option` may be a path such as ``services[1].port``; then it is told of the object that it leads to.
    `given` is the option's value, unless something else is said.
    """
    holder, last = _lead(owner, option)
    head = re.split(r"[.\[]", last)[0]
    if holder.written:
        there = shown_in_yaml(_item(getattr(holder, head, ""), last)) if given is None else given
        return holder.written.problem(last, there, fits.removeprefix(f"{there}: "))
    shown = short(_item(getattr(holder, head, ""), last)) if given is None else given
    fits = fits.removeprefix(f"{shown}: ")
    path = f"{owner.place}.{option}" if option else owner.place
    return Problem(path, shown, fits, *_place(holder.made_at, type(holder).__name__, head))


def _item(value: Any, option: str) -> Any:
    """What an option such as ``tags['Stage']`` or ``hosts[1]`` names in its value."""
    step = re.search(r"\[(?:(\d+)|'(.+)')\]$", option)
    if step and step[1] and isinstance(value, tuple) and int(step[1]) < len(value):
        return value[int(step[1])]
    return value.get(step[2], value) if step and isinstance(value, Mapping) else value


def _lead(owner: Description, option: str) -> tuple[Description, str]:
    """The object that a path leads to, and the option there."""
    step = re.match(r"(\w+)(?:\[(\d+)\])?\.(.+)", option)
    if not step:
        return owner, option
    part = getattr(owner, step[1], None)
    if step[2] is not None and isinstance(part, tuple) and int(step[2]) < len(part):
        part = part[int(step[2])]
    return _lead(part, step[3]) if isinstance(part, Description) else (owner, option)


def _problems(made: Description, given: Mapping[str, Any], found: list[Finding]) -> Iterator[Problem]:
    for option, fits in found:
        head = re.split(r"[.\[]", option)[0]
        wrong = head in given and not fits.startswith("no such ")
        there = short(given[head]) if wrong and head == option and not made.written else None
        yield problem(made, option, fits, there if wrong else _by_default(made, option))


def _by_default(made: Description, option: str) -> str:
    """What holds where nothing was given, as far as that says something."""
    f = next((each for each in fields(made) if each.name == option), None)
    if f is None or f.default in (MISSING, None, "", ()):
        return ""
    return f"{shown_in_yaml(f.default) if made.written else short(f.default)} by default"


def short(value: Any) -> str:
    """A value as an error shows it, in sixty characters at most."""
    if not isinstance(value, Description):
        return shown(value)
    return value.place if len(value.place) <= 60 else f"{value.place[:57]}..."


def place_of(made: Description, option: str) -> tuple[str, int, bool]:
    """The file and line of an object made in Python, or of an option; whether the option is written there."""
    file, line = made.made_at
    found = _keyword_line(file, line, type(made).__name__, option)
    return relative(file), found or line, found is not None


def _place(made_at: tuple[str, int], call: str, option: str) -> tuple[str, int]:
    """The file and line where an option is written, or where its object is made."""
    file, line = made_at
    return relative(file), _keyword_line(file, line, call, option) or line


def _keyword_line(file: str, line: int, call: str, option: str) -> int | None:
    for node in _calls("".join(linecache.getlines(file))).get(line, ()):
        named = ast.unparse(node.func).rpartition(".")[2]
        for keyword in node.keywords:
            if keyword.arg == option and named in {call, "replace"}:
                return keyword.value.lineno
    return None


@lru_cache(maxsize=8)
def _calls(text: str) -> Mapping[int, list[ast.Call]]:
    """The calls of a program by the line on which they begin; none of one that cannot be parsed."""
    found: dict[int, list[ast.Call]] = {}
    try:
        nodes = ast.walk(ast.parse(text))
    except SyntaxError:
        return found
    for node in nodes:
        if isinstance(node, ast.Call):
            found.setdefault(node.lineno, []).append(node)
    return found


def is_folder(text: str) -> bool:
    """Whether a text is a relative folder that no shell, pattern or template misreads."""
    return bool(re.fullmatch(r"[\w.-]+(/[\w.-]+)*", text, re.ASCII)) and not {".", ".."} & set(text.split("/"))
