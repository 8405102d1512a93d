"""What the classes say of their options, for the schema and the page of options."""

from __future__ import annotations

import re
from functools import cache
from inspect import getdoc


@cache
def documentation(cls: type) -> str:
    """What a class says of itself, without references to the facts."""
    return re.sub(r" \([A-Z]\d+(\.\d+)*\)", "", getdoc(cls) or "")


def summary(cls: type) -> str:
    """The first sentence of a class's documentation."""
    return " ".join(documentation(cls).partition("\n\n")[0].split())


def said(cls: type, option: str) -> str:
    """The sentences of a class's documentation that speak of an option; empty where none does."""
    sentences = re.split(r"(?<=\.) (?=[A-Z`])", " ".join(documentation(cls).split()))
    return " ".join(each for each in sentences if f"`{option}`" in each)
