"""What the tasks of a service may do with AWS."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cfngen._frozen import dataclass
from cfngen.arns import ANY, wrong_arn
from cfngen.describe import Description, Finding
from cfngen.values import Arn

_PSEUDO = ("Partition", "Region", "AccountId")


@dataclass(frozen=True, kw_only=True)
class Statement(Description):
    """Rights of a service's tasks, as one statement of their role's policy; it takes effect with the stack's update.

    `actions` are as IAM writes them, such as ``s3:GetObject``. `resources` are ARNs that only the deployment knows, or
    texts in which ``${AWS::Partition}``, ``${AWS::Region}`` and ``${AWS::AccountId}`` stand for the account's own, as in
    ``arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:orders``. `reason` says why ``*`` is the resource of
    actions that know no other; it is written beside the role.
    """

    actions: tuple[str, ...]
    resources: tuple[str | Arn, ...]
    reason: str = ""

    def checks(self) -> Iterator[Finding]:
        if not self.actions:
            yield "actions", "at least one, such as 's3:GetObject'"
        for index, action in enumerate(self.actions):
            if not re.fullmatch(r"[a-z0-9-]+:[A-Za-z0-9]+\*?", action, re.ASCII):
                yield f"actions[{index}]", f"{action!r}: a service and one action, as in 's3:GetObject' or 's3:Get*'"
        if not self.resources:
            yield "resources", "at least one ARN"
        for index, resource in enumerate(self.resources):
            if isinstance(resource, str) and resource != "*" and (fits := _wrong(resource)):
                yield f"resources[{index}]", f"{resource!r:.80}: {fits}"
            elif isinstance(resource, Arn) and (fits := wrong_arn(resource, ANY)):
                yield f"resources[{index}]", f"{resource.data!r:.80}: {fits}"
        if ("*" in self.resources) != bool(self.reason):
            yield "reason", "why '*' is among resources; empty where it is not"
        elif not re.fullmatch(r"[ -~]{0,200}", self.reason):
            yield "reason", "at most 200 plain characters on one line"


def _wrong(resource: str) -> str:
    if not re.fullmatch(r"arn:\$\{AWS::Partition\}:[a-z0-9-]+:[^:\s]*(::[^:\s]*)?:\S+", resource, re.ASCII):
        return "an ARN that begins with arn:${AWS::Partition}: and a service, or '*' with a reason"
    if unknown := [
        name for name in re.findall(r"\$\{([^}]*)\}", resource) if name not in {f"AWS::{each}" for each in _PSEUDO}
    ]:
        return f"only {', '.join(f'${{AWS::{each}}}' for each in _PSEUDO)} stand for something; not ${{{unknown[0]}}}"
    if re.search(r"(?<!\d)\d{12}(?!\d)", resource):
        return (
            "${AWS::AccountId} instead of an account; for another account's, an Arn.parameter() that the deployer gives"
        )
    return ""
