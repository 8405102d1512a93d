"""Patterns of listener rules, with ``*`` and ``?``: what they match, where they meet, which is more exact."""

from __future__ import annotations

import re
from fnmatch import translate
from functools import cache, lru_cache

from cfngen.spec.requests import wildcards


@cache
def precision(pattern: str) -> tuple[int, int]:
    """Greater is more exact: nothing, then a pattern by its letters, then a text by its length."""
    if not pattern:
        return (0, 0)
    return (1 if wildcards(pattern) else 2, len(pattern) - wildcards(pattern))


def glob(pattern: str, text: str) -> bool:
    """Whether a pattern matches a text."""
    begins = pattern.removesuffix("*")
    if not wildcards(begins):  # as with most
        return text.startswith(begins) if pattern.endswith("*") else text == pattern
    return _regex(pattern).match(text) is not None


@lru_cache(maxsize=1024)
def _regex(pattern: str) -> re.Pattern[str]:
    return re.compile(translate(pattern.replace("[", "[[]")))


def meet(one: str, other: str) -> bool:
    """Whether some text matches both patterns."""
    for index, (mine, theirs) in enumerate(zip(one, other, strict=False)):  # what two begin with in the same letters
        if mine in "*?" or theirs in "*?":
            return _meet(one[index:], other[index:])
        if mine != theirs:
            return False
    length = min(len(one), len(other))
    return _meet(one[length:], other[length:])


@lru_cache(maxsize=4096)
def _meet(one: str, other: str) -> bool:
    if not one or not other:
        return not (one + other).strip("*")
    if one[0] == "*":
        return _meet(one[1:], other) or _meet(one, other[1:])
    if other[0] == "*":
        return _meet(one, other[1:]) or _meet(one[1:], other)
    return (one[0] == other[0] or "?" in (one[0], other[0])) and _meet(one[1:], other[1:])
