"""From a plan to files: texts only, which `cfngen.disk` writes."""

from __future__ import annotations

from cfngen._yaml import dump
from cfngen.artifacts import service_files
from cfngen.errors import DescriptionError
from cfngen.ledger import FILE, Ledger
from cfngen.limits import passed
from cfngen.plan import Plan, plan
from cfngen.spec import App
from cfngen.stack import Stack
from cfngen.stacks.application import application_stack


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
    application_stack(root, settled)
    return tree_files(root, settled, source, buildspecs, command)


def tree_files(
    root: Stack,
    settled: Plan,
    source: str = "",
    buildspecs: str | None = None,
    command: str = "make templates",
) -> dict[str, str]:
    """The same for a tree that was built by hand, with stacks of one's own in it.

    Raises `DescriptionError` for what passes a limit of AWS, too.
    """
    bodies = root.templates()
    released = {
        f"{name.removesuffix('.yaml')}/{key}": resource["Type"]
        for name, body in bodies.items()
        for key, resource in body["Resources"].items()
    }
    ledger = settled.ledger.with_resources(released)
    templates = {name: dump(body, source, command) for name, body in bodies.items()}
    if problems := list(passed(bodies, templates)):
        raise DescriptionError(problems)
    return templates | service_files(settled, source, buildspecs, command) | {FILE: ledger.text()}
