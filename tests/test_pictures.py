"""The pictures of docs/traffic.md are what the simulator plays today, and the page names the rules that it plays."""

from __future__ import annotations

import re

import pytest
from pictures import FOLDER, PICTURES, ROOT

from cfngen.simulate import pipelines, scenario
from cfngen.simulate.behaviour import BEHAVIOURS
from cfngen.simulate.watch import INVARIANTS

PAGE = (ROOT / "docs" / "traffic.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_fresh(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == PICTURES[name](), "run: make pictures"
    assert f"pictures/{name}" in PAGE


def test_the_page_lists_every_invariant() -> None:
    assert dict(re.findall(r"^\| (T\d+) \| (.+) \|$", PAGE, re.MULTILINE)) == INVARIANTS


def test_the_page_lists_every_rule_of_behaviour() -> None:
    assert pipelines
    assert scenario
    rows = set(re.findall(r"^\| (.+?) \| (.+?) \| (documented|observed|believed) \|$", PAGE, re.MULTILINE))
    assert rows == {(each.sentence, each.source, each.sure) for each in BEHAVIOURS.values()}
