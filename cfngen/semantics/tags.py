"""Tags of a stack on its resources: which property takes them, by the registry's own data, carried by cfn-lint."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from cfngen.semantics.account import Tags

_REGION = "us-east-1"  # has every type


def tagged(kind: str, properties: Any, tags: Tags) -> Any:
    """Properties of a resource with the tags of its stack; a tag of its own of the same key wins."""
    place = _place(kind) if tags and isinstance(properties, Mapping) else None
    if place is None:
        return properties
    name, is_map = place
    own = properties.get(name, {} if is_map else [])
    if is_map and isinstance(own, Mapping):
        return {**properties, name: {**{each["Key"]: each["Value"] for each in tags}, **own}}
    if not is_map and isinstance(own, list):
        known = {each.get("Key") for each in own}
        return {**properties, name: [*own, *(dict(each) for each in tags if each["Key"] not in known)]}
    return properties


@cache
def _place(kind: str) -> tuple[str, bool] | None:
    """The property for tags, and whether it is a map; None for a type that has none."""
    from cfnlint.schema import PROVIDER_SCHEMA_MANAGER, ResourceNotFoundError

    try:
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(_REGION, kind).schema
    except ResourceNotFoundError:
        return None
    told = schema.get("tagging", {"taggable": "Tags" in schema["properties"]})
    name = str(told.get("tagProperty", "/properties/Tags")).removeprefix("/properties/")
    if not told.get("taggable") or name not in schema["properties"]:
        return None
    return name, schema["properties"][name].get("type") == "object"
