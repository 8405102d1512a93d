"""A tree of template files made ready to be deployed: nested templates become objects, and their URLs are put in.

Only `TemplateURL`s of nested stacks change, as `aws cloudformation package` does (K1.2); every other byte of a file
stays, comments included. An object's key is the hash of its bytes, so that the same files give the same URLs, and a
stack of which nothing changed is no change.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from cfngen.errors import DescriptionError, Problem
from cfngen.operate.state import NESTED_STACK
from cfngen.semantics.document import UnreadableError, read_yaml

INLINE_BYTES = 51_200
"""The longest template that a call takes without a bucket (K1.6)."""
_REMOTE = ("http://", "https://", "s3://")
_NAMES = ("RoleName", "UserName", "GroupName", "ManagedPolicyName", "InstanceProfileName")


@dataclass(frozen=True)
class Template:
    """A template file. `children` are the nested ones that lie beside it, by logical id."""

    file: Path
    text: str
    body: Mapping[str, Any]
    children: Mapping[str, Template] = field(default_factory=dict)

    @property
    def parameters(self) -> Mapping[str, Mapping[str, Any]]:
        """The parameters that it declares."""
        return _mapping(self.body.get("Parameters"))

    @property
    def resources(self) -> Mapping[str, Mapping[str, Any]]:
        """Its own resources."""
        found = _mapping(self.body.get("Resources"))
        return {str(name): each for name, each in found.items() if isinstance(each, Mapping)}

    def at(self, path: str) -> Mapping[str, Mapping[str, Any]]:
        """The resources of the template at a place in the tree; none where there is no such template."""
        found: Template | None = self
        for name in filter(None, path.split("/")):
            found = found.children.get(name) if found else None
        return found.resources if found else {}

    def walk(self) -> Iterator[Template]:
        """This template and all below it."""
        yield self
        for child in self.children.values():
            yield from child.walk()


@dataclass(frozen=True)
class Package:
    """What is deployed: the root's text, and the objects that have to be in the bucket, by key."""

    text: str
    objects: Mapping[str, str]

    @property
    def needs_bucket(self) -> bool:
        """Nested templates, and long ones, are given to CloudFormation as objects of a bucket only."""
        return bool(self.objects) or self.is_long

    @property
    def is_long(self) -> bool:
        """Whether the root itself is too long for a call."""
        return len(self.text.encode()) > INLINE_BYTES

    def key(self, prefix: str) -> str:
        """The root's own name in the bucket."""
        return key_of(self.text, prefix)


def read_tree(root: Path) -> Template:
    """Read a template and all that it nests; raises `DescriptionError` for files that are missing or no templates."""
    return _read(root, ())


def packaged(root: Template, url: Callable[[str], str], prefix: str) -> Package:
    """Put the objects' URLs into the templates; `url` makes one of a key, below `prefix`."""
    objects: dict[str, str] = {}

    def written(template: Template) -> str:
        urls = {}
        for name, child in template.children.items():
            text = written(child)
            key = key_of(text, prefix)
            objects[key] = text
            urls[name] = url(key)
        return _with_urls(template.text, urls)

    return Package(written(root), objects)


def key_of(text: str, prefix: str) -> str:
    """The name of a template in the bucket."""
    return f"{prefix.strip('/')}/{hashlib.sha256(text.encode()).hexdigest()}.template".lstrip("/")


def capabilities(root: Template) -> tuple[str, ...]:
    """What the tree's root has to be given, and no more (K1.9)."""
    every = [resource for template in root.walk() for resource in template.resources.values()]
    iam = [each for each in every if str(each.get("Type", "")).startswith("AWS::IAM::")]
    needed = []
    if any(name in _mapping(each.get("Properties")) for each in iam for name in _NAMES):
        needed.append("CAPABILITY_NAMED_IAM")
    elif iam:
        needed.append("CAPABILITY_IAM")
    if any("Transform" in each.body for each in root.walk()) or any(
        "MODULE" in str(each.get("Type")) for each in every
    ):
        needed.append("CAPABILITY_AUTO_EXPAND")
    return tuple(needed)


def is_guarded(root: Template) -> bool:
    """Whether the description guards the stage from deletion: its balancer, or a database."""
    return any(_is_protected(each) for template in root.walk() for each in template.resources.values())


def _is_protected(resource: Mapping[str, Any]) -> bool:
    properties = _mapping(resource.get("Properties"))
    if resource.get("Type") in ("AWS::RDS::DBInstance", "AWS::RDS::DBCluster"):
        return properties.get("DeletionProtection") in (True, "true")
    attributes = properties.get("LoadBalancerAttributes")
    given = {each.get("Key"): each.get("Value") for each in attributes} if isinstance(attributes, list) else {}
    return given.get("deletion_protection.enabled") in (True, "true")


def _read(file: Path, above: tuple[Path, ...]) -> Template:
    if file in above:
        way = " -> ".join(each.name for each in (*above, file))
        raise DescriptionError([Problem("TemplateURL", "", f"a template cannot nest itself: {way}", str(file))])
    try:
        # Line ends stay as they are: what is uploaded are the file's own bytes.
        text = file.read_bytes().decode()
        body = read_yaml(text).data
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no UTF-8 text"
        place = f"{above[-1]}: TemplateURL {file.name}" if above else str(file)
        raise DescriptionError([Problem(place, "", f"cannot be read: {reason}; run cfngen generate again")]) from None
    except UnreadableError as error:
        fits = "restore it, or run cfngen generate again"
        raise DescriptionError([Problem("template", str(error), fits, str(file), error.line)]) from None
    if not isinstance(body, Mapping) or not isinstance(body.get("Resources"), Mapping):
        raise DescriptionError([Problem("template", "", "it has no Resources, so it is no template", str(file))])
    below = {
        name: _read(file.parent / place, (*above, file))
        for name, (place, _) in _nested(text).items()
        if _is_local(place)
    }
    return Template(file, text, body, below)


def _is_local(place: str) -> bool:
    return not place.startswith(_REMOTE)


def _with_urls(text: str, urls: Mapping[str, str]) -> str:
    """The text with other `TemplateURL`s; from the end, so that the places of those before stay right."""
    lines = text.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    spots = [(node, urls[name]) for name, (_, node) in _nested(text).items() if name in urls]
    for node, address in sorted(spots, key=lambda each: (-each[0].start_mark.line, -each[0].start_mark.column)):
        begin, end = (starts[mark.line] + mark.column for mark in (node.start_mark, node.end_mark))
        text = text[:begin] + (json.dumps(address) if node.style else address) + text[end:]
    return text


def _nested(text: str) -> dict[str, tuple[str, yaml.ScalarNode]]:
    """Where nested stacks say their template, and what; those that compute it are nobody's business."""
    node = yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    found = {}
    for name, resource in _entries(_entries(node).get("Resources")).items():
        parts = _entries(resource)
        kind, place = parts.get("Type"), _entries(parts.get("Properties")).get("TemplateURL")
        is_stack = isinstance(kind, yaml.ScalarNode) and kind.value == NESTED_STACK
        if is_stack and isinstance(place, yaml.ScalarNode) and not place.tag.startswith("!"):
            found[name] = (place.value, place)
    return found


def _entries(node: yaml.Node | None) -> dict[str, yaml.Node]:
    return {key.value: value for key, value in node.value} if isinstance(node, yaml.MappingNode) else {}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
