"""Our JSON is Python's, character by character."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfngen._json import pretty

ATOMS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
ITEMS: st.SearchStrategy[Any] = st.recursive(
    ATOMS, lambda inner: st.lists(inner) | st.tuples(inner) | st.dictionaries(st.text(), inner)
)


@given(ITEMS, st.booleans())
def test_it_is_what_python_writes(item: Any, ensure_ascii: bool) -> None:
    assert pretty(item, ensure_ascii=ensure_ascii) == json.dumps(item, indent=2, ensure_ascii=ensure_ascii)


def test_what_json_does_not_know_is_refused_as_there() -> None:
    with pytest.raises(TypeError, match="Object of type object is not JSON serializable"):
        pretty({"a": [object()]})
