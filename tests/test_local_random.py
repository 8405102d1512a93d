"""Random small trees, updated at random: what stands afterwards is what a deployment from nothing would have made.

Updates fail as often as they work, at random places; after a failure the tree is as it was. Resources are real ones of
the local target (queues, topics, parameters), so that what is compared is what the services' own calls tell.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cfngen.local.provider import LocalProvider
from cfngen.local.server import pseudo_parameters
from cfngen.local.target import Target, take_process
from cfngen.semantics.records import Readings
from cfngen.semantics.template import Template
from cfngen.semantics.update import Engine, Resource, StackState

REGION = "eu-west-1"
NAMES = ("A", "B", "C", "D")

pytestmark = pytest.mark.filterwarnings("ignore")  # moto's


def queue(draw: st.DrawFn, earlier: list[str]) -> dict[str, Any]:
    properties: dict[str, Any] = {"VisibilityTimeout": draw(st.integers(1, 3))}
    if draw(st.booleans()):
        properties["DelaySeconds"] = draw(st.integers(1, 3))
    return {"Type": "AWS::SQS::Queue", "Properties": properties}


def topic(draw: st.DrawFn, earlier: list[str]) -> dict[str, Any]:
    shown = {"Ref": draw(st.sampled_from(earlier))} if earlier and draw(st.booleans()) else draw(st.sampled_from("xy"))
    return {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": {"Fn::Sub": ["${V}", {"V": shown}]}}}


def parameter(draw: st.DrawFn, earlier: list[str]) -> dict[str, Any]:
    # The type is create-only: another one replaces.
    value = {"Fn::Join": [",", [{"Ref": each} for each in earlier]]} if earlier else draw(st.sampled_from("xy"))
    kind = draw(st.sampled_from(("String", "StringList")))
    return {"Type": "AWS::SSM::Parameter", "Properties": {"Type": kind, "Value": value}}


def bad(_: st.DrawFn, earlier: list[str]) -> dict[str, Any]:
    return {"Type": "AWS::SNS::Topic", "Properties": {"Colour": "green"}, "DependsOn": earlier}


@st.composite
def stacks(draw: st.DrawFn, depth: int = 0) -> dict[str, Any]:
    """A template, with the templates that it nests where their URLs would be."""
    made: dict[str, Any] = {}
    kinds = [queue, topic, parameter, queue, topic, parameter, bad]
    for name in draw(st.lists(st.sampled_from(NAMES), min_size=1, unique=True)):
        if depth < 2 and draw(st.integers(0, 3)) == 0:
            inside = draw(stacks(depth + 1))
            made[f"N{name}"] = {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": inside}}
        else:
            # A logical id keeps its type, which no update may change.
            kind = draw(st.sampled_from(kinds))
            made[f"{kind.__name__.title()}{name}"] = kind(draw, [each for each in made if not each.startswith("N")])
    outputs = {f"Of{name}": {"Value": {"Ref": name}} for name in made if not name.startswith("N")}
    return {"Resources": made, "Outputs": outputs}


def urls(body: Any, files: dict[str, Template]) -> Template:
    """Nested templates as files that URLs name."""
    resources = {}
    for name, each in body["Resources"].items():
        if each["Type"] == "AWS::CloudFormation::Stack":
            inside = urls(each["Properties"]["TemplateURL"], files)
            url = json.dumps(inside.body, sort_keys=True)
            files[url] = inside
            resources[name] = {**each, "Properties": {"TemplateURL": url}}
        else:
            resources[name] = each
    return Template({**body, "Resources": resources})


def is_bad(body: Any) -> bool:
    return '"Colour"' in json.dumps(body)


class Services:
    """What the services' own list calls tell of everything that there is."""

    def __init__(self, provider: LocalProvider) -> None:
        self.call = provider.services.call

    def ids(self) -> set[str]:
        queues = self.call("sqs", "ListQueues", {}).get("QueueUrls", [])
        topics = self.call("sns", "ListTopics", {})["Topics"]
        parameters = self.call("ssm", "DescribeParameters", {"MaxResults": 50})["Parameters"]
        return {*queues, *(each["TopicArn"] for each in topics), *(each["Name"] for each in parameters)}


def told(provider: LocalProvider, stack: StackState | None) -> dict[str, str]:
    """Each place with what describes it, with names of places for ids that every deployment makes anew."""
    found = {}
    names = {each.physical: each.place for each in stack.walk()} if stack else {}
    for each in resources(stack):
        text = json.dumps(stable(provider.described(each)), sort_keys=True, default=str)
        for physical in sorted(names, key=len, reverse=True):
            for form in (physical, physical.rpartition("/")[2], physical.rpartition(":")[2]):
                text = text.replace(form, names[physical])
        found[each.place] = text
    return found


def stable(value: Any) -> Any:
    """Without times, and without how often something was written."""
    if isinstance(value, Mapping):
        moving = ("Timestamp", "Date", "Version")
        return {key: stable(part) for key, part in value.items() if not key.endswith(moving)}
    return [stable(each) for each in value] if isinstance(value, list) else value


def resources(stack: StackState | None) -> Iterator[Resource]:
    if stack:
        yield from (each for each in stack.walk() if each.kind != "AWS::CloudFormation::Stack")


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    first=stacks().filter(lambda body: not is_bad(body)),
    more=st.lists(stacks(), min_size=1, max_size=4),
    is_abreast=st.booleans(),
)
def test_after_any_updates_what_stands_is_what_a_new_deployment_makes(
    first: Any, more: list[Any], *, is_abreast: bool
) -> None:
    take_process()
    provider = Target("http://localhost:1", REGION).region(REGION).front.api.provider
    assert isinstance(provider, LocalProvider)
    services, files = Services(provider), dict[str, Template]()
    before = services.ids()
    engine = Engine(provider, files.__getitem__, pseudo_parameters(REGION), Readings(is_abreast=is_abreast))

    stack = engine.create("t", urls(first, files), {}).stack
    good = first
    assert stack
    for body in more:
        outcome = engine.update(stack, urls(body, files), {})
        assert outcome.status == ("UPDATE_ROLLBACK_COMPLETE" if is_bad(body) else "UPDATE_COMPLETE"), outcome.reason
        assert outcome.stack
        assert outcome.left == ()
        stack, good = outcome.stack, good if is_bad(body) else body
    assert services.ids() - before == {each.physical for each in resources(stack)}
    updated, outputs = told(provider, stack), set(stack.outputs)
    assert engine.delete(stack).status == "DELETE_COMPLETE"
    assert services.ids() == before

    fresh = engine.create("t", urls(good, files), {}).stack
    assert fresh
    assert told(provider, fresh) == updated
    assert set(fresh.outputs) == outputs
    assert engine.delete(fresh).status == "DELETE_COMPLETE"
