"""The pictures of docs/traffic.md are what the simulator plays today, and the page names the rules that it plays."""

from __future__ import annotations

import pytest
from pictures import FOLDER, PAGE, PICTURES, page

from cfngen.simulate.behaviour import every_reading
from cfngen.simulate.scenario import MOST_FAILURES


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_fresh(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == PICTURES[name](), "run: make pictures"
    assert f"pictures/{name}" in PAGE.read_text(encoding="utf-8")


def test_the_page_lists_every_invariant_and_every_rule_of_behaviour() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text == page(text), "run: make pictures"


def test_pages_tell_the_numbers_of_the_simulator() -> None:
    proof = (PAGE.parent / "proof.md").read_text(encoding="utf-8")
    assert f"in all {len(every_reading())} readings of what AWS leaves open" in proof
    assert f"(at most {MOST_FAILURES})" in PAGE.read_text(encoding="utf-8")
