"""Where a rehearsal happens: a folder, the processes that were started for it, and what is left to do at its end.

Every process is ended by its own pid, whoever leaves the block and for whatever reason.
"""

from __future__ import annotations

import ipaddress
import os
import random
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from cfngen.rehearse import folder
from cfngen.rehearse.errors import RehearsalError

_END_SECONDS = 10.0
BUSY: set[subprocess.Popen[Any]] = set()
"""Commands that run right now, in whichever thread; who ends early ends them by `end_busy`."""
_PAUSE_SECONDS = 0.05


class Room:
    """A folder of our own with `logs` that are kept, and the end of everything that was started in it."""

    def __init__(self, folder: Path, logs: Path, end: ExitStack, say: Callable[[str], None]) -> None:
        self.folder = folder
        self.logs = logs
        self.end = end
        self.say = say
        self._over = threading.Event()
        # What a thread still runs goes, and nothing new begins: the last things before the folder is removed.
        end.callback(end_busy)
        end.callback(self._over.set)

    def path(self, name: str) -> Path:
        """A folder inside, made when it is not there; raises `RehearsalError` where the room is no more."""
        made = self.folder
        for part in Path(name).parts:
            made /= part
            self._check(name)
            made.mkdir(exist_ok=True)
        return made

    def _check(self, name: str) -> None:
        """Threads may outlive the room by a little, and may not make anything of it anew."""
        if self._over.is_set():
            raise RehearsalError(f"{name}: the rehearsal is over")

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def start(
        self, name: str, words: Sequence[str], ready: Callable[[], bool],
        environment: Mapping[str, str] | None = None, seconds: float = 60,
    ) -> subprocess.Popen[bytes]:  # fmt: skip
        """Start a server and wait until it is ready; raises `RehearsalError` with what it said last when it is not."""
        self._check(name)
        with self.log(name).open("ab") as out:
            process = subprocess.Popen(  # noqa: S603  (words are ours)
                words, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=environment, start_new_session=True
            )
        self.end.callback(stop, process)
        wait(ready, name, seconds, process=process, log=self.log(name))
        return process

    def run(
        self, name: str, words: Sequence[str], environment: Mapping[str, str] | None = None,
        seconds: float = 300, given: str = "", folder: Path | None = None,
    ) -> str:  # fmt: skip
        """Run a command to its end; returns what it printed. Raises `RehearsalError` with what it said when it fails."""
        self._check(name)
        with self.log(name).open("ab") as errors:
            start = errors.tell()
            process = subprocess.Popen(  # noqa: S603  (words are ours)
                words, cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
                start_new_session=True,
            )  # fmt: skip
            BUSY.add(process)
            try:
                printed, _ = process.communicate(given.encode(), timeout=seconds)
            except subprocess.TimeoutExpired:
                raise RehearsalError(f"{name}: {' '.join(words[:4])} … takes longer than {seconds:.0f} s") from None
            finally:
                BUSY.discard(process)
                stop(process)
        if process.returncode:
            told = self.log(name).read_bytes()[start:].decode(errors="replace").strip() or printed.decode()
            raise RehearsalError(f"{name}: {' '.join(words[:4])} … failed: {told[-1500:]}")
        return printed.decode(errors="replace")


@contextmanager
def room(logs: Path, say: Callable[[str], None], *, is_large: bool = False) -> Iterator[Room]:
    """A room that is empty again at the end; SIGTERM ends it as Ctrl-C does, also in the background. `logs` stay.

    A large one lies in memory where there is enough of it.
    """
    logs.mkdir(parents=True, exist_ok=True)
    before = {number: signal.signal(number, _interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with folder.made(is_large=is_large) as place, ExitStack() as end:
            try:
                yield Room(place, logs, end, say)
            finally:
                for number in before:
                    signal.signal(number, signal.SIG_IGN)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(*_: object) -> None:
    # Who presses Ctrl-C twice wants it to end, not to leave half of it behind.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def stop(process: subprocess.Popen[Any], seconds: float = _END_SECONDS) -> None:
    """End a process by its own pid; one that does not go in time is killed."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait(seconds)


def end_busy() -> None:
    """End the commands of other threads, each with what it started; every one leads a session of its own."""
    for process in list(BUSY):
        if process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)


def wait(
    ready: Callable[[], bool], name: str, seconds: float,
    process: subprocess.Popen[bytes] | None = None, log: Path | None = None,
) -> None:  # fmt: skip
    """Wait until something is so; raises `RehearsalError` when it takes too long, or its process ended."""
    until = time.monotonic() + seconds
    while not ready():
        is_over = process is not None and process.poll() is not None
        if is_over or time.monotonic() > until:
            last = log.read_text(errors="replace").strip().splitlines()[-8:] if log and log.exists() else []
            what = "ended at once" if is_over else f"is not ready after {seconds:.0f} s"
            raise RehearsalError("\n".join([f"{name} {what}", *last]))
        time.sleep(_PAUSE_SECONDS)


def answers(host: str, port: int) -> bool:
    """Whether somebody listens there."""
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False


def loopback(ports: Sequence[int]) -> str:
    """An address of loopback at which nobody listens on these ports, so that they can be those of the real thing."""
    chance = random.SystemRandom()
    for _ in range(50):
        host = str(ipaddress.ip_address("127.64.0.2") + chance.randrange(0x3F0000))
        if all(_is_free(host, port) for port in ports):
            return host
    raise RehearsalError(f"no address of 127.64.0.0/10 lets us listen on {', '.join(map(str, ports))}")


def _is_free(host: str, port: int) -> bool:
    try:
        with socket.create_server((host, port)):
            return True
    except OSError:
        return False


def environment(**more: str) -> dict[str, str]:
    """The environment of this process, without what would lead somebody to a real AWS, and with more."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "DOCKER_", "CONTAINER"))}
    return kept | more
