"""What people import: a small, sorted, typed list of names, and nothing heavy comes with it."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
import typing
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from types import ModuleType

import pytest

import cfngen
from cfngen.describe import Description
from cfngen.values import Value

HEAVY = ("boto3", "botocore", "cfnlint", "click", "jinja2", "moto", "yaml")


@cache
def modules_after(code: str) -> set[str]:
    """The names of all modules that a fresh Python has loaded when it has run `code`."""
    shown = "; import sys as _sys; print(*_sys.modules, sep='\\n', file=_sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code + shown], capture_output=True, text=True, check=True)
    return set(done.stderr.split())


def test_names_are_sorted_once_each() -> None:
    assert cfngen.__all__ == sorted(set(cfngen.__all__))


def test_names_are_all_that_is_public() -> None:
    public = {
        name
        for name, value in vars(cfngen).items()
        if not name.startswith("_") and not isinstance(value, ModuleType) and value is not cfngen.annotations  # type: ignore[attr-defined]
    }
    assert public | {"__version__"} == set(cfngen.__all__)


def test_names_are_importable() -> None:
    everything: dict[str, object] = {}
    exec("from cfngen import *", everything)  # noqa: S102  (what is tested)
    assert set(cfngen.__all__) <= everything.keys()


def test_names_mean_the_same_in_whatever_order_things_are_imported() -> None:
    """Some functions are called like the module that they stand in."""
    for first in ("cfngen.plan", "cfngen.render", "cfngen.stack", "cfngen.stacks.application"):
        code = f"import {first}, cfngen; assert callable(cfngen.plan) and callable(cfngen.render), cfngen.plan"
        assert first in modules_after(code)


def test_the_surface_is_small() -> None:
    assert len(cfngen.__all__) <= 75


def _own_types(hint: object) -> Iterator[type]:
    """The kinds of values and descriptions that a type hint names."""
    if isinstance(hint, type) and issubclass(hint, Value | Description):
        yield hint
    for part in typing.get_args(hint):
        yield from _own_types(part)


def _hinted(value: object) -> Iterator[tuple[str, type]]:
    if isinstance(value, type) and is_dataclass(value):
        hints = typing.get_type_hints(value)
        yield from ((each.name, own) for each in fields(value) for own in _own_types(hints[each.name]))
    elif inspect.isfunction(value):
        for name, hint in typing.get_type_hints(value).items():
            yield from ((name, own) for own in _own_types(hint))


def test_what_a_public_name_takes_or_returns_is_public_too() -> None:
    """Else nobody can say an existing bucket or cluster by its id, or write the type of what they were given."""
    public = {id(vars(cfngen)[name]) for name in cfngen.__all__}
    missing = {
        f"{name}({argument}): {own.__name__}"
        for name in cfngen.__all__
        for argument, own in _hinted(vars(cfngen)[name])
        if id(own) not in public
    }
    assert sorted(missing) == []


def test_types_are_shipped() -> None:
    assert (resources.files("cfngen") / "py.typed").is_file()
    assert "cfngen = py.typed" in (Path(__file__).parents[1] / "setup.cfg").read_text(encoding="utf-8")


def test_every_public_name_says_what_it_is() -> None:
    for name in cfngen.__all__:
        value = vars(cfngen)[name]
        assert name == "__version__" or (inspect.getdoc(value) or "").strip(), name


@pytest.mark.parametrize("heavy", HEAVY)
def test_importing_the_library_loads_nothing_heavy(heavy: str) -> None:
    # troposphere itself loads PyYAML by way of cfn_flip; what counts is that cfngen adds nothing to that.
    floor = modules_after("import troposphere")
    assert heavy not in modules_after("import cfngen") - floor
    assert heavy == "yaml" or heavy not in floor


def test_nothing_that_people_import_imports_yaml_by_itself() -> None:
    """Said apart, because troposphere would hide it from the test above."""
    folder = Path(cfngen.__file__).parent
    sources = [
        path
        for path in folder.rglob("*.py")
        if not {"checks", "deploy", "local", "manifest", "operate", "rehearse", "scaffold", "semantics", "simulate"}
        & set(path.relative_to(folder).parts)
    ]
    assert len(sources) > 40
    for path in [*sources, *(each for each in folder.glob("operate/*.py") if each.name != "read.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            heavy = {name.partition(".")[0] for name in names} & {"boto3", "botocore", "cfnlint", "moto", "yaml"}
            assert not heavy, path


def test_the_version_is_told_before_the_command_line_is_loaded() -> None:
    """Python itself loads the library, and troposphere with it, on the way to any module of a package."""
    code = "import runpy, sys; sys.argv = ['cfngen', '--version']; runpy.run_module('cfngen', run_name='__main__')"
    loaded = modules_after(code) - modules_after("import cfngen, runpy")
    assert {name for name in loaded if not name.startswith("_")} == set()
    assert "cfngen.cli" not in modules_after(code)


def test_the_version_is_the_installed_one() -> None:
    from importlib.metadata import version

    assert cfngen.__version__ == version("cfngen")
