"""From a plan to files: texts only, which `cfngen.disk` writes."""

from __future__ import annotations

from collections.abc import Iterable

from cfngen._yaml import dump
from cfngen.artifacts import service_files
from cfngen.cells import folder
from cfngen.errors import DescriptionError, Problem
from cfngen.ledger import FILE, Ledger
from cfngen.limits import passed
from cfngen.plan import Plan, plan
from cfngen.spec import App
from cfngen.stack import Stack
from cfngen.stacks.application import application_stack, cell_roots


def render(stack: Stack, source: str = "", command: str = "make templates") -> dict[str, str]:
    """The text of every template of a tree, by file name; `source` is named in their first lines, and the `command`
    that makes them again.
    """
    return {name: dump(body, source, command) for name, body in stack.templates().items()}


def stage_files(
    app: App,
    ledger: Ledger | None = None,
    source: str = "",
    buildspecs: str | None = None,
    command: str = "make templates",
) -> dict[str, str]:
    """Every file of one stage, its ledger included, by path below the stage's folder.

    Their first lines name `source` and the `command` that makes them again; `buildspecs` is a folder of templates
    that win over the packaged one.

    Raises `DescriptionError` or `LedgerError`; nothing is written.
    """
    settled = plan(app, ledger)
    root = Stack(app.name, f"{app.name} {app.stage}")
    shared = application_stack(root, settled)
    return tree_files(root, settled, source, buildspecs, command, cells=cell_roots(root, settled, shared))


def tree_files(
    root: Stack,
    settled: Plan,
    source: str = "",
    buildspecs: str | None = None,
    command: str = "make templates",
    cells: Iterable[tuple[int, Stack]] = (),
) -> dict[str, str]:
    """The same for a tree that was built by hand, with stacks of one's own in it.

    `cells` are the roots of further cells, each with its number, as `cell_roots` makes them. Raises `DescriptionError` for
    what passes a limit of AWS, and where a cell is missing.
    """
    templates: dict[str, str] = {}
    released: dict[str, str] = {}
    problems: list[Problem] = []
    made = set()
    for cell, each in cells:
        made.add(cell)
        problems += _rendered(each, folder(cell), templates, released, source, command)
        root.tell(each)
    if missing := sorted({*settled.further_cells} - made):
        fits = "cells=cell_roots(root, settled, shared), where shared is what application_stack returned"
        given = f"no {' and no '.join(folder(cell) for cell in missing)}"
        raise DescriptionError([Problem("tree_files", given, fits)])
    problems = [*_rendered(root, "", templates, released, source, command), *problems]
    if problems:
        raise DescriptionError(problems)
    ledger = settled.ledger.with_resources(released)
    return templates | service_files(settled, source, buildspecs, command) | {FILE: ledger.text()}


def _rendered(
    root: Stack, below: str, templates: dict[str, str], released: dict[str, str], source: str, command: str
) -> list[Problem]:
    """Add the texts of a root's templates and the types of its resources, by path below the stage's folder; what passes a limit."""
    bodies = {f"{below}/{name}".removeprefix("/"): body for name, body in root.templates().items()}
    texts = {name: dump(body, source, command) for name, body in bodies.items()}
    templates |= texts
    released |= {
        f"{name.removesuffix('.yaml')}/{key}": resource["Type"]
        for name, body in bodies.items()
        for key, resource in body["Resources"].items()
    }
    return list(passed(bodies, texts))
