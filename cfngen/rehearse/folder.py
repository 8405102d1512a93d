"""The folder of a rehearsal: in memory where there is enough of it, marked with who owns it, and gone at the end."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PREFIX = "cfngen-rehearse-"
_OWNER = "owner"
_TRIES = 5
"""What still writes while its folder goes may need several."""
_LEAST_KIB = 8 << 20
"""With less memory to spare a rehearsal, which writes some gigabytes, stays on the disk."""


@contextmanager
def made(*, is_large: bool = False) -> Iterator[Path]:
    """A new folder of this process's. A large one lies in memory, if root may and TMPDIR names no other place."""
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    try:
        if is_large and not os.environ.get("TMPDIR"):
            _lay_in_memory(folder)
        # The database and the tasks run as users of their own, who must get through to what is theirs.
        folder.chmod(0o711)
        (folder / _OWNER).write_text(f"{os.getpid()} {started(os.getpid())}\n", encoding="utf-8")
        yield folder
    finally:
        remove(folder)


def remove(folder: Path) -> None:
    """Remove a folder with all that is in it, and the memory that it lay in."""
    if os.path.ismount(folder):
        _called("umount", "--lazy", str(folder))
    for _ in range(_TRIES):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return


def started(pid: int) -> str:
    """When a process began, in the kernel's clock ticks; empty for one that is no more, and where nobody tells."""
    try:
        told = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return told.rpartition(")")[2].split()[19]


def killed() -> Iterator[tuple[Path, int]]:
    """Folders whose owner is no more, each with the pid that it had."""
    for folder in sorted(Path(tempfile.gettempdir()).glob(f"{PREFIX}*")):
        try:
            pid, began = (folder / _OWNER).read_text(encoding="utf-8").split()
        except (OSError, ValueError):  # somebody else's, or not marked yet
            continue
        if started(int(pid)) != began:
            yield folder, int(pid)


def _lay_in_memory(folder: Path) -> None:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    spare = next((int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")), 0)
    if os.geteuid() == 0 and spare >= _LEAST_KIB:
        _called("mount", "-t", "tmpfs", "-o", f"size={spare // 2}k", "cfngen-rehearse", str(folder))


def _called(*words: str) -> None:
    if program := shutil.which(words[0]):
        subprocess.run([program, *words[1:]], capture_output=True, check=False)  # noqa: S603  (words are ours)
