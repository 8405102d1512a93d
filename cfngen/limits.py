"""The limits of AWS that bound the size of a stage, and the refusal of what passes one.

What cannot be raised is refused before a file is touched; what AWS can raise is kept to its default only where the
deployment itself would fail on it. docs/limits.md shows the table.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from cfngen._frozen import dataclass
from cfngen.errors import Problem


@dataclass(frozen=True)
class Limit:
    """One limit: how many of what, whether AWS raises it on request, and what to do when it is reached."""

    number: int
    what: str
    is_adjustable: bool
    way_out: str


SPLIT = (
    "let another cell take some of its services: a new one with a host of its own goes to the first cell with room, while "
    "those that exist stay where they were born"
)
_FEWER = "leave some of them out, or put them into a nested stack of their own"

RESOURCES = Limit(500, "resources a template", False, _FEWER)
TREE = Limit(2_500, "resources a root with all that it nests", False, SPLIT)
BYTES = Limit(1_000_000, "bytes a template", False, _FEWER)
PARAMETERS = Limit(200, "parameters a template", False, _FEWER)
OUTPUTS = Limit(200, "outputs a template", False, _FEWER)
MAPPINGS = Limit(200, "mappings a template", False, _FEWER)
DYNAMIC_REFERENCES = Limit(60, "dynamic references ({{resolve:...}}) a template", False, _FEWER)
DESCRIPTION = Limit(1_024, "bytes a template's description", False, "shorten it")
NAME = Limit(255, "characters the name of a resource, a parameter or an output", False, "shorten it")
VALUE = Limit(4_096, "bytes a parameter's value", False, "pass a part of it by another parameter")
TARGET_GROUPS = Limit(100, "target groups a load balancer", False, SPLIT)
RULES = Limit(100, "rules a load balancer, over all its listeners", True, SPLIT)
TARGETS = Limit(
    1_000,
    "targets a load balancer: the greatest number of tasks of each service, twice, since a release has both versions",
    True,
    "lower the greatest number of tasks (Scaling), ask AWS for more (Service Quotas), or " + SPLIT,
)
DATABASE_RULES = Limit(
    60,
    "inbound rules a security group: one on the database's for each task that opens it",
    True,
    "ask AWS for more (Service Quotas) before it is deployed, or let fewer tasks be readers and writers",
)
CALL_RULES = Limit(
    60,
    "inbound rules a security group: one on the internal balancer's for each task that calls and each range of addresses",
    True,
    "ask AWS for more (Service Quotas) before it is deployed, or let fewer tasks call",
)
INLINE_POLICIES = Limit(
    10_240,
    "characters the inline policies of a role, together",
    False,
    "move statements to a managed policy (policies=)",
)
DEPLOYMENT_ALARMS = Limit(10, "alarms a deployment group", False, "name fewer of them")

LIMITS = (
    RESOURCES, TREE, BYTES, PARAMETERS, OUTPUTS, MAPPINGS, DYNAMIC_REFERENCES, DESCRIPTION, NAME, VALUE,
    TARGET_GROUPS, RULES, TARGETS, DATABASE_RULES, CALL_RULES, INLINE_POLICIES, DEPLOYMENT_ALARMS,
)  # fmt: skip


_encode = json.JSONEncoder(separators=(",", ":")).encode


class Counted:
    """What a root and all that it nests have of what is limited, counted template by template."""

    def __init__(self) -> None:
        self._resources = self._balancers = self._target_groups = 0
        self._problems: dict[str, list[Problem]] = {}

    def add(self, file: str, body: Mapping[str, Any], text: str) -> None:
        """Count a template: its data, and the text that is written of it."""
        kinds = [resource["Type"] for resource in body["Resources"].values()]
        self._resources += len(kinds)
        self._balancers += kinds.count("AWS::ElasticLoadBalancingV2::LoadBalancer")
        self._target_groups += kinds.count("AWS::ElasticLoadBalancingV2::TargetGroup")
        if problems := list(_of_template(file, body, text)):
            self._problems[file] = problems

    def passed(self, root: str) -> Iterator[Problem]:
        """What passes a limit, when all were counted; `root` is the file of the tree's own, whose come first."""
        yield from self._problems.pop(root, ())
        for problems in self._problems.values():
            yield from problems
        yield from _over(root, self._resources, TREE)
        if (
            self._balancers == 1
        ):  # of several, the rules of each say enough: a service has as many of them as of groups, or more
            yield from _over(root, self._target_groups, TARGET_GROUPS)


def _of_template(file: str, body: Mapping[str, Any], text: str) -> Iterator[Problem]:
    for section, limit in (
        ("Resources", RESOURCES), ("Parameters", PARAMETERS), ("Outputs", OUTPUTS), ("Mappings", MAPPINGS)
    ):  # fmt: skip
        yield from _over(file, len(body.get(section, ())), limit)
        for name in body.get(section, ()):
            if len(name) > NAME.number:
                yield from _over(f"{file}: {name:.40}...", len(name), NAME)
    yield from _over(file, len(text.encode("utf-8", "surrogatepass")), BYTES)
    yield from _over(file, text.count("{{resolve:"), DYNAMIC_REFERENCES)
    yield from _over(file, len(str(body.get("Description", "")).encode("utf-8", "surrogatepass")), DESCRIPTION)
    for name, parameter in body.get("Parameters", {}).items():
        yield from _over(f"{file}: {name}", _bytes_of(parameter.get("Default", "")), VALUE)
    for name, resource in body["Resources"].items():
        yield from _of_resource(f"{file}: {name}", resource.get("Type"), resource.get("Properties", {}))


def _of_resource(place: str, kind: Any, properties: Any) -> Iterator[Problem]:
    match kind:
        case "AWS::IAM::Role":
            yield from _over(place, _characters(properties.get("Policies", [])), INLINE_POLICIES)
        case "AWS::CloudFormation::Stack":
            for name, value in properties.get("Parameters", {}).items():
                yield from _over(f"{place}, {name}", _bytes_of(value), VALUE)
        case "AWS::CodeDeploy::DeploymentGroup":
            alarms = properties.get("AlarmConfiguration", {}).get("Alarms", [])
            yield from _over(place, len(alarms) if isinstance(alarms, list) else 0, DEPLOYMENT_ALARMS)


def _characters(policies: Any) -> int:
    """The least that inline policies can have: IAM counts no white space, and what a reference stands for is not known."""
    given = policies if isinstance(policies, list) else []
    documents = [each["PolicyDocument"] for each in given if isinstance(each, dict) and "PolicyDocument" in each]
    if (most := _written(documents)) <= INLINE_POLICIES.number:  # so nobody need look for what is not known
        return most
    return sum(_written(_known(each)) for each in documents)


def _written(document: Any) -> int:
    return len(_encode(document))


def _known(node: Any) -> Any:
    """A document with nothing in the place of what only the deployment knows."""
    if isinstance(node, dict):
        if len(node) == 1 and next(iter(node)).startswith(("Ref", "Fn::")):
            return ""
        return {key: _known(part) for key, part in node.items()}
    return [_known(part) for part in node] if isinstance(node, list) else node


def _bytes_of(value: Any) -> int:
    return len(value.encode("utf-8", "surrogatepass")) if isinstance(value, str) else 0


def _over(place: str, number: int, limit: Limit) -> Iterator[Problem]:
    if number > limit.number:
        yield Problem(place, f"{number:,}", f"{limit.number:,} is the limit of {limit.what}; {limit.way_out}")
