"""JSON as people read it, two spaces for each level: the text of ``json.dumps(item, indent=2)``, which Python makes slowly."""

from __future__ import annotations

from collections.abc import Callable
from json import dumps
from json.encoder import encode_basestring, encode_basestring_ascii
from typing import Any


def pretty(item: Any, *, ensure_ascii: bool = True, end: str = "") -> str:
    """The text of what consists of dictionaries with texts as keys, lists, tuples, and what else `json` writes; then `end`."""
    out: list[str] = []
    _put(out, item, "\n", encode_basestring_ascii if ensure_ascii else encode_basestring)
    out.append(end)
    return "".join(out)


def _put(out: list[str], item: Any, line: str, quoted: Callable[[str], str]) -> None:
    """Append an item; `line` begins a line of the level on which it is."""
    if isinstance(item, str):
        out.append(quoted(item))
    elif isinstance(item, dict) and item:
        lead = f"{{{line}  "
        for key, part in item.items():
            out.append(f"{lead}{quoted(key)}: ")
            _put(out, part, f"{line}  ", quoted)
            lead = f",{line}  "
        out.append(f"{line}}}")
    elif isinstance(item, list | tuple) and item:
        lead = f"[{line}  "
        for part in item:
            out.append(lead)
            _put(out, part, f"{line}  ", quoted)
            lead = f",{line}  "
        out.append(f"{line}]")
    else:
        out.append(dumps(item))
