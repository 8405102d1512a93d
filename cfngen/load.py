"""Descriptions from Python and YAML files, with every error of a file at once."""

from __future__ import annotations

import re
import runpy
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cfngen.describe import problem, short
from cfngen.errors import DescriptionError, Problem, collecting, did_you_mean
from cfngen.promotions import wrong_promotions
from cfngen.spec import App

_MARKS = (".git", "pyproject.toml", "setup.cfg", "buildspecs")
YAML = (".yaml", ".yml")
"""How the name of a description in YAML ends."""
BY_DEFAULT = ("cfngen.yaml", "cfngen.yml")
"""Descriptions that are found without being named, beside the one in ``services/``."""


def load(path: Path) -> tuple[App, ...]:
    """The stages that a file describes: in Python its `stages`, else its `app`; in YAML those under ``stages``.

    Raises `DescriptionError` with every problem found, each with its line; code that fails otherwise is told
    with the line on which it did.
    """
    if path.is_dir():
        fits = "is a folder; name the description in it, such as cfngen.yaml or services/coffee.py"
        raise DescriptionError([Problem(str(path), "", fits)])
    if not path.is_file():
        fits = "there is no such file; name the application's description, such as cfngen.yaml or services/coffee.py"
        if re.fullmatch(r"[a-z][a-z0-9-]*", str(path)):
            fits = f"{fits}; if {path} is a stage, say --stage {path}"
        raise DescriptionError([Problem(str(path), "", fits)])
    if path.suffix in YAML:
        from cfngen.manifest import load_yaml

        return _stages(path, {"stages": load_yaml(path)})
    with _importable(path.parent), collecting() as problems:
        try:
            names = runpy.run_path(str(path))
        except DescriptionError as error:
            problems.extend(error.problems)
            names = {}
        except (Exception, SystemExit) as error:  # noqa: BLE001  (the user's code may fail in any way)
            if not problems:
                problems.append(_failure(path, error))
            names = {}
    if problems:
        raise DescriptionError([*problems, *_circles(names)])
    return _stages(path, names)


def select(stages: tuple[App, ...], stage: str | None, place: str = "--stage") -> tuple[App, ...]:
    """All stages, or the one of that name, which was given at a place of the command line."""
    if stage is None:
        return stages
    chosen = tuple(app for app in stages if app.stage == stage)
    if not chosen:
        raise DescriptionError(
            [
                Problem(
                    place,
                    repr(stage),
                    f"no stage of the application; {did_you_mean(stage, [app.stage for app in stages])}",
                )
            ]
        )
    return chosen


def find() -> Path:
    """The one description: ``cfngen.yaml`` here, or a Python file in ``services/``; raises `DescriptionError` when there is
    none, or several.
    """
    found = [Path(name) for name in BY_DEFAULT if Path(name).is_file()]
    found += [
        path
        for path in sorted(Path("services").glob("*.py"))
        if path.is_file()
        and re.search(r"^(stages|app)\b", path.read_text(encoding="utf-8", errors="replace"), re.MULTILINE)
    ]
    if len(found) != 1:
        few = "there is no cfngen.yaml here and no description in services/*.py; cfngen init writes one"
        known = f"there are {', '.join(map(str, found))}" if found else few
        raise DescriptionError([Problem("APP", "", f"name the application's description; {known}")])
    return found[0]


def is_description(path: Path) -> bool:
    """Whether a file is a description and no template: a Python file, or YAML without a template's sections."""
    if path.suffix not in YAML:
        return path.suffix == ".py"
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    return not re.search(r"^(\{|[\"']?(AWSTemplateFormatVersion|Resources)[\"']?\s*:)", text, re.MULTILINE)


def project_of(path: Path) -> Path:
    """The folder that a description belongs to: the one above ``services/``, else the nearest one that a project's
    file marks, else the description's own.
    """
    folder = path.resolve().parent
    if folder.name == "services":
        return folder.parent
    marked = (each for each in (folder, *folder.parents) if any((each / mark).exists() for mark in _MARKS))
    return next(marked, folder)


def _stages(path: Path, names: dict[str, object]) -> tuple[App, ...]:
    given = names.get("stages", names.get("app"))
    stages = given if isinstance(given, tuple) else (given,)
    if not stages or not all(isinstance(app, App) for app in stages):
        raise DescriptionError(
            [
                Problem(
                    "stages",
                    "" if given is None else short(given),
                    "assign a tuple of App objects to `stages`, or one to `app`",
                    str(path),
                )
            ]
        )
    described = tuple(app for app in stages if isinstance(app, App))
    seen = [(app.name, app.stage) for app in described]
    for name, stage in seen:
        if seen.count((name, stage)) > 1:
            raise DescriptionError(
                [
                    Problem(
                        "stages", f"{name} {stage}", "stands there twice; give each stage a name of its own", str(path)
                    )
                ]
            )
    if clashes := [*_one_domain_twice(described), *wrong_promotions(described)]:
        raise DescriptionError(clashes)
    return described


def _one_domain_twice(stages: tuple[App, ...]) -> Iterator[Problem]:
    first: dict[str, App] = {}
    for app in stages:
        domain = app.balancer.domain
        other = first.setdefault(domain, app) if domain else app
        if other is not app:
            fits = f"another domain for {app.name} {app.stage}; it is that of {other.name} {other.stage}, and one DNS record cannot point at two balancers"
            yield problem(app, "balancer.domain", fits)


def _circles(names: dict[str, object]) -> Iterator[Problem]:
    """Redirects that go in circles, which is told with what else is wrong."""
    from cfngen.plan import circles

    given = names.get("stages", names.get("app"))
    for app in given if isinstance(given, tuple) else (given,):
        if isinstance(app, App):
            yield from circles(app)


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """Let a description import what lies beside it."""
    before = list(sys.path)
    sys.path.insert(0, str(folder.resolve()))
    try:
        yield
    finally:
        sys.path[:] = before


def _failure(path: Path, error: BaseException) -> Problem:
    if isinstance(error, SyntaxError):
        file = Path(error.filename or path)
        shown = file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file
        return Problem(type(error).__name__, "", str(error.msg), str(shown), error.lineno or 0)
    from traceback import extract_tb

    lines = [frame.lineno for frame in extract_tb(error.__traceback__) if Path(frame.filename) == path]
    return Problem(type(error).__name__, "", " ".join(str(error).split()), str(path), (lines or [0])[-1] or 0)
