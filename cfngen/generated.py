"""What `cfngen generate` would write for a description: each command that needs it asks here."""

from __future__ import annotations

import os
import re
import shlex
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path

from cfngen import cells, names, takeovers
from cfngen.disk import ledger_of
from cfngen.errors import DescriptionError, LedgerError, Problem
from cfngen.ledger import FILE, Ledger
from cfngen.limits import CALL_RULES, DATABASE_RULES, TARGETS
from cfngen.load import YAML, project_of
from cfngen.plan import Plan, plan
from cfngen.render import files_one_by_one
from cfngen.spec import App
from cfngen.stack import FOR_CELLS, FOR_STAGES, FROM_FIRST

Put = Callable[[Path, str, str], object]
"""Takes one file: the stage's folder, the path below it, and the text."""


def files_of(path: Path, stages: Iterable[App], out: Path) -> dict[Path, dict[str, str]]:
    """What `generate` would write for stages of a description, by folder."""
    folders: dict[Path, dict[str, str]] = {}
    generated(path, stages, out, lambda folder, name, text: folders.setdefault(folder, {}).update({name: text}))
    return folders


def generated(path: Path, stages: Iterable[App], out: Path, put: Put) -> list[str]:
    """Hand on the files of stages one by one, and tell what the user should know of them.

    Raises `DescriptionError` with the problems of all stages, after some files perhaps: they are not to be written then.
    """
    problems: list[Problem] = []
    notes: list[str] = []
    for each in stages:
        folder = out / each.name / each.stage
        try:
            notes += _stage(each, folder, path, put)
        except DescriptionError as error:
            problems.extend(error.problems)
    if problems:  # what is wrong with several stages in the same words is told once
        raise DescriptionError(dict.fromkeys(problems))
    return notes


def _stage(app: App, folder: Path, path: Path, put: Put) -> Iterator[str]:
    """Hand on the files of one stage, which is on the disk as it was before; then its notes."""
    ledger = _ledger(folder)
    settled = plan(app, ledger)
    new = [cell for cell in map(cells.folder, settled.further_cells) if not (folder / cell).is_dir()]
    new_roots = {f"{cell}/{app.name}.yaml": cell for cell in new}
    first_new = ""
    asked: dict[str, list[str]] = {cell: [] for cell in new}
    for name, text in files_one_by_one(settled, _source(path), _own_buildspecs(path), _command(path)):
        put(folder, name, text)
        if name in new_roots:
            first_new = text if new_roots[name] == new[0] else first_new
            asked[new_roots[name]] = _own_parameters(text)
    if ledger is None:
        told = "this stage starts a new ledger. Commit it, or the next change cannot know what is live."
        yield f"no {folder / FILE}; {told}"
    yield from takeovers.notes(settled, ledger or Ledger())
    yield from takeovers.shadowed(settled, ledger or Ledger())
    yield from _database_again(app, ledger or Ledger(), folder)
    yield from _left_behind(app, folder)
    yield from _many_tasks(settled)
    yield from _many_rules(app)
    yield from _asleep(app)
    yield from _left_cells(settled, ledger or Ledger(), folder)
    if new:
        yield from _new_cells(settled, folder, asked, first_new)
    yield from _files_elsewhere(app, folder, path)
    yield from _newly_shared(app, folder)
    yield from _newly_promoting(app, folder)


def _files_elsewhere(app: App, folder: Path, path: Path) -> list[str]:
    """A pipeline looks for its files where `files` says, which `--out` does not change."""
    here, project = folder.resolve(), project_of(path)
    if app.pipeline is None or app.pipeline.files or here == (project / app.files).resolve():
        return []
    fits = repr(here.relative_to(project).as_posix()) if here.is_relative_to(project) else "..."
    spelt = f"pipeline: {{files: {fits}}}" if path.suffix in YAML else f"Pipeline(files={fits})"
    told = f"the pipelines of {app.name} {app.stage} look for their files in {app.files}"
    return [f"{told}; where the source has them elsewhere, say so by {spelt}"]


def _newly_shared(app: App, folder: Path) -> list[str]:
    """How other stages take the network, told when it begins to be shared."""
    if not app.network.shared or _stands(app, folder, "PrivateSubnetIds"):
        return []
    told = _outputs(f"{app.name}-{app.stage}", f"Description=='{FOR_STAGES}'")
    return [f"{app.name} {app.stage}: stages whose network is existing take this one by --parameter-overrides {told}"]


def _newly_promoting(app: App, folder: Path) -> list[str]:
    """How a stage gets to know the bucket of the one that it promotes to, told when it begins to promote."""
    target = app.pipeline.promotes_to if app.pipeline else None
    if target is None or _stands(app, folder, "PromotionBucketName"):
        return []
    whose = f"{target.stage}, which it promotes to{', in its own account' if target.other_account else ''}"
    told = _outputs(f"{app.name}-{target.stage}", "starts_with(OutputKey, 'Promotion')")
    return [
        f"{app.name} {app.stage}: deploy {whose}, first; its outputs are parameters here, by --parameter-overrides {told}"
    ]


def _stands(app: App, folder: Path, name: str) -> bool:
    """Whether a parameter or an output stands in the root as it was written before."""
    root = folder / f"{app.name}.yaml"
    return root.is_file() and f"\n  {name}:\n" in root.read_text(encoding="utf-8")


def _outputs(stack: str, which: str) -> str:
    """Outputs of a stack as parameters of another, for a shell."""
    query = f"Stacks[0].Outputs[?{which}].join('=', [OutputKey, OutputValue])"
    return f'$(aws cloudformation describe-stacks --stack-name {stack} --output text --query "{query}")'


def _database_again(app: App, before: Ledger, folder: Path) -> list[str]:
    """A database that was away and comes back, told when it does."""
    if not app.database or app.database.existing or "database" not in before.births or not folder.is_dir():
        return []
    if (folder / "database.yaml").is_file() or not (folder / f"{app.name}.yaml").is_file():
        return []
    told = "if that was deployed it comes back empty, and what was in it is in the snapshot that its removal made, or in the old one where that was protected and stayed"
    return [f"{app.name} {app.stage}: the database was away; {told}"]


_PROTECTED = r"DeletionProtection: true|Key: deletion_protection\.enabled\n +Value: 'true'"


def _left_behind(app: App, folder: Path) -> Iterator[str]:
    """What goes and is protected from deletion, by what was written before."""
    own_database = app.database and not app.database.existing
    for name, what, option, stays in (
        ("database", "the database", "protected of the database", own_database),
        ("internal", "the internal balancer", "deletion_protection of the balancer", app.has_internal_services),
    ):
        file = folder / f"{name}.yaml"
        if not stays and file.is_file() and re.search(_PROTECTED, file.read_text(encoding="utf-8")):
            yield (
                f"{app.name} {app.stage}: {what} goes and is protected from deletion, so it would stay: running, paid for, and in no "
                f"stack. Put it back, switch off {option}, generate and deploy, and take it out then"
            )


def _many_tasks(settled: Plan) -> Iterator[str]:
    """The one limit that a stage does not meet when it is deployed, but on a busy day."""
    app = settled.app
    tasks: Counter[tuple[int, bool]] = Counter()
    for service in app.services:
        tasks[settled.cells[service.name], service.internal] += 2 * service.scaling.maximum
    for (cell, _), number in sorted(tasks.items()):
        if number > TARGETS.number:
            place = f"{app.name} {app.stage} {cells.folder(cell)}".rstrip()
            yield f"{place}: {number:,} where {TARGETS.number:,} is the limit of {TARGETS.what}; {TARGETS.way_out}"


def _many_rules(app: App) -> Iterator[str]:
    """What AWS refuses unless it was asked before."""
    opens = {*app.database.readers, *app.database.writers} if app.database else set()
    opening = len(opens | {service.name for service in app.services if service.migrate})
    inside = app.internal_balancer
    calling = len(inside.addresses) + len(inside.test_addresses) + sum(bool(task.calls) for task in app.tasks)
    calling += sum(service.internal and bool(service.release.smoke_test) for service in app.services)
    for number, limit in ((opening, DATABASE_RULES), (calling, CALL_RULES)):
        if number > limit.number:
            what = f"{limit.number} is the limit of {limit.what}"
            yield f"{app.name} {app.stage}: {number:,} where {what}; {limit.way_out}"


def _left_cells(settled: Plan, before: Ledger, folder: Path) -> Iterator[str]:
    """Roots that are not wanted any more, and which of their names others have now."""
    app, lived_in = settled.app, {*map(cells.folder, settled.further_cells)}
    stands = names.records(app, before)
    for left in sorted(each.name for each in folder.glob("cell-*") if each.is_dir() and each.name not in lived_in):
        stack = f"{app.name}-{app.stage}-{left}"
        moved = [
            name
            for each in settled.names.values()
            for name in each
            if cells.folder(stands.get(name, cells.FIRST)) == left
        ]
        told = f"delete its stack, {stack}"
        if moved:
            shown = ", ".join(moved[:3]) + (f" and {len(moved) - 3} more" if moved[3:] else "")
            told = f"delete that stack BEFORE deploying the first root: aws cloudformation delete-stack --stack-name {stack}, for records of {shown} stand in it, and are made elsewhere"
        yield f"{app.name} {app.stage}: no service lives in {left} any more; {told}"


def _new_cells(settled: Plan, folder: Path, asked: Mapping[str, Collection[str]], root: str) -> Iterator[str]:
    """Roots that were not there before, with the commands that deploy them.

    `asked` are the parameters that each of them asks for itself, and `root` is the text of the first.
    """
    app, new = settled.app, [*asked]
    more = ((cell, [name for name in asked[cell] if name not in asked[new[0]]]) for cell in new[1:])
    besides = "".join(f"; {cell} asks for {', '.join(names)}, too" for cell, names in more if names)
    others = f" (and {', '.join(new[1:])} likewise, by their names{besides})" if new[1:] else ""
    lines = "\n  ".join(deploy_commands(app, folder, new[0], root))
    yield f"{app.name} {app.stage}: {new[0]} is a new root of its own; deploy the first root before it, then{others}\n  {lines}"
    if plain := cells.only_first(app, {each.name: settled.cells[each.name] for each in app.services}):
        shown = ", ".join(plain[:3]) + (f" and {len(plain) - 3} more" if plain[3:] else "")
        yield f"{app.name} {app.stage}: services without hosts ({shown}) answer at the first cell's balancer alone, so not at the hosts of services in further cells"


def deploy_commands(app: App, folder: Path, cell: str, root: str) -> tuple[str, str]:
    """How the root of a further cell is deployed by the AWS command line: what the first root tells goes in by itself, what
    else its template `root` asks for stands there to be filled in.
    """
    first = f"{app.name}-{app.stage}"
    stack = f"{first}-{cell}"
    where = f"--s3-bucket BUCKET --s3-prefix {stack}"
    template = shlex.quote((folder / cell / f"{app.name}.yaml").as_posix())
    told = _outputs(first, f"Description=='{FOR_CELLS}'")
    own = [f"{name}={re.sub('(?<=[a-z])(?=[A-Z])', '_', name).upper()}" for name in _own_parameters(root)]
    package = f"mkdir -p build && aws cloudformation package --template-file {template} {where}"
    deploy = f"aws cloudformation deploy --template-file build/{stack}.yaml --stack-name {stack} {where}"
    given = f"--capabilities CAPABILITY_IAM --parameter-overrides {' '.join([*own, told])}"
    return f"{package} --output-template-file build/{stack}.yaml", f"{deploy} {given}"


def _own_parameters(root: str) -> list[str]:
    """The parameters of a root, as it is written, that neither the first one tells nor a default does."""
    section = re.search(r"^Parameters:\n((?:  .*\n)+)", root, re.MULTILINE)
    parameters = re.findall(r"^  (\w+):\n((?:    .*\n)+)", section[1] if section else "", re.MULTILINE)
    return [
        name for name, body in parameters if FROM_FIRST not in body.replace("''", "'") and "    Default:" not in body
    ]


def _asleep(app: App) -> list[str]:
    """Scheduled tasks that would find their database stopped: off hours stop no schedule."""
    if app.off_hours is None or app.database is None or app.database.existing:
        return []
    users = {*app.database.readers, *app.database.writers}
    hours = app.off_hours
    found = (
        (task, hours.asleep_at(task.schedule, task.timezone)) for task in app.scheduled_tasks if task.name in users
    )
    notes = []
    for task, span in found:
        if span:
            day, hour, minute = span.day_and_time
            when = f"{task.schedule} may be due on {day} at {hour:02}:{minute:02}, {task.timezone}"
            awake = f"the stage is awake from {hours.end} to {hours.start} of {hours.days}, {hours.timezone}"
            notes.append(
                f"{app.name} {app.stage}: {task.name} uses the database, which off-hours stop, and {when}; {awake}"
            )
    return notes


def _ledger(folder: Path) -> Ledger | None:
    file = ledger_of(folder)
    if file is None:
        return None
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        fits = "restore it from version control"
        raise LedgerError([Problem("ledger", f"it cannot be read ({error})", fits, str(file))]) from None
    return Ledger.read(text, str(file))


def _source(path: Path) -> str:
    """The description's name as it stands in every file: seen from its project, so that it is the same on every
    machine, in every working directory and for every OUT.
    """
    return path.resolve().relative_to(project_of(path)).as_posix()


def _command(path: Path) -> str:
    """What makes the files again, said in each of them: seen from its project, as the description's name is.

    A Makefile's target is taken for that of the descriptions which commands find without an APP, not for one elsewhere.
    """
    project = project_of(path)
    makefiles = (project / name for name in ("GNUmakefile", "makefile", "Makefile"))
    texts = (file.read_text(encoding="utf-8", errors="replace") for file in makefiles if file.is_file())
    is_found = path.resolve().parent in (project, project / "services")
    if is_found and any(re.search(r"^templates[ \t]*:(?!=)", text, re.MULTILINE) for text in texts):
        return "make templates"
    return f"cfngen generate {shlex.quote(_source(path))}"


def _own_buildspecs(path: Path) -> str | None:
    folder = project_of(path) / "buildspecs"
    return os.path.relpath(folder) if any(folder.glob("*.j2")) else None
