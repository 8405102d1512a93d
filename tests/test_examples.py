"""The ten applications in examples/: the schema takes each, and what it generates agrees with itself, twice the same."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped,unused-ignore]
import pytest
import yaml  # type: ignore[import-untyped,unused-ignore]

from cfngen import App, Ledger, stage_files
from cfngen.checks import CHECKS, check, generated
from cfngen.checks.lint import LINT
from cfngen.disk import write
from cfngen.load import load
from cfngen.manifest.schema import schema

EXAMPLES = Path(__file__).parents[1] / "examples"
NAMES = (
    "admin-tool",
    "data-api",
    "estate",
    "grpc-mesh",
    "inference",
    "php-monolith",
    "rails-shop",
    "static-front",
    "tenants",
    "webhooks",
)


@cache
def stages_of(name: str) -> tuple[App, ...]:
    return load(EXAMPLES / name / "cfngen.yaml")


@cache
def files_of(name: str) -> dict[str, dict[str, str]]:
    return {each.stage: stage_files(each, source=f"{name}/cfngen.yaml") for each in stages_of(name)}


def test_these_are_all_examples() -> None:
    """And nothing but descriptions is committed of them: their templates are made by whoever tries one."""
    assert sorted(each.parent.name for each in EXAMPLES.rglob("cfngen.y*ml")) == list(NAMES)
    assert not [each for each in EXAMPLES.rglob("*.yaml") if "AWSTemplateFormatVersion" in each.read_text()]


def test_the_page_tells_of_each_example() -> None:
    headings = [line[3:] for line in (EXAMPLES / "README.md").read_text().splitlines() if line.startswith("## ")]
    assert {name for name in NAMES if f"`{name}`" not in " ".join(headings)} == set()


@pytest.fixture(scope="module")
def validator() -> Any:
    return jsonschema.Draft202012Validator(schema())


@pytest.mark.parametrize("name", NAMES)
def test_the_schema_takes_it(name: str, validator: Any) -> None:
    data = yaml.safe_load((EXAMPLES / name / "cfngen.yaml").read_text())
    assert [found.message for found in validator.iter_errors(data)] == []


@pytest.mark.parametrize("name", NAMES)
def test_it_generates_the_same_again_with_its_ledger(name: str) -> None:
    for app in stages_of(name):
        files = files_of(name)[app.stage]
        ledger = Ledger.read(files["ledger.json"])
        assert stage_files(app, ledger, source=f"{name}/cfngen.yaml") == files


@pytest.mark.parametrize("name", NAMES)
def test_all_that_it_generates_may_go_again(name: str, tmp_path: Path) -> None:
    """With a service, a worker or a scheduled task that leaves the description go its files, which are known for cfngen's."""
    for stage, files in files_of(name).items():
        folder, ledger = tmp_path / stage, {"ledger.json": files["ledger.json"]}
        write({folder: files})
        write({folder: ledger})
        assert [each.name for each in folder.rglob("*")] == list(ledger)


@pytest.mark.parametrize("name", NAMES)
def test_what_it_generates_agrees_with_itself(name: str, tmp_path: Path) -> None:
    """By every check of cfngen's own: shapes, agreement between files, judgement, limits."""
    write({tmp_path / stage: files for stage, files in files_of(name).items()})
    own = [each for each in CHECKS if each not in LINT]
    assert [str(found) for found in check(generated(tmp_path), own) if found.level != "info"] == []
