"""What an unquoted word of YAML is, where all readers agree, and a lesson where they do not.

YAML 1.1 (PyYAML, most editors of old) and YAML 1.2 (yaml-language-server, Go's and JavaScript's readers) read some words
differently: ``no``, ``on``, ``0755``, ``22:22``, ``1_000``, dates. cfngen takes no side; it asks for quotes.
"""

from __future__ import annotations

import re
from functools import lru_cache

from cfngen._frozen import dataclass

_NULL = {"", "~", "null", "Null", "NULL"}
_TRUE, _FALSE = {"true", "True", "TRUE"}, {"false", "False", "FALSE"}
_YES, _NO = {"yes", "on", "y"}, {"no", "off", "n"}
_INT = re.compile(r"[-+]?(0|[1-9][0-9]*)", re.ASCII)
_FLOAT = re.compile(r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+)", re.ASCII)
_TRAPS = (
    (re.compile(r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?", re.ASCII), "a number to the base of sixty"),
    (re.compile(r"[-+]?0[0-7_]+", re.ASCII), "an octal number"),
    (re.compile(r"[-+]?0[0-9]+", re.ASCII), "a number without its noughts"),
    (re.compile(r"[-+]?0(o[0-7]+|x[0-9a-fA-F_]+|b[01_]+)", re.ASCII), "a number to another base"),
    (re.compile(r"[-+]?([0-9][0-9_]*\.?[0-9_]*|\.[0-9_]+)([eE][-+]?[0-9]+)?", re.ASCII), "a number"),
    (re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", re.ASCII), "no finite number"),
    (re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt \t].*)?", re.ASCII), "a date"),
    (re.compile(r"=", re.ASCII), "a default key"),
)


@dataclass(frozen=True)
class Meaning:
    """`kind` is text, whole, number, bool, null or trap; `value` what it says, `readings` how readers of a trap differ."""

    kind: str
    value: str | int | float | bool | None = None
    readings: str = ""


@lru_cache(maxsize=4096)
def meaning(text: str) -> Meaning:  # noqa: PLR0911  (one line a kind of word)
    """What an unquoted word is."""
    if text in _NULL:
        return Meaning("null")
    if text in _TRUE | _FALSE:
        return Meaning("bool", value=text in _TRUE)
    if text.lower() in _YES | _NO:
        word = "true" if text.lower() in _YES else "false"
        return Meaning("trap", word == "true", f"YAML 1.1 reads {text} as {word}, YAML 1.2 as text")
    if _INT.fullmatch(text):
        return Meaning("whole", int(text) if len(text) < 20 else 10**20)
    if _FLOAT.fullmatch(text):
        return Meaning("number", float(text))
    for pattern, what in _TRAPS:
        if pattern.fullmatch(text):
            return Meaning("trap", None, f"YAML readers differ on {text}, which some take for {what}")
    return Meaning("text", text)


def is_text(word: str) -> bool:
    """Whether a word without quotes is text for every reader, as far as its first and last character let it be."""
    return meaning(word).kind == "text"
