"""A listener rule's conditions as tests of haproxy (ELB guide, rule condition types).

Paths are compared letter by letter, all else whatever its case. Of a header that comes twice each is looked at, of a query
each pair, as they were sent; what a rule asks that has no such test is refused by name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from cfngen.rehearse.errors import RehearsalError
from cfngen.simulate.requests import values_of


def tests(condition: Mapping[str, Any]) -> list[str]:
    """What a condition asks: one of these must be true. Raises `RehearsalError` for what is not played."""
    field = str(condition["Field"])
    if "RegexValues" in condition or any(
        "RegexValues" in each for each in condition.values() if isinstance(each, Mapping)
    ):
        raise RehearsalError(f"a rule's condition {field} with RegexValues is not played by the rehearsal")
    values = values_of(condition)
    match field:
        case "path-pattern":
            return [f"path -m reg {_whole(each)}" for each in values]
        case "host-header":
            return [f"req.hdr(host),field(1,:) -m reg -i {_whole(each)}" for each in values]
        case "http-request-method":
            return [f"method {each}" for each in values]
        case "source-ip":
            return [f"src {each}" for each in values]
        case "http-header":
            # Not req.hdr, which takes a comma for the end of a value.
            name = condition["HttpHeaderConfig"]["HttpHeaderName"]
            return [f"req.fhdr({name}) -m reg -i {_whole(each)}" for each in values]
        case "query-string":
            return [f"query -m reg -i {_pair(each)}" for each in values]
    raise RehearsalError(f"a rule's condition {field} is not played by the rehearsal")


def quoted(text: str) -> str:
    """A text as one word of haproxy's configuration."""
    return "'" + text.replace("'", "'\\''") + "'"


def _whole(pattern: str) -> str:
    return quoted(f"^{_glob(pattern, '.*')}$")


def _pair(told: Mapping[str, str]) -> str:
    key = told.get("Key")
    name = f"{_glob(key, '[^&=]*', escapes=True)}=" if key else "[^&=]*="
    return quoted(f"(^|&){name}{_glob(told['Value'], '[^&]*', escapes=True)}(&|$)")


def _glob(pattern: str, any_text: str, *, escapes: bool = False) -> str:
    """A pattern with ``*`` and ``?`` as a regular expression for a part of a text; in a query a backslash escapes them."""
    parts = re.findall(r"\\[*?]|." if escapes else ".", pattern)
    return "".join({"*": any_text, "?": any_text.removesuffix("*")}.get(part) or re.escape(part[-1]) for part in parts)
