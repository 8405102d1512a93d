"""Notices: an event that somebody should read, sent to the alert topic in a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from awacs import kms as kms_actions
from awacs import sns as sns_actions
from troposphere import GetAtt, events

from cfngen.stack import Stack
from cfngen.stacks.common import Common, allow, from_this_account, only_kms_via, role, trust
from cfngen.stacks.foundation import FoundationOutputs


def notice(
    stack: Stack,
    name: str,
    common: Common,
    foundation: FoundationOutputs,
    *,
    description: str,
    pattern: Mapping[str, Any],
    paths: Mapping[str, str],
    message: str,
) -> events.Rule:
    """Send `message` for each event that matches; ``<word>`` in it is replaced by what `paths` points to."""
    made = role(
        stack,
        f"{name}Role",
        common,
        trust("events", from_this_account()),
        [
            allow([sns_actions.Publish], foundation.alerts),
            allow([kms_actions.Decrypt, kms_actions.GenerateDataKey], foundation.key, only_kms_via("sns")),
        ],
    )
    return stack.add(
        events.Rule(
            f"{name}Notice",
            Description=description,
            EventPattern=dict(pattern),
            Targets=[
                events.Target(
                    Id="alerts",
                    Arn=foundation.alerts,
                    RoleArn=GetAtt(made, "Arn"),
                    InputTransformer=events.InputTransformer(InputPathsMap=dict(paths), InputTemplate=f'"{message}"'),
                )
            ],
        )
    )
