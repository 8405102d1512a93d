"""What AWS WAF looks for in requests, by rules that AWS keeps."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import Literal

from cfngen._frozen import dataclass
from cfngen.describe import Description, Finding
from cfngen.errors import did_you_mean

RULE_GROUPS = (
    "AWSManagedRulesAmazonIpReputationList",
    "AWSManagedRulesKnownBadInputsRuleSet",
    "AWSManagedRulesCommonRuleSet",
    "AWSManagedRulesSQLiRuleSet",
)
_LEAST_REQUESTS, _MOST_REQUESTS = 10, 2_000_000_000
_MOST_OVERRIDES = 100


@dataclass(frozen=True, kw_only=True)
class ManagedRules(Description):
    """A web ACL of the stage's own, with rule groups that AWS keeps: AWSManagedRulesAmazonIpReputationList,
    AWSManagedRulesKnownBadInputsRuleSet, AWSManagedRulesCommonRuleSet and, with a database, AWSManagedRulesSQLiRuleSet (H19).

    `action` is what is done with what they find: refused with 403, or with ``count`` only counted and written to the log; begin with
    that, and block once the log shows no visitor of yours.
    `counted_rules` are rules that always only count, by their group, as in
    ``{"AWSManagedRulesCommonRuleSet": ("SizeRestrictions_BODY",)}``, without which no body above 8 KiB comes through.
    `requests_per_5_minutes` is how many one address may send in that time before it gets 429, or is counted.
    """

    action: Literal["block", "count"] = "block"
    counted_rules: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    requests_per_5_minutes: int | None = None

    def checks(self) -> Iterator[Finding]:
        for group, rules in self.counted_rules.items():
            if group not in RULE_GROUPS:
                yield f"counted_rules[{group!r}]", f"a rule group that is used; {did_you_mean(group, RULE_GROUPS)}"
            elif not rules or len(rules) > _MOST_OVERRIDES or len(set(rules)) < len(rules):
                yield f"counted_rules[{group!r}]", f"1 to {_MOST_OVERRIDES} names of rules, each once"
            elif wrong := [rule for rule in rules if not re.fullmatch(r"[\w-]{1,128}", rule, re.ASCII)]:
                yield f"counted_rules[{group!r}]", f"{wrong[0]!r}: the name of a rule, as in 'SizeRestrictions_BODY'"
        limit = self.requests_per_5_minutes
        if limit is not None and not _LEAST_REQUESTS <= limit <= _MOST_REQUESTS:
            yield "requests_per_5_minutes", f"{_LEAST_REQUESTS} to {_MOST_REQUESTS}, or None"
