"""Checks of what cfngen generated: cfn-lint, the shapes of files, agreement between them, judgement, limits.

A check is data (`Check`): an id, a sentence, a source, a level, and a function from a stage to what is wrong in
it. `CHECKS` has them all. They look at texts alone, so files that somebody edited are checked like fresh ones.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from cfngen.checks.agreement import AGREEMENT
from cfngen.checks.complete import COMPLETE
from cfngen.checks.finding import Check, Finding, Level, Place
from cfngen.checks.gather import generated, rendered
from cfngen.checks.judgement import JUDGEMENT
from cfngen.checks.limits import LIMITS
from cfngen.checks.lint import LINT, ahead, rule_ids
from cfngen.checks.shapes import SHAPES
from cfngen.checks.stage import Behind, Stage
from cfngen.errors import DescriptionError, Problem, did_you_mean

__all__ = [
    "CHECKS",
    "Behind",
    "Check",
    "Finding",
    "Level",
    "Place",
    "Stage",
    "check",
    "generated",
    "refuse_unknown",
    "rendered",
]

CHECKS: tuple[Check, ...] = (*COMPLETE, *LINT, *SHAPES, *AGREEMENT, *JUDGEMENT, *LIMITS)


def check(stages: Iterable[Stage], checks: Iterable[Check] = CHECKS, *, fresh: bool = False) -> list[Finding]:
    """Everything that the checks find, once each, in the order of files and lines.

    `fresh` asks cfn-lint again of what it has seen before.
    """
    every, looked_at = tuple(checks), tuple(stages)
    if set(LINT) & set(every):
        ahead(looked_at, fresh=fresh)
    return sorted({found for stage in looked_at for each in every for found in each.findings(stage)})


def refuse_unknown(allowed: Collection[str]) -> None:
    """Raise `DescriptionError` for what cannot be allowed: an error, or what no check is called."""
    levels = {each.id: each.level for each in CHECKS}
    if set(allowed) - set(levels):
        levels |= rule_ids()
    warnings = [name for name, level in levels.items() if level == "warning"]
    problems = []
    for name in allowed:
        if name not in levels:
            problems.append(Problem("--allow", repr(name), f"no check has this id; {did_you_mean(name, warnings)}"))
        elif levels[name] == "error":
            fits = "an error cannot be allowed, only a warning; for an error of cfn-lint see Metadata of the resource"
            problems.append(Problem("--allow", repr(name), fits))
    if problems:
        raise DescriptionError(problems)
