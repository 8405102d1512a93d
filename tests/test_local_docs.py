"""docs/local.md tells the types and refusals that the code has; `pytest --golden` rewrites its tables."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cfngen.local.api import Api
from cfngen.local.types import TYPES
from cfngen.local.types.entry import Call
from cfngen.local.types.standins import ROOMS

PAGE = Path(__file__).parent.parent / "docs" / "local.md"


def types() -> Iterator[str]:
    yield "| `AWS::` | created by | attributes | goes nowhere |"
    yield "|---|---|---|---|"
    for kind, entry in sorted(TYPES.items()):
        create = entry.create
        made = (
            f"`{create.service or entry.service} {create.operation}`"
            if isinstance(create, Call)
            else "a function of its own"
        )
        attributes = ", ".join(f"`{each}`" for each in sorted(entry.attributes))
        dropped = "; ".join(f"`{name}` {reason}" for name, reason in sorted(entry.dropped.items()))
        yield f"| {kind.removeprefix('AWS::')} | {made} | {attributes} | {dropped} |"


def standins() -> Iterator[str]:
    yield "| service | what stands in |"
    yield "|---|---|"
    for service, room in sorted(ROOMS.items()):
        told = " ".join((inspect.getdoc(inspect.getmodule(_any(room.operations))) or "").split())
        yield f"| `{service}` | {told.partition(': ')[2].rstrip('.')} |"


def _any(operations: dict[str, Any]) -> Any:
    """One that is written in the module of its service, not made by a helper."""
    return next(each for each in operations.values() if "<locals>" not in each.__qualname__)


def operations() -> Iterator[str]:
    yield ", ".join(f"`{name}`" for name in sorted(Api(None, str, {}, lambda: None)._operations))  # type: ignore[arg-type,return-value]


TABLES = {"types": types, "standins": standins, "operations": operations}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_what_the_code_has(name: str, request: pytest.FixtureRequest) -> None:
    wanted = "\n".join(TABLES[name]())
    text = PAGE.read_text(encoding="utf-8")
    found = re.search(rf"(<!-- {name} -->\n)(.*?)(\n<!-- end -->)", text, re.DOTALL)
    assert found
    if request.config.getoption("--golden"):
        PAGE.write_text(text.replace(found[0], f"{found[1]}{wanted}{found[3]}"), encoding="utf-8")
        return
    assert found[2] == wanted, "pytest -n0 --golden tests/test_local_docs.py, after reading the difference"
