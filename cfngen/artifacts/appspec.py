"""appspec.yaml: where and on what a release runs, beside its task definition."""

from __future__ import annotations

import json
from typing import get_args

from cfngen import placeholders as known
from cfngen.placeholders import of
from cfngen.spec import Release, Service
from cfngen.spec.release import SMOKE_TEST, HookEvent

# The new revision: A5.2. The strategy: A5.3.
_TEXT = """\
# Written by cfngen from {source}. Edit that file, then run: {command}
version: 0.0
Resources:
  - TargetService:
      Type: AWS::ECS::Service
      Properties:
        # The deploy action puts the new revision here.
        TaskDefinition: <TASK_DEFINITION>
        LoadBalancerInfo:
          ContainerName: {name}
          ContainerPort: {port}
        # Left out, tasks would move to plain FARGATE without a word.
        CapacityProviderStrategy:
{strategy}        NetworkConfiguration:
          AwsvpcConfiguration:
            Subnets: [{subnets}]
            SecurityGroups: [{group}]
            AssignPublicIp: {public}
"""

_WORDS = ("false", "n", "no", "null", "off", "on", "true", "y", "yes")  # which YAML takes for something else than texts


def appspec(service: Service, source: str, command: str = "make templates", *, has_public_tasks: bool = False) -> str:
    """The AppSpec of a service; its build fills in subnets and group, all of them, as they are at that time (A5.1)."""
    text = _TEXT.format(
        source=source,
        command=command,
        name=json.dumps(service.name) if service.name in _WORDS else service.name,
        port=service.port,
        subnets=of(known.SUBNETS),
        group=of(known.SECURITY_GROUP),
        strategy=_strategy(service.spot_percent),
        public="ENABLED" if has_public_tasks else "DISABLED",
    )
    return text + _hooks(service.release)


_PROVIDER = """\
          - CapacityProvider: {name}
            Base: {base}
            Weight: {weight}
"""


def _strategy(spot_percent: int) -> str:
    if not spot_percent:
        return _PROVIDER.format(name="FARGATE", base=0, weight=1)
    # The first task never runs where it may be taken away (G5.3).
    return _PROVIDER.format(name="FARGATE", base=1, weight=100 - spot_percent) + _PROVIDER.format(
        name="FARGATE_SPOT", base=0, weight=spot_percent
    )


def _hooks(release: Release) -> str:
    events = {*release.hooks, *([SMOKE_TEST] if release.smoke_test else [])}
    lines = [f"  - {event}: {of(known.hook(event))}\n" for event in get_args(HookEvent) if event in events]
    return "".join(("Hooks:\n", *lines)) if lines else ""
