"""cfn-lint over the templates of a stage: every level, every region, across nested stacks."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from cfnlint.config import ConfigMixIn
from cfnlint.runner import Runner, run_template_by_file_path

from cfngen.checks.finding import Check, Finding, Level
from cfngen.checks.stage import Stage

IGNORED = ("W3002",)
"""W3002 says of each relative TemplateURL that `aws cloudformation package` has to run, as it has (K1.2)."""
_LEVELS: dict[str, Level] = {"error": "error", "warning": "warning", "informational": "info"}
_SHOWN = 8
_Key = tuple[str, Level, str, int, str, str]

# The linter logs what it finds odd about itself; its findings are what counts.
logging.getLogger("cfnlint").addHandler(logging.NullHandler())


def lint(stage: Stage) -> Iterator[Finding]:
    """What cfn-lint finds; what it says of several regions in the same words is one finding."""
    config, rules = _config(regions=list(stage.regions), include_checks=["I"], ignore_checks=list(IGNORED)), _rules()
    for file in sorted(stage.templates):
        found: dict[_Key, list[str]] = {}
        for match in run_template_by_file_path(str(stage.folder / file), config, rules, ignore_bad_template=False):
            message, region = _without_region(str(match.message), stage.regions)
            message = message.replace(f"{stage.folder}{os.sep}", "")
            path = "/".join(map(str, getattr(match, "path", None) or ()))
            level = _LEVELS.get(match.rule.severity, "error")
            key = (match.rule.id, level, stage.shown(file), match.linenumber, path, _shortened(message))
            found.setdefault(key, []).extend(region)
        for (rule, level, shown, line, path, message), regions in found.items():
            yield Finding(rule, level, shown, line, path, message.replace(_REGION, ", ".join(dict.fromkeys(regions))))
        stage.tell(file)


def rule_ids() -> dict[str, Level]:
    """The levels of cfn-lint's rules, by id."""
    return {name: _LEVELS.get(rule.severity, "error") for name, rule in _rules().items()}


_REGION = "\0"


def _without_region(message: str, regions: Sequence[str]) -> tuple[str, list[str]]:
    """The message with a mark in place of the region that it names, and that region."""
    for region in regions:
        if re.search(rf"(?<![\w-])'?{region}'?(?![\w-])", message):
            return re.sub(rf"(?<![\w-])'?{region}'?(?![\w-])", _REGION, message), [region]
    return message, []


def _shortened(message: str) -> str:
    """The message without all but the first of a long list, which differ by region and help nobody."""
    return re.sub(r"\[([^][]*)\]", _few, message)


def _few(match: re.Match[str]) -> str:
    entries = match[1].split(", ")
    return match[0] if len(entries) <= _SHOWN else f"[{', '.join(entries[:3])}, ...]"


@lru_cache(maxsize=1)
def _rules() -> Any:
    """Every rule, made once a process: that takes longer than a small template."""
    return Runner(_config()).rules


def _config(**settings: Any) -> Any:
    # A .cfnlintrc of the user's home or project would make the findings another machine's.
    return ConfigMixIn(["--config-file", os.devnull], **settings)


LINT = (
    Check(
        "C100",
        "cfn-lint finds nothing in the templates, in any region of the source's list (its own rule is named)",
        "statement 2, appendix 3",
        "error",
        lint,
    ),
)
