"""What Python says of data that has another form than is read, in words of the data."""

from __future__ import annotations

import re

_KINDS = {
    "NoneType": "nothing",
    "bool": "true or false",
    "dict": "an object",
    "float": "a number",
    "int": "a number",
    "list": "a list",
    "str": "a text",
    "string": "a text",
}
_SAID = (
    (re.compile(r"'(\w+)' object has no attribute '(?:get|items|values)'"), "an object"),
    (re.compile(r"'(\w+)' object has no attribute"), "a text"),
    (re.compile(r"'(\w+)' object is not (?:iterable|a mapping)"), "a list"),
    (re.compile(r"argument of type '(\w+)' is not iterable"), "a list"),
    (re.compile(r"'(\w+)' object is not subscriptable"), "an object"),
    (re.compile(r"(list|string) indices must be integers"), "an object"),
    (re.compile(r"unhashable type: '(\w+)'"), "a text"),
    (re.compile(r"(?:int|float)\(\) argument must be .* not '(\w+)'"), "a number"),
    (re.compile(r"(?:invalid literal for int\(\) with base 10|could not convert string to float): (.*)"), "a number"),
)


def plainly(error: Exception) -> str:
    """A sentence about data that could not be read: what was wanted, and what stood there."""
    said = str(error)
    for pattern, wanted in _SAID:
        if found := pattern.search(said):
            return f"{wanted} is wanted where {_KINDS.get(found[1], found[1])} stands"
    return said
