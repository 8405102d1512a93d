"""From a plan to files, and files to disk: all of a folder or nothing.

`render` and `stage_files` only make texts. `write` is the one place that touches the disk: it writes beside
the folder and swaps, so that an error, a full disk or an interruption leaves what was there before.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from cfngen._yaml import dump
from cfngen.artifacts import BUILDSPEC, MIGRATION_TASKDEF, TASKDEF, service_files
from cfngen.errors import OutputError
from cfngen.ledger import FILE, Ledger
from cfngen.plan import Plan, plan
from cfngen.spec import App
from cfngen.stack import Stack
from cfngen.stacks.application import application_stack

_MARK = b"# Written by cfngen"
"""How the first line of our YAML begins."""
_NAMED = (BUILDSPEC, TASKDEF, MIGRATION_TASKDEF)
"""Files of a service that do not carry the mark: JSON has no comments, and a buildspec may be of the user's making."""
_SHOWN = 5


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
    """The same for a tree that was built by hand, with stacks of one's own in it."""
    bodies = root.templates()
    released = {
        f"{name.removesuffix('.yaml')}/{key}": resource["Type"]
        for name, body in bodies.items()
        for key, resource in body["Resources"].items()
    }
    ledger = settled.ledger.with_resources(released)
    templates = {name: dump(body, source, command) for name, body in bodies.items()}
    return templates | service_files(settled, source, buildspecs, command) | {FILE: ledger.text()}


def write(folders: Mapping[Path, Mapping[str, str]]) -> list[Path]:
    """Make each folder hold just its files; return the folders that changed.

    Raises `OutputError` and changes nothing when a folder holds what cfngen did not write, or cannot be written.
    """
    with _told():
        real = {folder: folder.resolve() for folder in folders}
        for folder in real.values():
            _recover(folder)
        changed = [folder for folder, files in sorted(folders.items()) if _differs(folder, real[folder], files)]
        sides: dict[Path, Path] = {}
        try:
            for folder in changed:
                sides[folder] = _write_beside(real[folder], folders[folder])
            _swap({real[folder]: side for folder, side in sides.items()})
        finally:
            for side in sides.values():
                shutil.rmtree(side, ignore_errors=True)
    return changed


def ledger_of(folder: Path) -> Path | None:
    """Where a stage's ledger is: in its folder, or in what an interrupted `write` moved aside; `None` for neither."""
    with _told():
        here = folder if folder.exists() else _old(folder.resolve())
        return here / FILE if (here / FILE).exists() else None


def stale(folder: Path, files: Mapping[str, str]) -> list[str]:
    """What `write` would change in a folder: files that are missing, different or not ours any more."""
    with _told():
        here = _files(folder)
    return sorted({name for name, text in files.items() if here.get(name) != text} | (here.keys() - files.keys()))


def _differs(shown: Path, folder: Path, files: Mapping[str, str]) -> bool:
    if folder.exists() and not folder.is_dir():
        msg = f"{shown}: is a file, and a folder is wanted there; name another folder, or move the file"
        raise OutputError(msg)
    if foreign := _foreign(folder, files):
        names = ", ".join(foreign[:_SHOWN]) + (f" and {len(foreign) - _SHOWN} more" if foreign[_SHOWN:] else "")
        msg = f"{shown}: holds what cfngen did not write: {names}; move that elsewhere, or name another folder"
        raise OutputError(msg)
    return not folder.is_dir() or bool(stale(folder, files))


def _foreign(folder: Path, files: Mapping[str, str]) -> list[str]:
    """What would be lost with the old folder, and is not to be told for ours. A ledger says that what has the name
    of one of our files is ours, whatever somebody made of it.
    """
    known = files.keys() if (folder / FILE).is_file() else ()
    there = (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    names = {path.relative_to(folder).as_posix(): path for path in there}
    return sorted(name for name, path in names.items() if name not in known and not _is_ours(name, path))


def _is_ours(name: str, path: Path) -> bool:
    folder, _, last = name.rpartition("/")
    if name == FILE or (folder and "/" not in folder and last in _NAMED):
        return True
    if path.suffix not in (".yaml", ".yml") or not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(_MARK)) == _MARK


def _files(folder: Path) -> dict[str, str]:
    found = {}
    for path in folder.rglob("*"):
        if path.is_file():
            try:
                found[path.relative_to(folder).as_posix()] = path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                found[path.relative_to(folder).as_posix()] = ""
    return found


def _write_beside(folder: Path, files: Mapping[str, str]) -> Path:
    folder.parent.mkdir(parents=True, exist_ok=True)
    side = Path(tempfile.mkdtemp(prefix=f".{folder.name}.new.", dir=folder.parent))
    try:
        side.chmod(0o755)
        for name, text in sorted(files.items()):
            path = side / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
    except BaseException:
        shutil.rmtree(side, ignore_errors=True)
        raise
    return side


def _swap(sides: Mapping[Path, Path]) -> None:
    """Put every new folder in its place, or none."""
    done: list[Path] = []
    try:
        for folder, side in sides.items():
            done.append(folder)
            if folder.exists():
                folder.replace(_old(folder))
            side.replace(folder)
    except BaseException:
        for folder in done:
            _put_back(folder, sides[folder])
        raise
    for folder in sides:
        shutil.rmtree(_old(folder), ignore_errors=True)


def _put_back(folder: Path, side: Path) -> None:
    if not side.exists() and folder.exists():
        folder.replace(side)  # which goes with the other new folders
    if _old(folder).exists():
        _old(folder).replace(folder)


def _recover(folder: Path) -> None:
    """Finish what an interruption between the two moves of a swap left."""
    old = _old(folder)
    if old.exists() and not folder.exists():
        old.replace(folder)
    shutil.rmtree(old, ignore_errors=True)
    for side in folder.parent.glob(f".{folder.name}.new.*") if folder.parent.is_dir() else ():
        shutil.rmtree(side, ignore_errors=True)


def _old(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.old")


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        msg = f"{error.filename or 'the output folder'}: {error.strerror}; nothing was changed"
        raise OutputError(msg) from error
