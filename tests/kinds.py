"""The classes that people write a description with."""

from __future__ import annotations

import re

from cfngen.describe import Description

PYTHON = re.compile(
    r"\b(?:True|False|None|tuple|dict|Traceback)\b|\b[A-Za-z_]+=(?!\d)|\b[A-Z]\w+\(|\(\)|\('[^']*',|\.parameter\b|<class| object at "
)
"""What Python alone says; no error of a description in YAML has it."""


def kinds(of: type[Description] = Description) -> list[type[Description]]:
    """All of cfngen's own that are not only there to be inherited from."""
    found = [kind for each in of.__subclasses__() for kind in (kinds(each) or [each])]
    return [each for each in found if each.__module__.startswith("cfngen.")]
