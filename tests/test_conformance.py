"""Every test of the conformance list says where AWS documents what it expects; `pytest --golden` rewrites docs/conformance.md."""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from conformance import SOURCES, Area

PAGE = Path(__file__).parent.parent / "docs" / "conformance.md"
LIST = ("test_local_api", "test_local_lifecycle", "test_local_abreast")
"""All of their tests belong to the list, but for those of `OWN`."""
MORE = ("test_semantics",)
OWN = {
    "test_a_defect_is_told_as_one",
    "test_one_after_another_nothing_begins_before_its_turn",
    "test_the_same_stack_is_always_played_the_same_way",
    "test_what_is_not_rolled_back_on_aws_is_refused_here",
    "test_what_only_aws_reads_is_refused_by_name",
    "test_what_this_target_does_not_have_says_so",
}
"""What they say of this target alone, of which AWS has no page."""
HEAD = """\
# What the local CloudFormation is held to

Written from the tests by `pytest --golden tests/test_conformance.py`: each row is a test, with the pages of AWS's documentation that
say what it expects; where those are silent, with stacks of public record. The tests run against the [local AWS](local.md). None
was run against an account, so a row proves that cfngen does what AWS documents, and not that AWS does.
"""


def each_test(*modules: str) -> Iterator[tuple[str, str, Any]]:
    for module in modules:
        for name, test in vars(importlib.import_module(module)).items():
            if name.startswith("test_") and test.__module__ == module:
                yield module, name, test


def marked() -> Iterator[tuple[str, tuple[str, ...], str, str]]:
    for module, name, test in each_test(*LIST, *MORE):
        if found := test.__dict__.get("conforms"):
            yield *found, module, name


def page() -> str:
    lines = [HEAD]
    rows = list(marked())
    for area in get_args(Area):
        lines += [f"## {area.capitalize()}", "", "| expected | by | in |", "|---|---|---|"]
        for of, sources, module, name in rows:
            if of == area:
                links = ", ".join(f"[{each}]" for each in sources)
                lines.append(f"| {name.removeprefix('test_').replace('_', ' ')} | {links} | `{module}` |")
        lines.append("")
        if area == "intrinsics":
            lines += ["Each value, and what it is there:", "", "| value | is |", "|---|---|", *values(), ""]
    lines += [f"[{name}]: {url}" for name, url in SOURCES.items()]
    return "\n".join(lines) + "\n"


def values() -> Iterator[str]:
    for value, expected in pairs():
        yield f"| {_told(value)} | {_told(expected)} |"


def pairs() -> list[tuple[Any, Any]]:
    test = importlib.import_module("test_semantics").test_values
    [given] = [mark for mark in test.pytestmark if mark.name == "parametrize"]
    return [pair for pair in given.args[1] if pair[0] != pair[1]]


def _told(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=lambda _: "no value")
    return f"`{text.replace('|', chr(92) + '|')}`"


@pytest.mark.parametrize(("module", "name", "test"), [pytest.param(*each, id=each[1]) for each in each_test(*LIST)])
def test_a_test_of_the_list_has_a_source(module: str, name: str, test: Any) -> None:
    if name in OWN:
        assert "conforms" not in test.__dict__
        return
    assert "conforms" in test.__dict__, f"{module}.{name}: mark it with conformance.expected, or name it in OWN"


def test_sources_are_known_used_and_addresses() -> None:
    used = {source for _, sources, _, _ in marked() for source in sources}
    assert used == set(SOURCES), "in use, but not in SOURCES; or the other way round"
    assert all(sources for _, sources, _, _ in marked())
    assert all(re.fullmatch(r"https://[\w./#-]+", url) for url in SOURCES.values())


def test_every_function_among_the_values_has_a_page() -> None:
    test = importlib.import_module("test_semantics").test_values
    _, sources = test.__dict__["conforms"]
    functions = set(re.findall(r'"(Fn::\w+|Ref)"', json.dumps([value for value, _ in pairs()], default=str)))
    assert functions - {"Fn::If"} <= set(sources)
    assert {"Fn::If"} <= functions
    assert "condition functions" in sources


def test_the_page_is_what_the_tests_say(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--golden"):
        PAGE.write_text(page(), encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == page(), "pytest -n0 --golden tests/test_conformance.py"
