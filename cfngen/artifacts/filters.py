"""What templates of buildspecs do with values: cfngen's own filters, and twins of those of Jinja2 that the packaged one uses."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Mapping
from typing import Any

# What JSON leaves as it is, but YAML takes for no character or for the end of a line.
_NOT_IN_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]")
_NOT_IN_HTML = {ord(char): f"\\u{ord(char):04x}" for char in "<>&'"}

quoted = shlex.quote


def path(text: str) -> str:
    """A relative path as a word of a command, which takes it for no option."""
    return shlex.quote(f"./{text}" if text.startswith("-") else text)


def yaml_string(text: str) -> str:
    """A text in double quotes: JSON's escapes are YAML's."""
    return _NOT_IN_YAML.sub(lambda match: f"\\u{ord(match[0]):04x}", json.dumps(text, ensure_ascii=False))


def part(whole: Any, name: str) -> Any:
    """What a dot after a value means in a template."""
    try:
        return getattr(whole, name)
    except AttributeError:
        return whole[name]


def dictsort(values: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """The items by name, whatever the case of its letters."""
    return sorted(values.items(), key=lambda item: item[0].lower())


def format(text: str, *values: object) -> str:  # noqa: A001  (its name in templates)
    """Python's old way of putting values into a text."""
    return text % values


def join(values: Iterable[object], between: str) -> str:
    """All values with a text between them."""
    return between.join(map(str, values))


def tojson(value: object) -> str:
    """JSON that may stand in HTML, since Jinja2 writes it so."""
    return json.dumps(value, sort_keys=True).translate(_NOT_IN_HTML)
