"""Writing: a folder is swapped whole; whatever happens on the way, it is the old one or the new one."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cfngen import OutputError, write
from cfngen.disk import Drafts, alone, ledger_of, stale

Files = dict[str, str]

MARK = "# Written by cfngen from services/shop.py.\n"
OLD = {
    "ledger.json": "old\n",
    "shop.yaml": "old\n",
    "shop/buildspec.yml": "old\n",
    "gone.yaml": f"{MARK}old\n",
    "gone/appspec.yaml": f"{MARK}old\n",
    "gone/buildspec.yml": "our own\n",
    "gone/taskdef.json": "{}\n",
    "gone/migrate.taskdef.json": "{}\n",
}
NEW = {"ledger.json": "new\n", "shop.yaml": "new é\n", "shop/buildspec.yml": "new\n", "more/taskdef.json": "new\n"}


def read(folder: Path) -> Files | None:
    if not folder.exists():
        return None
    return {
        path.relative_to(folder).as_posix(): path.read_bytes().decode() for path in folder.rglob("*") if path.is_file()
    }


def everything(folder: Path) -> Mapping[str, tuple[bytes, int]]:
    return {
        path.relative_to(folder).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_folder_holds_just_its_files(tmp_path: Path) -> None:
    folder = tmp_path / "templates" / "shop" / "dev"
    assert write({folder: OLD}) == [folder]
    assert read(folder) == OLD
    assert write({folder: NEW}) == [folder]
    assert read(folder) == NEW
    assert not (folder / "gone").exists()
    assert [path.name for path in folder.parent.iterdir()] == ["dev"]
    assert folder.stat().st_mode & 0o777 == 0o755


def test_several_folders_at_once_and_only_those_that_changed(tmp_path: Path) -> None:
    dev, prod, test = tmp_path / "dev", tmp_path / "prod", tmp_path / "test"
    write({dev: OLD, prod: OLD})
    before = everything(prod)
    assert write({test: NEW, prod: OLD, dev: NEW}) == [dev, test]
    assert (read(dev), read(test)) == (NEW, NEW)
    assert everything(prod) == before


def test_what_is_the_same_is_not_touched(tmp_path: Path) -> None:
    write({tmp_path / "dev": OLD})
    before, folder = everything(tmp_path), (tmp_path / "dev").stat()
    assert write({tmp_path / "dev": OLD}) == []
    assert everything(tmp_path) == before
    assert (tmp_path / "dev").stat().st_ino == folder.st_ino


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda folder: (folder / "more.yaml").write_text(MARK), id="another file"),
        pytest.param(lambda folder: (folder / "shop.yaml").unlink(), id="a file missing"),
        pytest.param(lambda folder: (folder / "shop.yaml").write_text("edited"), id="an edited file"),
        pytest.param(lambda folder: (folder / "shop.yaml").write_bytes(b"\xff\xfe"), id="no text"),
    ],
)
def test_what_somebody_changed_by_hand_is_put_right(tmp_path: Path, change: Callable[[Path], object]) -> None:
    folder = tmp_path / "dev"
    write({folder: OLD})
    change(folder)
    assert write({folder: OLD}) == [folder]
    assert read(folder) == OLD


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "dev").mkdir()
    assert write({tmp_path / "dev": NEW}) == [tmp_path / "dev"]
    assert read(tmp_path / "dev") == NEW


def test_line_ends_are_the_same_on_every_machine(tmp_path: Path) -> None:
    write({tmp_path / "dev": {"ledger.json": "a\nb\n"}})
    assert (tmp_path / "dev" / "ledger.json").read_bytes() == b"a\nb\n"


def test_nothing_is_left_of_what_was_taken_and_never_swapped(tmp_path: Path) -> None:
    """A generation that is refused in its middle has made files already."""
    old, new = tmp_path / "templates" / "shop" / "dev", tmp_path / "elsewhere" / "shop" / "dev"
    write({old: OLD})
    before = sorted(tmp_path.rglob("*")), everything(tmp_path)
    with alone([old, new]), Drafts([old, new]) as drafts:
        for folder in (old, new):
            drafts.put(folder, "shop.yaml", "new\n")
        assert sorted(tmp_path.rglob("*")) != before[0]
    assert (sorted(tmp_path.rglob("*")), everything(tmp_path)) == before


def test_what_is_taken_is_there_only_after_the_swap(tmp_path: Path) -> None:
    folder = tmp_path / "dev"
    write({folder: OLD})
    with alone([folder]), Drafts([folder]) as drafts:
        for name, text in {**OLD, "shop.yaml": "new\n"}.items():
            drafts.put(folder, name, text)
        assert read(folder) == OLD
        assert drafts.swap() == [folder]
        assert drafts.number_of_files(folder) == len(OLD)
    assert read(folder) == {**OLD, "shop.yaml": "new\n"}
    assert [path.name for path in tmp_path.iterdir()] == ["dev"]


# What cfngen did not write


def test_a_folder_of_somebody_else_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    dev, prod = tmp_path / "dev", tmp_path / "prod"
    write({dev: OLD})
    prod.mkdir()
    (prod / "thesis.txt").write_text("years of work", encoding="utf-8")
    before = everything(tmp_path)
    fits = "prod: holds what cfngen did not write: thesis.txt; move that elsewhere, or name another folder"
    with pytest.raises(OutputError, match=fits) as caught:
        write({dev: NEW, prod: NEW})
    assert everything(tmp_path) == before
    assert caught.value.exit_status == 1


@pytest.mark.parametrize("ledger", [True, False])
@pytest.mark.parametrize(
    "name",
    [
        "notes.txt",
        "web/params.json",
        "taskdef.json",
        "web/deep/taskdef.json",
        "network.yaml",
        "web/appspec.yaml",
        ".env",
        "picture.png",
        "link.yaml",
        "web/ledger.json",
    ],
)
def test_what_somebody_else_put_there_is_never_removed(tmp_path: Path, name: str, ledger: bool) -> None:
    folder = tmp_path / "dev"
    write({folder: OLD})
    if not ledger:
        (folder / "ledger.json").unlink()
        (folder / "shop.yaml").unlink()
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if name == "link.yaml":
        path.symlink_to(tmp_path / "nowhere")
    else:
        path.write_bytes(b"years of work \xff")
    before = everything(tmp_path)
    with pytest.raises(OutputError, match=f"dev: holds what cfngen did not write: {name}; move that elsewhere"):
        write({folder: NEW})
    assert everything(tmp_path) == before
    assert path.is_symlink() or path.exists()


def test_not_every_name_of_many_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "dev"
    write({folder: OLD})
    for number in range(7):
        (folder / f"{number}.txt").write_text("work", encoding="utf-8")
    with pytest.raises(OutputError, match=r"0\.txt, 1\.txt, 2\.txt, 3\.txt, 4\.txt and 2 more; move"):
        write({folder: NEW})


def test_our_own_files_without_a_ledger_may_be_written(tmp_path: Path) -> None:
    folder = tmp_path / "dev"
    own = {name: text if name.endswith(("json", "yml")) else MARK for name, text in OLD.items()}
    write({folder: own})
    (folder / "ledger.json").unlink()
    assert write({folder: NEW}) == [folder]
    assert read(folder) == NEW


def test_without_a_ledger_a_file_of_the_same_name_may_be_somebody_elses(tmp_path: Path) -> None:
    folder = tmp_path / "dev"
    folder.mkdir()
    (folder / "shop.yaml").write_text("Resources: {}\n", encoding="utf-8")
    with pytest.raises(OutputError, match=r"did not write: shop\.yaml; move"):
        write({folder: NEW})


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "dev").write_text("years of work", encoding="utf-8")
    with pytest.raises(OutputError, match="dev: "):
        write({tmp_path / "dev": NEW})
    assert everything(tmp_path).keys() == {"dev"}
    assert (tmp_path / "dev").read_text(encoding="utf-8") == "years of work"


def test_a_file_in_the_way_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "templates").write_text("years of work", encoding="utf-8")
    with pytest.raises(OutputError, match="nothing was changed"):
        write({tmp_path / "templates" / "shop" / "dev": NEW})
    assert (tmp_path / "templates").read_text(encoding="utf-8") == "years of work"


def test_a_link_to_a_folder_is_followed_or_refused(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "dev"
    write({real: OLD})
    link.symlink_to(real)
    for files in (NEW, OLD):
        try:
            write({link: files})
        except OutputError:
            assert read(real) == OLD
        else:
            assert read(link) == files
        assert {path.name for path in tmp_path.iterdir()} == {"real", "dev"}


# Faults

Fault = Callable[[], BaseException]
FULL: Fault = lambda: OSError(errno.ENOSPC, "No space left on device")  # noqa: E731  (a name for each kind of fault)
FAULTS = pytest.mark.parametrize("fault", [FULL, KeyboardInterrupt], ids=["disk full", "interrupted"])


class Disk:
    """Counts the steps that change the disk; the `at`-th fails, and with `for_good` every later one as well."""

    def __init__(self, fault: Fault, at: int, *, for_good: bool = False) -> None:
        self.fault, self.at, self.for_good = fault, at, for_good
        self.steps = 0

    def fails(self) -> bool:
        self.steps += 1
        return self.steps == self.at or (self.for_good and self.steps > self.at)

    def broken(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def step(*args: Any, **kwargs: Any) -> Any:
            if self.fails():
                if real is Path.write_text:
                    args = (args[0], args[1][:1])  # a full disk leaves half a file
                    real(*args, **kwargs)
                raise self.fault()
            return real(*args, **kwargs)

        return step

    def broken_removal(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def remove(path: Path, ignore_errors: bool = False) -> None:
            if self.fails():
                fault = self.fault()
                if isinstance(fault, OSError) and ignore_errors:
                    return
                raise fault
            real(path, ignore_errors=ignore_errors)

        return remove


@contextmanager
def failing(disk: Disk) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for owner, name in (
            (Path, "mkdir"),
            (Path, "chmod"),
            (Path, "write_text"),
            (Path, "replace"),
            (Path, "rename"),
            (Path, "unlink"),
        ):
            patch.setattr(owner, name, disk.broken(getattr(owner, name)))
        patch.setattr(shutil, "rmtree", disk.broken_removal(shutil.rmtree))
        yield


def fails(folders: Mapping[Path, Files], disk: Disk) -> BaseException | None:
    """Write on a failing disk; return what was raised."""
    with failing(disk):
        try:
            write(folders)
        except (OutputError, KeyboardInterrupt) as error:
            return error
    return None


def steps_of(folders: Mapping[Path, Files]) -> int:
    disk = Disk(FULL, 0)
    assert fails(folders, disk) is None
    return disk.steps


def start(tmp_path: Path, name: str, before: Mapping[str, Files | None]) -> dict[str, Path]:
    """Folders side by side, each as it was before."""
    folders = {stage: tmp_path / name / stage for stage in before}
    for stage, files in before.items():
        if files is not None:
            write({folders[stage]: files})
    return folders


STARTS: dict[str, dict[str, Files | None]] = {
    "a new folder": {"dev": None},
    "an old folder": {"dev": OLD},
    "two folders": {"dev": OLD, "prod": OLD},
    "one of two is new": {"dev": OLD, "prod": None},
}


@FAULTS
@pytest.mark.parametrize("before", STARTS.values(), ids=STARTS)
def test_a_fault_at_any_step_leaves_the_old_or_the_new_folder(
    tmp_path: Path, before: Mapping[str, Files | None], fault: Fault
) -> None:
    steps = steps_of(dict.fromkeys(start(tmp_path, "whole", before).values(), NEW))
    assert steps >= 5 * len(before)
    for at in range(1, steps + 1):
        folders = start(tmp_path, f"{at}", before)
        raised = fails(dict.fromkeys(folders.values(), NEW), Disk(fault, at))
        found = {stage: read(folder) for stage, folder in folders.items()}
        for stage, files in found.items():
            assert files in (before[stage], NEW), f"step {at} of {steps}"
        if isinstance(raised, OutputError):
            assert found == before, f"step {at} of {steps}: {raised}"
            assert str(raised).endswith("No space left on device; nothing was changed")
            there = {stage for stage, files in before.items() if files is not None}
            assert {path.name for path in (tmp_path / f"{at}").glob("*")} == there, f"step {at} of {steps}"
        elif raised is None:
            assert found == dict.fromkeys(before, NEW), f"step {at} of {steps}"
        write(dict.fromkeys(folders.values(), NEW))
        assert {stage: read(folder) for stage, folder in folders.items()} == dict.fromkeys(before, NEW)
        assert {path.name for path in (tmp_path / f"{at}").iterdir()} == set(before)


@FAULTS
@pytest.mark.parametrize("before", STARTS.values(), ids=STARTS)
def test_when_the_power_fails_at_any_step_the_next_write_mends_it(
    tmp_path: Path, before: Mapping[str, Files | None], fault: Fault
) -> None:
    steps = steps_of(dict.fromkeys(start(tmp_path, "whole", before).values(), NEW))
    for at in range(1, steps + 1):
        folders = start(tmp_path, f"{at}", before)
        fails(dict.fromkeys(folders.values(), NEW), Disk(fault, at, for_good=True))
        for stage, folder in folders.items():
            assert read(folder) in (None, before[stage], NEW), f"step {at} of {steps}"
        # What was there is had back rather than made again: it may hold a ledger that nobody else knows.
        old = {folder: files for stage, folder in folders.items() if (files := before[stage])}
        swapped = {folder for folder in old if read(folder) == NEW}
        assert set(write(old)) == swapped, f"step {at} of {steps}"
        write(dict.fromkeys(folders.values(), NEW))
        assert {stage: read(folder) for stage, folder in folders.items()} == dict.fromkeys(before, NEW)
        assert {path.name for path in (tmp_path / f"{at}").iterdir()} == set(before)


def test_a_fault_while_an_interrupted_swap_is_mended_is_told_like_any_other(tmp_path: Path) -> None:
    folder = tmp_path / "dev"
    write({folder: OLD})
    steps = steps_of({tmp_path / "prod": OLD})
    for at in range(1, steps + 10):
        if fails({folder: NEW}, Disk(FULL, at, for_good=True)) and not folder.exists():
            break
        write({folder: OLD})
    else:
        return  # no step leaves anything to mend
    with failing(Disk(FULL, 1, for_good=True)), pytest.raises(OutputError, match="No space left on device"):
        write({folder: OLD})


def test_what_cannot_be_read_is_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write({tmp_path / "dev": OLD})

    def denied(*_args: object, **_kwargs: object) -> str:
        raise PermissionError(errno.EACCES, "Permission denied", "dev/shop.yaml")

    monkeypatch.setattr(Path, "read_bytes", denied)
    with pytest.raises(OutputError, match=r"dev/shop\.yaml: Permission denied; nothing was changed"):
        write({tmp_path / "dev": NEW})


@pytest.mark.parametrize(
    ("folder", "says"),
    [("round/dev", "round"), ("a" * 300, "File name too long"), ("a\0b", "null byte")],
)
def test_a_folder_that_there_cannot_be_is_told_in_one_line(tmp_path: Path, folder: str, says: str) -> None:
    (tmp_path / "round").symlink_to("round")
    for writing in (lambda: write({tmp_path / folder: NEW}), lambda: ledger_of(tmp_path / folder)):
        with pytest.raises(OutputError) as caught:
            writing()
        assert says in str(caught.value)
        assert str(caught.value).endswith("; nothing was changed")
        assert "\n" not in str(caught.value)


def test_a_text_that_utf_8_cannot_write_leaves_everything_as_it_was(tmp_path: Path) -> None:
    write({tmp_path / "dev": OLD})
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(OutputError, match=r"shop\.yaml: UTF-8 cannot write '\\udcff'; nothing was changed"):
        write({tmp_path / "dev": {**NEW, "shop.yaml": "# Written by cfngen \udcff\n"}})
    assert sorted(tmp_path.rglob("*")) == before


def test_one_process_writes_at_a_time(tmp_path: Path) -> None:
    """Two that write the same folder again and again, each with files of its own: one of the two is there, whole."""
    program = """
import sys
from pathlib import Path
from cfngen.disk import write
own, folder = sys.argv[1], Path(sys.argv[2])
for turn in range(60):
    for stage in ("dev", "prod"):
        write({folder / stage: {"ledger.json": own + str(turn), "s/taskdef.json": own + str(turn)}})
"""
    running = [subprocess.Popen([sys.executable, "-c", program, own, str(tmp_path / "out")]) for own in ("a", "b")]
    assert [each.wait(timeout=60) for each in running] == [0, 0]
    for stage in ("dev", "prod"):
        texts = {path.read_text(encoding="utf-8") for path in (tmp_path / "out" / stage).rglob("*") if path.is_file()}
        assert len(texts) == 1
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["dev", "prod"]


def test_a_folder_that_somebody_else_writes_is_waited_for_and_then_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cfngen.disk._ATTEMPTS", 2)
    held = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    try:
        with pytest.raises(OutputError, match="another cfngen is writing there"):
            write({tmp_path / "dev": {"ledger.json": "{}"}})
    finally:
        os.close(held)
    assert list(tmp_path.iterdir()) == []
    assert write({tmp_path / "dev": {"ledger.json": "{}"}}) == [tmp_path / "dev"]


def test_line_ends_are_bytes_too(tmp_path: Path) -> None:
    folder, files = tmp_path / "dev", {"ledger.json": "{}\n", "web/taskdef.json": "one\r\ntwo\n"}
    assert write({folder: files}) == [folder]
    assert write({folder: files}) == []
    (folder / "ledger.json").write_bytes(b"{}\r\n")
    assert stale(folder, files) == ["ledger.json"]
