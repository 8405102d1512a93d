"""One option after another is changed on a stage that stands: exactly the resources move whose values differ.

Which those are says `resolve.differing`, which resolves templates by itself and shares no code with the engine.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from deployed_types import unseen
from resolve import Rendering, differing, rendered
from shells import REGION, fresh
from test_local_everything import Deployment, resources
from test_write_once import CASES, REFUSED, born, within

from cfngen import Balancer, Database, Network, Pipeline, Service
from cfngen.local.changes import Paper
from cfngen.local.provider import LocalProvider
from cfngen.local.server import pseudo_parameters
from cfngen.local.types import TYPES
from cfngen.semantics.template import STACK, read_template
from cfngen.semantics.update import Engine, Event, Resource, StackState

pytestmark = pytest.mark.filterwarnings("ignore")  # moto's
BASE = within(born(Service))
CHANGED = [
    pytest.param(kind, option, value, id=f"{kind.__name__}.{option} {value!r}"[:60])
    for kind, option, value in CASES
    if within(born(kind)) == BASE and f"{kind.__name__}.{option} {value!r}" not in REFUSED
]
WRITTEN = {
    (Network, "nat"),
    (Balancer, "access_logs"),
    (Database, "backup_days"),
    (Pipeline, "approval"),
    (Service, "paths"),
}


class Glance(Paper):
    """Paper on which what stands is read once: nothing is written meanwhile."""

    def __init__(self, provider: LocalProvider) -> None:
        super().__init__(provider)
        self.seen: dict[tuple[str, str, str], Any] = {}

    def attribute(self, resource: Resource, name: str) -> Any:
        place = (resource.kind, resource.physical, name)
        if place not in self.seen:
            self.seen[place] = super().attribute(resource, name)
        return self.seen[place]


class Stage:
    """The stage with every option at its first value, as it stands."""

    def __init__(self) -> None:
        target = fresh("http://localhost:1")
        provider = target.region(REGION).front.api.provider
        assert isinstance(provider, LocalProvider)
        self.before = rendered(BASE)
        self.deployment = Deployment(provider, dict(self.before.files), "shop", [])
        made = self.deployment.create(self.before.tree.root)
        assert made.stack, made.reason
        self.stack = made.stack
        self.glance = Glance(provider)

    def update(self, after: Rendering, on: Callable[[LocalProvider], Any]) -> tuple[StackState | None, set[str]]:
        """Where an update to another rendering ends, and the places that it writes, ``file/LogicalId``."""
        events: list[Event] = []
        deployment = self.deployment
        deployment.files = dict(after.files)
        engine = Engine(
            on(deployment.provider),
            lambda url: read_template(after.files[url]),
            pseudo_parameters(REGION),
            observe=events.append,
        )
        template = read_template(after.files[after.tree.root])
        given = {
            name: "blue" if name.endswith("Live") else deployment.value(name)
            for name, each in template.section("Parameters").items()
            if "Default" not in each and name not in self.stack.parameters
        }
        outcome = engine.update(self.stack, template, given)
        assert outcome.status == "UPDATE_COMPLETE", outcome.reason
        files = {**_files(self.before.files, self.before.tree.root), **_files(after.files, after.tree.root)}
        moved = {
            f"{files[each.resource.stack.partition('/')[2]]}/{each.resource.name}"
            for each in events
            if each.resource.kind in TYPES
        }
        return outcome.stack, moved


def _files(files: Mapping[str, str], root: str) -> dict[str, str]:
    """The file of each stack, by its logical id; the root's is empty."""
    nested = {
        name: posixpath.normpath(each["Properties"]["TemplateURL"])
        for name, each in read_template(files[root]).resources.items()
        if each["Type"] == STACK
    }
    return {"": root, **nested}


def written(before: Rendering, after: Rendering) -> set[str]:
    """The places of resources that come, go or have other properties; another policy alone writes nothing."""
    old, new = before.tree.resources, after.tree.resources
    places = differing(before.tree, after.tree)
    both = {place for place in places if place in old and place in new}
    return places - {place for place in both if old[place].get("Properties") == new[place].get("Properties")}


@pytest.fixture(scope="module")
def stage() -> Stage:
    return Stage()


def _changed(stage: Stage, kind: type, option: str, value: Any) -> Rendering:
    return rendered(within(replace(born(kind), **{option: value})), stage.before.ledger)


@pytest.mark.parametrize(("kind", "option", "value"), CHANGED)
def test_exactly_what_differs_would_be_written(stage: Stage, kind: type, option: str, value: Any) -> None:
    after = _changed(stage, kind, option, value)
    assert stage.update(after, lambda _: stage.glance)[1] == written(stage.before, after)


def test_and_is_written(stage: Stage) -> None:
    """One option of each part, one after the other on what stands; at last everything is as it was."""
    chosen = {
        kind: (option, value)
        for kind, option, value in CASES
        if (kind, option) in WRITTEN and f"{kind.__name__}.{option} {value!r}" not in REFUSED
    }
    assert len(chosen) == len(WRITTEN)
    for kind, (option, value) in chosen.items():
        after = _changed(stage, kind, option, value)
        stack, moved = stage.update(after, lambda provider: provider)
        assert moved == written(stage.before, after), kind
        assert stack
        provider = stage.deployment.provider
        assert [line for each in resources(stack) for line in unseen(provider, each)] == []
        stage.stack, stage.before = stack, after
