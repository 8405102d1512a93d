"""From a plan to files: texts only, which `cfngen.disk` writes.

A stage is never there as a whole: its templates are texts one after the other, and the resources of a stack are gone when
its text was handed on. So the memory is that of one root's stacks, however many roots there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from cfngen._yaml import dump
from cfngen.artifacts import service_files
from cfngen.cells import folder
from cfngen.errors import DescriptionError, Problem
from cfngen.ledger import FILE, Ledger
from cfngen.limits import Counted
from cfngen.plan import Plan, plan
from cfngen.spec import App
from cfngen.stack import Stack
from cfngen.stacks.application import application_stack, cell_roots

File = tuple[str, str]
"""A path below the stage's folder, and the text."""


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
    return dict(files_one_by_one(plan(app, ledger), source, buildspecs, command))


def files_one_by_one(
    settled: Plan, source: str = "", buildspecs: str | None = None, command: str = "make templates"
) -> Iterator[File]:
    """The same of a stage that was planned, each made when it is asked for, and the ledger last.

    Raises `DescriptionError` or `LedgerError` after some of them, for what only all of them show: whoever writes them down
    has to be able to take that back.
    """
    root = Stack(settled.app.name, f"{settled.app.name} {settled.app.stage}")
    shared = application_stack(root, settled)
    cells = cell_roots(root, settled, shared)
    yield from _Rendering(settled, source, buildspecs, command, for_good=True).files(root, cells)
    root.let_go()


def tree_files(
    root: Stack,
    settled: Plan,
    source: str = "",
    buildspecs: str | None = None,
    command: str = "make templates",
    cells: Iterable[tuple[int, Stack]] = (),
) -> dict[str, str]:
    """The same as of `stage_files` for a tree that was built by hand, with stacks of one's own in it.

    `cells` are the roots of further cells, each with its number, as `cell_roots` makes them. Raises `DescriptionError` for
    what passes a limit of AWS, and where a cell is missing.
    """
    return dict(_Rendering(settled, source, buildspecs, command, for_good=False).files(root, cells))


class _Rendering:
    """One stage on its way to texts: what is kept of templates that were handed on is the types of their resources."""

    def __init__(self, settled: Plan, source: str, buildspecs: str | None, command: str, *, for_good: bool) -> None:
        self._settled, self._source, self._buildspecs, self._command = settled, source, buildspecs, command
        self._for_good = for_good
        self._known, self._released = frozenset(settled.ledger.resources), dict[str, str]()

    def files(self, root: Stack, cells: Iterable[tuple[int, Stack]]) -> Iterator[File]:
        """The root comes after the cells, since it tells what they ask for; the stacks below it need not wait so long."""
        counted, made = Counted(), set()
        problems: list[Problem] = []
        yield from self._texts(root.bodies_below(for_good=self._for_good), "", counted)
        for cell, each in cells:
            made.add(cell)
            own = Counted()
            yield from self._texts(each.bodies(for_good=self._for_good), folder(cell), own)
            problems += own.passed(_path(folder(cell), each.file))
            root.tell(each)
        _refuse_missing({*self._settled.further_cells} - made)
        yield from self._texts([(root.file, root.body())], "", counted)
        if problems := [*counted.passed(root.file), *problems]:
            raise DescriptionError(problems)
        ledger = self._settled.ledger.with_resources(self._released)
        yield from service_files(self._settled, self._source, self._buildspecs, self._command)
        yield FILE, ledger.text()

    def _texts(self, bodies: Iterable[tuple[str, dict[str, Any]]], below: str, counted: Counted) -> Iterator[File]:
        """The texts of templates of a root that is in the folder `below`."""
        for file, body in bodies:
            path, text = _path(below, file), dump(body, self._source, self._command)
            counted.add(path, body, text)
            stack = path.removesuffix(".yaml")
            for name, resource in body["Resources"].items():
                place, kind = f"{stack}/{name}", resource["Type"]
                if f"{place} {kind}" not in self._known:
                    self._released[place] = kind
            yield path, text


def _path(below: str, file: str) -> str:
    return f"{below}/{file}".removeprefix("/")


def _refuse_missing(cells: Iterable[int]) -> None:
    if missing := [folder(cell) for cell in sorted(cells)]:
        fits = "cells=cell_roots(root, settled, shared), where shared is what application_stack returned"
        raise DescriptionError([Problem("tree_files", f"no {' and no '.join(missing)}", fits)])
