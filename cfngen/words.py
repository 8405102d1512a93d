"""Words of a command line that say two things, such as ``KEY=VALUE``."""

from __future__ import annotations

from collections.abc import Iterable

from cfngen.errors import DescriptionError, Problem


def pairs(option: str, words: Iterable[str]) -> dict[str, str]:
    """``KEY=VALUE`` words of an option; raises `DescriptionError` for all others at once."""
    found, problems = {}, []
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key:
            problems.append(Problem(option, repr(word), "KEY=VALUE, as in TestCidr=203.0.113.0/24"))
        found[key] = value
    if problems:
        raise DescriptionError(problems)
    return found
