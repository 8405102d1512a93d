"""The application: everything that one stage of it consists of."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cfngen._frozen import dataclass
from cfngen.describe import Finding
from cfngen.spec.across_access import wrong_access
from cfngen.spec.across_hours import wrong_hours
from cfngen.spec.across_network import wrong_network
from cfngen.spec.across_tasks import wrong_tasks
from cfngen.spec.app_parts import SERVICES_OF_A_BALANCER, AppParts
from cfngen.spec.service import wrong_maintenance

_RETENTION_DAYS = (
    1,
    3,
    5,
    7,
    14,
    30,
    60,
    90,
    120,
    150,
    180,
    365,
    400,
    545,
    731,
    1096,
    1827,
    2192,
    2557,
    2922,
    3288,
    3653,
)  # L2.1
_STACKS = (
    "foundation",
    "network",
    "ide",
    "database",
    "cluster",
    "internal",
    "redirect",
    "web-acl",
    "pipeline",
    "watch",
)
_STACKS_OF_TASKS = ("service-", "pipeline-", "worker-", "queue-", "scheduled-")
OWN_TAGS = 45


@dataclass(frozen=True, kw_only=True)
class App(AppParts):
    """One stage of an application. Further stages are this one with fields replaced (`dataclasses.replace`).

    `own_key_for` names what a key of the application encrypts beside the alert topic; AWS's keys encrypt the
    rest. `permissions_boundary` puts the policy of the root parameter PermissionsBoundaryArn on every role.
    `workers` are tasks that nobody calls, `scheduled_tasks` those that start at given times; all names of services,
    workers and scheduled tasks are different.
    `maintenance` is what users of every service read instead of it, with status 503, but for internal ones; see `Service`.
    `monthly_budget_usd` is what the stage may cost in a month: the alert topic is told at 80 and 100 % of it, and when the
    month is forecast to pass it. Costs are counted by the tags Application and Stage, which somebody activates in Billing first.
    Of more than 45 services, which is what one balancer carries, those with hosts of their own go to cells: further roots with a
    balancer each, of at most `services_per_cell` services. A service stays in the cell that it was born in.
    `cloud9` adds an IDE, for accounts that still may use Cloud9 (O1).
    """

    def checks(self) -> Iterator[Finding]:
        for option, longest in (("name", 24), ("stage", 16)):
            text = getattr(self, option)
            if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", text, re.ASCII) or len(text) > longest:
                yield (
                    option,
                    f"lower-case letters, digits and single hyphens, beginning with a letter, at most {longest}",
                )
        if self.name in _STACKS or self.name.startswith(_STACKS_OF_TASKS):
            yield "name", f"another name; {self.name!r} is what one of the stages' stacks is called"
        if re.search(r"(^|-)cell-\d+$", self.stage):
            yield "stage", f"another name; {self.stage!r} ends as the name of a cell's stack does"
        if self.log_retention_days not in _RETENTION_DAYS:
            yield "log_retention_days", f"one of {', '.join(map(str, _RETENTION_DAYS))}"
        if self.alarm_email is not None and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", self.alarm_email, re.ASCII):
            yield "alarm_email", "an e-mail address"
        if self.monthly_budget_usd is not None and not 1 <= self.monthly_budget_usd <= 1_000_000_000:
            yield "monthly_budget_usd", "whole US dollars, 1 to 1000000000, or None"
        if fits := wrong_maintenance(self.maintenance):
            yield "maintenance", fits
        if not 1 <= self.services_per_cell <= SERVICES_OF_A_BALANCER:
            yield "services_per_cell", f"1 to {SERVICES_OF_A_BALANCER}, which is what one balancer carries"  # A6.14
        yield from _tags(self)
        yield from wrong_tasks(self)
        yield from wrong_access(self)
        yield from wrong_hours(self)
        yield from wrong_network(self)


def _tags(app: App) -> Iterator[Finding]:
    if len(app.tags) > OWN_TAGS:
        given = f"{len(app.tags)} of them"
        yield "tags", f"{given}; at most {OWN_TAGS}, since a resource takes 50 and cfngen has some of its own"
    for index, key in enumerate(app.tags):
        if (
            key.lower().startswith("aws:")
            or key.lower() in ("application", "stage", "name")
            or not re.fullmatch(r"[\w .:/=+@-]{1,128}", key, re.ASCII)
        ):
            yield f"tags[{key!r}]", "another key; Application, Stage and Name are cfngen's, and aws: is AWS's"
        elif twins := [other for other in list(app.tags)[:index] if other.lower() == key.lower()]:
            yield f"tags[{key!r}]", f"another key; IAM takes it for the same as {twins[0]!r}"
    for key, value in app.tags.items():
        if not re.fullmatch(r"[\w .:/=+@-]{0,256}", value):
            yield (
                f"tags[{key!r}]",
                "at most 256 letters, digits, spaces and the characters _ . : / = + @ -",
            )
