"""Write a template as the YAML that people write by hand for CloudFormation."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEADER = "# Written by cfngen from {}. Edit that file, then run: {}"
_WIDTH = 88
_LONGEST_KEY = 1000  # YAML readers look for the colon in 1024 characters only

_SECTIONS = (
    "AWSTemplateFormatVersion", "Description", "Metadata", "Parameters", "Rules", "Mappings",
    "Conditions", "Transform", "Resources", "Outputs",
)  # fmt: skip
_RESOURCE_KEYS = (
    "Type", "Condition", "DependsOn", "CreationPolicy", "UpdatePolicy", "DeletionPolicy",
    "UpdateReplacePolicy", "Metadata", "Properties",
)  # fmt: skip
_DEFINITION_KEYS = {"Parameters": ("Type", "Description"), "Resources": _RESOURCE_KEYS}
_SHORT_FUNCTIONS = (
    "And", "Base64", "Cidr", "Equals", "FindInMap", "GetAtt", "GetAZs", "If", "ImportValue",
    "Join", "Not", "Or", "Select", "Split", "Sub",
)  # fmt: skip
_TAGS = {"Ref": "!Ref"} | {f"Fn::{name}": f"!{name}" for name in _SHORT_FUNCTIONS}

_WORDS = frozenset((
    "y", "n", "yes", "no", "on", "off", "true", "false", "null", "~", "=", "<<",
    "inf", "nan", ".inf", ".nan", "+.inf", "+.nan",
))  # fmt: skip
_INDICATORS = frozenset("-?:,[]{}#&*!|>'\"%@` ")
# The colon and question mark are legal here, but older parsers stop at them.
_FLOW_INDICATORS = frozenset(",[]{}:?")
_NUMBER_START = frozenset("0123456789+.")
_NUMBER_OR_DATE = re.compile(
    r"\+?[0-9_,.:]+(?:[eE][-+]?[0-9]+)?|\+?0[xXoObB][0-9a-fA-F_]+"
    r"|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt ].*)?"
)


def dump(template: dict[str, Any], source: str = "", command: str = "make templates") -> str:
    """Return the template as CloudFormation YAML with short function tags.

    The sections and the keys of each resource come in the usual order, everything else in its
    own. The first line names `source`, the file the template was made from, when it is given, and the
    `command` that makes it again.

    Raises:
        TypeError: a value is not a str, bool, int, float, None, dict, list or tuple,
            or a key is not a str.
        ValueError: a key is too long for YAML.

    """
    out = [_HEADER.format(_on_one_line(source), _on_one_line(command))] if source else []
    try:
        _put_sections(out, template)
    except TypeError:
        for stray in _strays(template, ""):
            raise TypeError(stray) from None
        raise
    return "\n".join(out) + "\n"


def _on_one_line(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)


def _put_sections(out: list[str], template: dict[str, Any]) -> None:
    after_mapping = False
    for name, body in _ordered(template, _SECTIONS).items():
        is_mapping = isinstance(body, dict)
        if is_mapping or after_mapping:
            _put_blank_line(out)
        after_mapping = is_mapping
        if is_mapping and body and name in _DEFINITION_KEYS:
            _put_definitions(out, name, body)
        else:
            _put(out, _key(name), body, "")
    if not template:
        out.append("{}")


def _put_definitions(out: list[str], section: str, definitions: dict[str, Any]) -> None:
    out.append(_key(section))
    first_line = len(out)
    for name, body in definitions.items():
        if section == "Resources" and len(out) > first_line:
            _put_blank_line(out)
        ordered = _ordered(body, _DEFINITION_KEYS[section]) if isinstance(body, dict) else body
        _put(out, f"  {_key(name)}", ordered, "  ")


def _ordered(mapping: dict[str, Any], first: tuple[str, ...]) -> dict[str, Any]:
    return {key: mapping[key] for key in first if key in mapping} | mapping


def _put_blank_line(out: list[str]) -> None:
    # An empty last line belongs to a text that keeps its line ends, and would keep this one too.
    if out and out[-1]:
        out.append("")


def _put(out: list[str], lead: str, value: Any, pad: str) -> None:
    """Append `lead` and the value; `pad` is the indentation of the key or dash in `lead`."""
    if isinstance(value, dict) and value:
        tag, argument = _short_form(value)
        if tag:
            _put_function(out, f"{lead} {tag}", argument, pad)
        else:
            out.append(lead)
            _put_entries(out, f"{pad}  ", value, f"{pad}  ")
    elif isinstance(value, str):
        if "\n" in value and _fits_literal_block(value):
            _put_literal_block(out, lead, value, f"{pad}  ")
        else:
            out.append(f"{lead} {_scalar(value)}")
    elif isinstance(value, list | tuple) and value:
        out.append(lead)
        _put_items(out, f"{pad}  ", value, f"{pad}  ")
    else:
        out.append(f"{lead} {_constant(value)}")


def _put_entries(out: list[str], lead: str, mapping: dict[str, Any], pad: str) -> None:
    for key, value in mapping.items():
        kind = type(value)
        if kind is str and "\n" not in value:  # by far the most
            out.append(f"{lead}{_key(key)} {_scalar(value)}")
        elif kind is dict and len(value) > 1:  # and these come next
            out.append(f"{lead}{_key(key)}")
            below = f"{pad}  "
            _put_entries(out, below, value, below)
        else:
            _put(out, f"{lead}{_key(key)}", value, pad)
        lead = pad


def _put_items(out: list[str], lead: str, items: list[Any] | tuple[Any, ...], pad: str) -> None:
    for item in items:
        if isinstance(item, dict) and item:
            tag, argument = _short_form(item)
            if tag:
                _put_function(out, f"{lead}- {tag}", argument, pad)
            else:
                _put_entries(out, f"{lead}- ", item, f"{pad}  ")
        elif isinstance(item, list | tuple) and item:
            _put_items(out, f"{lead}- ", item, f"{pad}  ")
        else:
            _put(out, f"{lead}-", item, pad)
        lead = pad


def _put_function(out: list[str], lead: str, argument: Any, pad: str) -> None:
    if type(argument) is str and "\n" not in argument:
        out.append(f"{lead} {_scalar(argument)}")
        return
    flow = None if isinstance(argument, str) else _flow(argument)
    if flow and len(lead) + 1 + len(flow) <= _WIDTH:
        out.append(f"{lead} {flow}")
    else:
        _put(out, lead, argument, pad)


def _short_form(value: dict[str, Any]) -> tuple[str, Any]:
    """Return the tag and its argument, or an empty tag for a mapping that must stay one."""
    if len(value) != 1:
        return "", None
    ((name, argument),) = value.items()
    tag = _TAGS.get(name)
    if tag is None:
        return "", None
    if tag == "!GetAtt":
        is_short = isinstance(argument, list | tuple) and _is_attribute(argument)
        return (tag, ".".join(argument)) if is_short else ("", None)
    if isinstance(argument, str) or (isinstance(argument, list | tuple) and tag != "!Ref"):
        return tag, argument
    return "", None


def _is_attribute(argument: Any) -> bool:
    # The readers split the text of a !GetAtt at its first dot.
    if len(argument) != 2:
        return False
    of, name = argument
    return isinstance(of, str) and isinstance(name, str) and bool(of and name) and "." not in of


def _flow(value: Any) -> str | None:
    """Return the value on one line, or None for one that needs several."""
    if isinstance(value, str):
        return None if "\n" in value else _flow_scalar(value)
    if isinstance(value, dict):
        tag, argument = _short_form(value)
        inner = _flow(argument) if tag else None
        return f"{tag} {inner}" if inner else None
    if isinstance(value, list | tuple):
        parts = [part for item in value if (part := _flow(item))]
        return f"[{', '.join(parts)}]" if len(parts) == len(value) else None
    return _constant(value)


def _flow_scalar(text: str) -> str:
    scalar = _scalar(text)
    return scalar if scalar != text or _FLOW_INDICATORS.isdisjoint(text) else _single_quoted(text)


@lru_cache(maxsize=4096)
def _key(key: str) -> str:
    if not isinstance(key, str):
        raise TypeError
    scalar = _scalar(key)
    if len(scalar) > _LONGEST_KEY:
        message = f"the key {key[:40]!r}... is too long for YAML"
        raise ValueError(message)
    return f"{scalar}:"


@lru_cache(maxsize=4096)
def _scalar(text: str) -> str:
    if not _is_clean(text):
        return '"' + "".join(map(_escaped, text)) + '"'
    return str.__str__(text) if _is_plain(text) else _single_quoted(text)


def _is_clean(text: str) -> bool:
    # Older parsers refuse what is outside of the basic plane, unless it is escaped.
    return text.isprintable() and (text.isascii() or max(text) <= "\uffff")


def _is_plain(text: str) -> bool:
    return not (
        not text
        or text[0] in _INDICATORS
        or text[-1] in " :"
        or ": " in text
        or " #" in text
        or text.lower() in _WORDS
        or (text[0] in _NUMBER_START and _NUMBER_OR_DATE.fullmatch(text))
    )


def _single_quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _escaped(char: str) -> str:
    if char in '"\\':
        return f"\\{char}"
    return char if _is_clean(char) else char.encode("unicode_escape").decode("ascii")


def _fits_literal_block(text: str) -> bool:
    return not text.isspace() and _is_clean(text.replace("\n", "").replace("\t", ""))


def _put_literal_block(out: list[str], lead: str, text: str, pad: str) -> None:
    indentation = "2" if text[0] in " \n\t" else ""
    lines = text.removesuffix("\n").split("\n")
    chomping = "-" if not text.endswith("\n") else "" if lines[-1] else "+"
    out.append(f"{lead} |{indentation}{chomping}")
    out.extend(pad + line if line else "" for line in lines)


def _constant(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, float):
        return _float(float.__repr__(value))
    if isinstance(value, dict | list | tuple):
        return "{}" if isinstance(value, dict) else "[]"
    raise TypeError


def _float(digits: str) -> str:
    if digits[-1] in "fn":
        return digits.replace("inf", ".inf").replace("nan", ".nan")
    return digits if "." in digits else digits.replace("e", ".0e")


def _strays(value: object, path: str) -> Iterator[str]:
    """Yield a message for each key and value that cannot be written."""
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                yield f"{path or 'template'}: key {key!r} is a {type(key).__name__}, not a str"
            yield from _strays(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _strays(item, f"{path}[{index}]")
    elif not (value is None or isinstance(value, str | int | float)):
        yield f"{path}: cannot write a {type(value).__name__} as YAML"
