"""The classes that people write a description with."""

from __future__ import annotations

from cfngen.describe import Description


def kinds(of: type[Description] = Description) -> list[type[Description]]:
    """All of cfngen's own that are not only there to be inherited from."""
    found = [kind for each in of.__subclasses__() for kind in (kinds(each) or [each])]
    return [each for each in found if each.__module__.startswith("cfngen.")]
