"""Files to disk: all folders of a run or none, by one process at a time.

`write` writes beside a folder and swaps, so that an error, a full disk or an interruption leaves what was there
before. Nothing else in the generator touches the disk.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from pathlib import Path

from cfngen.artifacts import BUILDSPEC, MIGRATION_TASKDEF, TASKDEF
from cfngen.errors import OutputError
from cfngen.ledger import FILE

_MARK = b"# Written by cfngen"
"""How the first line of our YAML begins."""
_NAMED = (BUILDSPEC, TASKDEF, MIGRATION_TASKDEF)
"""Files of a service that do not carry the mark: JSON has no comments, and a buildspec may be of the user's making."""
_SHOWN = 5
_ATTEMPTS, _PAUSE_SECONDS = 100, 0.1


def write(folders: Mapping[Path, Mapping[str, str]]) -> list[Path]:
    """Make each folder hold just its files; return the folders that changed.

    Raises `OutputError` and changes nothing when a folder holds what cfngen did not write, cannot be written, or is
    being written by somebody else.
    """
    with alone(folders), _told():
        real = {folder: _real(folder) for folder in folders}
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
                _remove(side)
    return changed


@contextmanager
def alone(folders: Iterable[Path]) -> Iterator[None]:
    """Keep other processes from writing these folders, or anything beside them, meanwhile.

    Whoever reads a ledger in order to write it again does both in here. Waits for the others for a time, then raises
    `OutputError`. Nothing is left on the disk: the lock is on the folder around them that exists already.
    """
    with _told():
        wanted = {_there(_real(folder).parent) for folder in folders} - _held.get()
    with ExitStack() as locks:
        for place in sorted(wanted):
            locks.enter_context(_lock(place))
        token = _held.set(_held.get() | wanted)
        try:
            yield
        finally:
            _held.reset(token)


def ledger_of(folder: Path) -> Path | None:
    """Where a stage's ledger is: in its folder, or in what an interrupted `write` moved aside; `None` for neither."""
    with _told():
        here = folder if folder.exists() else _old(_real(folder))
        return here / FILE if (here / FILE).exists() else None


def stale(folder: Path, files: Mapping[str, str]) -> list[str]:
    """What `write` would change in a folder: files that are missing, different or not ours any more."""
    with _told():
        here = _files(folder)
    return sorted({name for name, text in files.items() if here.get(name) != text} | (here.keys() - files.keys()))


_held: ContextVar[frozenset[Path]] = ContextVar("held", default=frozenset())


def _real(folder: Path) -> Path:
    """Where a folder is in the end, links followed."""
    try:
        return folder.resolve()
    except (RuntimeError, ValueError) as error:  # links in a circle, or a NUL in the name
        raise OutputError(f"{str(folder)!r}: {' '.join(str(error).split())}; nothing was changed") from None


def _there(folder: Path) -> Path:
    return next((each for each in (folder, *folder.parents) if each.is_dir()), folder)


@contextmanager
def _lock(place: Path) -> Iterator[None]:
    try:
        import fcntl
    except ModuleNotFoundError:  # an operating system without this kind of lock
        yield
        return
    with _told():
        held = os.open(place, os.O_RDONLY)
    try:
        for attempt in range(_ATTEMPTS):
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if attempt == _ATTEMPTS - 1:
                    raise OutputError(f"{place}: another cfngen is writing there; try again when it is done") from None
                time.sleep(_PAUSE_SECONDS)
        yield
    finally:
        os.close(held)


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
                found[path.relative_to(folder).as_posix()] = path.read_bytes().decode()
            except UnicodeDecodeError:
                found[path.relative_to(folder).as_posix()] = ""
    return found


def _write_beside(folder: Path, files: Mapping[str, str]) -> Path:
    import tempfile

    folder.parent.mkdir(parents=True, exist_ok=True)
    side = Path(tempfile.mkdtemp(prefix=f".{folder.name}.new.", dir=folder.parent))
    try:
        side.chmod(0o755)
        for name, text in sorted(files.items()):
            path = side / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(_bytes(name, text))
    except BaseException:
        _remove(side)
        raise
    return side


def _bytes(name: str, text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        told = f"{name}: UTF-8 cannot write {text[error.start : error.end]!r}; nothing was changed"
        raise OutputError(told) from None


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
        _remove(_old(folder))


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
    _remove(old)
    for side in folder.parent.glob(f".{folder.name}.new.*") if folder.parent.is_dir() else ():
        _remove(side)


def _remove(folder: Path) -> None:
    if folder.exists():
        import shutil

        shutil.rmtree(folder, ignore_errors=True)


def _old(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.old")


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        msg = f"{error.filename or 'the output folder'}: {error.strerror}; nothing was changed"
        raise OutputError(msg) from error
