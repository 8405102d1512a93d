"""Files to disk: all folders of a run or none, by one process at a time.

`Drafts` take files one by one, each beside its folder, and swap, so that an error, a full disk or an interruption leaves
what was there before; `write` takes whole folders. Nothing else in the generator touches the disk.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Self

from cfngen.artifacts import BUILDSPEC, TASKDEF
from cfngen.errors import OutputError
from cfngen.ledger import FILE

_MARK = b"# Written by cfngen"
"""How the first line of our YAML begins."""
_NAMED = (BUILDSPEC, TASKDEF)
"""Files of a service that do not carry the mark: JSON has no comments, and a buildspec may be of the user's making. Task
definitions of what runs its image besides end so.
"""
_SHOWN = 5
_ATTEMPTS, _PAUSE_SECONDS = 100, 0.1


def write(folders: Mapping[Path, Mapping[str, str]]) -> list[Path]:
    """Make each folder hold just its files; return the folders that changed.

    Raises `OutputError` and changes nothing when a folder holds what cfngen did not write, cannot be written, or is
    being written by somebody else.
    """
    with alone(folders), Drafts(folders) as drafts:
        for folder, files in sorted(folders.items()):
            for name, text in sorted(files.items()):
                drafts.put(folder, name, text)
        return drafts.swap()


class Drafts:
    """What folders shall hold, taken file by file while nothing of it is there yet; `swap` makes it so.

    A file that its folder has already is not written, and no folder is touched in which nothing changes. To be used
    in `alone`, and by ``with``, which leaves nothing beside the folders. Everything raises `OutputError` as `write` does.
    """

    def __init__(self, folders: Iterable[Path]) -> None:
        with _told():
            self._drafts = {folder: _Draft(folder, _real(folder)) for folder in sorted(folders)}

    def __enter__(self) -> Self:
        with _told():
            for draft in self._drafts.values():
                _recover(draft.folder)
        return self

    def __exit__(self, *_: object) -> None:
        for draft in self._drafts.values():
            draft.drop()

    def put(self, folder: Path, name: str, text: str) -> None:
        """Take one file of a folder; `name` is its path below."""
        with _told():
            self._drafts[folder].put(name, _bytes(name, text))

    def number_of_files(self, folder: Path) -> int:
        """How many files of a folder were taken."""
        return len(self._drafts[folder].names)

    def swap(self) -> list[Path]:
        """Make each folder hold just the files that were taken; return the folders that changed."""
        with _told():
            changed = [draft for draft in self._drafts.values() if draft.differs()]
            _swap({draft.folder: draft.complete() for draft in changed})
        return [draft.shown for draft in changed]


class _Draft:
    """One folder: `shown` is what the user calls it, `folder` where it is in the end."""

    def __init__(self, shown: Path, folder: Path) -> None:
        self.shown, self.folder = shown, folder
        self.names: set[str] = set()
        self._as_before: list[str] = []
        self._side: Path | None = None
        self._made: list[Path] = []

    def put(self, name: str, data: bytes) -> None:
        self.names.add(name)
        if _holds(self.folder / name, data):
            self._as_before.append(name)
        else:
            _fill(self._beside(), name, data)

    def differs(self) -> bool:
        """Whether there is anything to swap; refuses a folder in which something would be lost."""
        if self.folder.exists() and not self.folder.is_dir():
            msg = f"{self.shown}: is a file, and a folder is wanted there; name another folder, or move the file"
            raise OutputError(msg)
        there = _names(self.folder)
        if foreign := _foreign(self.folder, there, self.names):
            names = ", ".join(foreign[:_SHOWN]) + (f" and {len(foreign) - _SHOWN} more" if foreign[_SHOWN:] else "")
            msg = f"{self.shown}: holds what cfngen did not write: {names}; move that elsewhere, or name another folder"
            raise OutputError(msg)
        return self._side is not None or not self.folder.is_dir() or not there <= self.names

    def complete(self) -> Path:
        """The new folder, which has what is as before, too."""
        side = self._beside()
        for name in self._as_before:
            _fill(side, name, (self.folder / name).read_bytes())
        return side

    def drop(self) -> None:
        """Leave nothing of a draft that was not swapped."""
        if self._side is not None:
            _remove(self._side)
        for folder in self._made:
            with suppress(OSError):  # it is not empty, since the swap was done or somebody put something there
                folder.rmdir()

    def _beside(self) -> Path:
        if self._side is None:
            around = self.folder.parent
            self._made = [each for each in (around, *around.parents) if not each.exists()]
            around.mkdir(parents=True, exist_ok=True)
            self._side = around / f".{self.folder.name}.new.{os.urandom(4).hex()}"
            self._side.mkdir()
            self._side.chmod(0o755)
        return self._side


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
        wrong = {name for name, text in files.items() if not _holds(folder / name, _bytes(name, text))}
        return sorted(wrong | ({name for name in _names(folder) if (folder / name).is_file()} - files.keys()))


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


def _names(folder: Path) -> set[str]:
    """What is below a folder, but for the folders."""
    there = (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    return {path.relative_to(folder).as_posix() for path in there}


def _foreign(folder: Path, there: set[str], files: set[str]) -> list[str]:
    """What of what is `there` would be lost with the old folder, and is not to be told for ours. A ledger says that what has
    the name of one of our files is ours, whatever somebody made of it.
    """
    known = files if (folder / FILE).is_file() else set()
    return sorted(name for name in there - known if not _is_ours(name, folder / name))


def _is_ours(name: str, path: Path) -> bool:
    folder, _, last = name.rpartition("/")
    if name == FILE or (folder and "/" not in folder and (last in _NAMED or last.endswith(f".{TASKDEF}"))):
        return True
    if path.suffix not in (".yaml", ".yml") or not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(_MARK)) == _MARK


def _holds(path: Path, data: bytes) -> bool:
    return path.is_file() and path.read_bytes() == data


def _fill(folder: Path, name: str, data: bytes) -> None:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)


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
