"""The regions that a target can play."""

from __future__ import annotations

from functools import cache


@cache
def regions() -> frozenset[str]:
    """The regions that have CloudFormation, as botocore knows them."""
    import botocore.session

    return frozenset(botocore.session.get_session().get_available_regions("cloudformation"))
