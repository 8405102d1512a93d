"""What people import: a small, sorted, typed list of names, and nothing heavy comes with it."""

from __future__ import annotations

import ast
import inspect
import re
import shutil
import subprocess
import sys
import typing
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from functools import cache
from importlib import resources
from pathlib import Path

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


def test_type_checkers_see_the_same_names_from_the_same_modules() -> None:
    stub = Path(cfngen.__file__).with_suffix(".pyi").read_text(encoding="utf-8")
    seen = {
        alias.name: node.module
        for node in ast.parse(stub).body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen == {name: f"cfngen.{module}" for name, module in cfngen._HOME.items()}  # type: ignore[attr-defined]
    listed = re.findall(r'^    "(\w+)",$', stub.partition("__all__")[2], re.MULTILINE)
    assert sorted(listed) == cfngen.__all__  # the formatter puts S3 before all others


def test_an_unknown_name_is_told_as_of_any_module() -> None:
    with pytest.raises(AttributeError, match="module 'cfngen' has no attribute 'Ap'"):
        cfngen.Ap  # type: ignore[attr-defined]  # noqa: B018
    assert {"App", "plan", "__version__"} <= set(dir(cfngen))


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
    assert len(cfngen.__all__) <= 90


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
    assert "cfngen = py.typed, __init__.pyi, _frozen.pyi" in (Path(__file__).parents[1] / "setup.cfg").read_text(
        encoding="utf-8"
    )


def test_every_public_name_says_what_it_is() -> None:
    for name in cfngen.__all__:
        value = getattr(cfngen, name)
        assert name == "__version__" or (inspect.getdoc(value) or "").strip(), name


def test_importing_the_library_loads_nothing_until_a_name_is_asked_for() -> None:
    bare = modules_after("pass")
    assert {name for name in modules_after("import cfngen") - bare if name.startswith("cfngen")} == {
        "cfngen",
        "cfngen._deferred",
        "cfngen._version",
    }
    assert len(modules_after("import cfngen") - bare) < 10


@pytest.mark.parametrize("heavy", HEAVY)
def test_describing_and_rendering_load_nothing_heavy(heavy: str) -> None:
    assert heavy not in modules_after("from cfngen import *")


def test_what_troposphere_writes_itself_is_as_ever() -> None:
    code = "import cfngen, troposphere; assert 'yaml' not in __import__('sys').modules; "
    code += "assert troposphere.Template(Description='x').to_yaml() == 'Description: x\\nResources: {}\\n'"
    assert {"yaml", "cfn_flip"} <= modules_after(code)
    assert "cfn_tools" in modules_after("import cfngen, cfn_flip.yaml_dumper; assert cfn_flip.__file__")


def test_nothing_that_people_import_imports_yaml_by_itself() -> None:
    """Said apart, because troposphere would hide it from the test above."""
    folder = Path(cfngen.__file__).parent
    others = {"checks", "deploy", "functions", "local", "manifest", "operate", "rehearse", "scaffold", "semantics"}
    sources = [path for path in folder.rglob("*.py") if not {*others, "simulate"} & set(path.relative_to(folder).parts)]
    assert len(sources) > 40
    for path in [*sources, *(each for each in folder.glob("operate/*.py") if each.name != "read.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            heavy = {name.partition(".")[0] for name in names} & {"boto3", "botocore", "cfnlint", "moto", "yaml"}
            assert not heavy, path


def test_the_version_is_told_before_the_command_line_is_loaded() -> None:
    code = "import runpy, sys; sys.argv = ['cfngen', '--version']; runpy.run_module('cfngen', run_name='__main__')"
    loaded = modules_after(code) - modules_after("import runpy")
    assert {name for name in loaded if name.startswith("cfngen")} == {"cfngen", "cfngen._deferred", "cfngen._version"}
    assert len(loaded) < 10


def test_generating_loads_nothing_that_it_does_not_need(tmp_path: Path) -> None:
    description = (
        tmp_path / "services/coffee.py"
    )  # apart from this project, which has buildspecs of its own: the packaged
    description.parent.mkdir()
    shutil.copy(Path(__file__).parents[1] / "services/coffee.py", description)
    words = ["generate", str(description), "--out", str(tmp_path / "templates")]
    code = f"import cfngen.cli\ntry: cfngen.cli.cli({words!r})\nexcept SystemExit: pass\n0"
    loaded = modules_after(code)
    assert "cfngen.stacks.service" in loaded
    assert not loaded & {*HEAVY, "rich"} - {"click"}
    assert not loaded & {
        "difflib",
        "traceback",
        "troposphere.backup",
        "troposphere.cloud9",
        "troposphere.wafv2",
    }


COMMANDS = (
    "", "check", "convert", "deploy", "destroy", "explain", "generate", "init", "local", "local up", "preflight",
    "rehearse", "schema", "simulate",
)  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_help_waits_for_nothing_that_it_does_not_tell(command: str) -> None:
    words = [*command.split(), "--help"]
    code = f"import sys, cfngen.cli\ntry: cfngen.cli.cli({words!r})\nexcept SystemExit: pass\nsys.stdout.flush()\n0"
    loaded = modules_after(code)
    assert not loaded & {*HEAVY, "awacs", "troposphere", "rich", "cfngen.spec"} - {"click"}
    assert len(loaded - modules_after("import click, tempfile, difflib, json, signal, datetime")) < 40


def test_help_lists_every_command() -> None:
    from cfngen.cli import _COMMANDS, cli

    assert [name for name in COMMANDS if name and " " not in name] == sorted(_COMMANDS) == cli.list_commands(None)  # type: ignore[arg-type]


def test_the_version_is_the_installed_one() -> None:
    from importlib.metadata import version

    assert cfngen.__version__ == version("cfngen")
