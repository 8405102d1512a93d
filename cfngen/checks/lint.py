"""cfn-lint over the templates of a stage: every level, every region, across nested stacks.

What it found in a template is kept, so that it is imported only for what is new.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from cfngen.checks import kept
from cfngen.checks.finding import Check, Finding, Level
from cfngen.checks.stage import Stage
from cfngen.semantics.template import STACK

IGNORED = ("W3002",)
"""W3002 says of each relative TemplateURL that `aws cloudformation package` has to run, as it has (K1.2)."""
AT_ONCE = 20
"""From so many templates on, a second process costs less than it brings (speed.md, section 4)."""
_LEVELS: dict[str, Level] = {"error": "error", "warning": "warning", "informational": "info"}
_SHOWN = 8

# The linter logs what it finds odd about itself; its findings are what counts.
logging.getLogger("cfnlint").addHandler(logging.NullHandler())


class Job(NamedTuple):
    """One template to be linted: `key` names what is kept of it."""

    key: str
    folder: str
    file: str
    regions: tuple[str, ...]


class Found(NamedTuple):
    """One thing that the linter says of a template."""

    rule: str
    level: Level
    line: int
    path: str
    message: str


def lint(stage: Stage) -> Iterator[Finding]:
    """What cfn-lint finds; what it says of several regions in the same words is one finding."""
    for job in _jobs(stage):
        told = _kept(job.key)
        if told is None:
            told = _run(job)
            kept.keep(job.key, told)
            stage.tell(job.file)
        for each in told:
            yield Finding(each.rule, each.level, stage.shown(job.file), each.line, each.path, each.message)


def ahead(stages: Iterable[Stage], *, fresh: bool = False) -> None:
    """Have all templates of these stages linted, by several processes where there are many that are new.

    Afterwards `lint` finds what was kept; `fresh` does not ask for that. Tells each stage of its templates as they are done.
    """
    new: dict[str, tuple[Stage, Job]] = {}
    for stage in stages:
        for job in _jobs(stage):
            if job.key in new or (not fresh and _kept(job.key) is not None):
                stage.tell(job.file)
            else:
                new[job.key] = stage, job
    if not new:
        return
    for key, told in _each([job for _, job in new.values()]):
        kept.keep(key, told)
        _memory[key] = told
        stage, job = new[key]
        stage.tell(job.file)
    kept.tidy()


def rule_ids() -> dict[str, Level]:
    """The levels of cfn-lint's rules, by id."""
    key = kept.key("rules")
    found: dict[str, Level] | None = kept.read(key)
    if not isinstance(found, dict):
        found = {name: _LEVELS.get(rule.severity, "error") for name, rule in _rules().items()}
        kept.keep(key, found)
    return found


_memory: dict[str, list[Found]] = {}
"""What this process knows already, for whoever has no cache."""


def _kept(key: str) -> list[Found] | None:
    if key not in _memory:
        told = kept.read(key)
        try:
            _memory[key] = [Found(*each) for each in told]
        except TypeError:  # nothing, or what an interruption left
            return None
    return _memory[key]


def _jobs(stage: Stage) -> Iterator[Job]:
    for file in sorted(stage.templates):
        texts = {each: stage.texts[each] for each in _below(stage, file, {})}
        yield Job(kept.key(file, texts, stage.regions, IGNORED), str(stage.folder), file, tuple(stage.regions))


def _below(stage: Stage, file: str, seen: dict[str, None]) -> dict[str, None]:
    """A template and all that it nests: the linter looks into those, too."""
    if file in stage.templates and file not in seen:
        seen[file] = None
        for child in stage.templates[file].of_type(STACK):
            _below(stage, str(child.get("TemplateURL")), seen)
    return seen


def _each(jobs: Sequence[Job]) -> Iterator[tuple[str, list[Found]]]:
    """What is found by each, in whatever order."""
    many = min(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1, len(jobs))
    if len(jobs) < AT_ONCE or many < 2:
        yield from ((job.key, _run(job)) for job in jobs)
        return
    from concurrent.futures import ProcessPoolExecutor, as_completed
    from multiprocessing import active_children

    with ProcessPoolExecutor(many, initializer=_begin) as pool:
        try:
            for done in as_completed([pool.submit(_answer, job) for job in jobs]):
                yield done.result()
        except BaseException:  # an interruption above all
            pool.shutdown(wait=False, cancel_futures=True)
            for child in active_children():
                child.terminate()
            raise


def _begin() -> None:
    """A process that helps ends at once when it is interrupted; who asked it tells of that."""
    import gc
    import signal

    signal.signal(signal.SIGINT, signal.SIG_DFL)
    _rules()
    gc.freeze()  # schemas and rules stay; without this, each collection walks over them


def _answer(job: Job) -> tuple[str, list[Found]]:
    return job.key, _run(job)


def _run(job: Job) -> list[Found]:
    from cfnlint.runner import run_template_by_file_path

    config = _config(regions=list(job.regions), include_checks=["I"], ignore_checks=list(IGNORED))
    place = os.path.join(job.folder, job.file)  # noqa: PTH118  (the linter takes it as a text)
    found: dict[Found, list[str]] = {}
    for match in run_template_by_file_path(place, config, _rules(), ignore_bad_template=False):
        message, region = _without_region(str(match.message), job.regions)
        message = message.replace(f"{job.folder}{os.sep}", "")
        path = "/".join(map(str, getattr(match, "path", None) or ()))
        level = _LEVELS.get(match.rule.severity, "error")
        key = Found(match.rule.id, level, match.linenumber, path, _shortened(message))
        found.setdefault(key, []).extend(region)
    return [
        each._replace(message=each.message.replace(_REGION, ", ".join(dict.fromkeys(regions))))
        for each, regions in found.items()
    ]


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
def _rules() -> Mapping[str, Any]:
    """Every rule, made once a process: that takes longer than a small template."""
    from cfnlint.runner import Runner

    rules: Mapping[str, Any] = Runner(_config()).rules
    return rules


def _config(**settings: Any) -> Any:
    from cfnlint.config import ConfigMixIn

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
