"""The pictures of docs/traffic.md are what the simulator plays today, and the page names the rules that it plays."""

from __future__ import annotations

import pytest
from pictures import FOLDER, PAGE, PICTURES, page


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_fresh(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == PICTURES[name](), "run: make pictures"
    assert f"pictures/{name}" in PAGE.read_text(encoding="utf-8")


def test_the_page_lists_every_invariant_and_every_rule_of_behaviour() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text == page(text), "run: make pictures"
